import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Email } from 'postal-mime';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';
import { type MailServer, startMailServer } from './counterparts.ts';

const PUBLIC_URL = 'https://bell.example';
const PENDING = ['accepted', 'processing'];
const MESSAGE = { title: 'Spring offers', body: 'Everything is cheaper.' };
const dkimPrivateKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
});

// What a mail program does with the header of a mail that really arrived (RFC 8058).
describe('unsubscribing with one click', () => {
  let bellhop: RunningBellhop;
  let mail: MailServer;
  before(async () => {
    mail = await startMailServer();
    bellhop = await startBellhop({ BELLHOP_PUBLIC_URL: PUBLIC_URL });
    const config = {
      host: '127.0.0.1',
      port: mail.port,
      security: 'none',
      from: 'Shop <news@shop.example>',
      dkimDomain: 'shop.example',
      dkimSelector: 's1',
      dkimPrivateKey,
    };
    await bellhop.call('PUT', '/v1/connections/mail', { provider: 'smtp', config });
    await bellhop.call('PUT', '/v1/users/ada', { contacts: { email: 'ada@mail.example' } });
  });
  after(async () => {
    await bellhop?.dispose();
    await mail.close();
  });

  const send = async (request: object) => {
    const { body } = await bellhop.call('POST', '/v1/notifications', {
      userId: 'ada',
      channels: ['email'],
      ...request,
    });
    const view = await eventually(
      () => bellhop.call('GET', `/v1/notifications/${body.id}`),
      (answer) => !PENDING.includes(answer.body.status),
    );
    return view.body;
  };
  const headerOf = (email: Email, name: string) =>
    email.headers.filter(({ key }) => key === name).map(({ value }) => value);
  /** Where a link of this installation leads here. */
  const local = (link: string) => bellhop.url + link.slice(PUBLIC_URL.length);

  it('is offered by what users may refuse, under the signature, and ends it', async () => {
    const { status } = await send({ message: MESSAGE, category: 'marketing' });
    assert.equal(status, 'sent');
    const received = mail.mails.at(-1)!;
    const [link, ...more] = headerOf(received, 'list-unsubscribe');
    assert.deepEqual(more, []);
    assert.match(link!, /^<https:\/\/bell\.example\/u\/[\w-]{60,}>$/);
    assert.deepEqual(headerOf(received, 'list-unsubscribe-post'), ['List-Unsubscribe=One-Click']);
    const signature = headerOf(received, 'dkim-signature')[0]!.replace(/\s/g, '');
    const signed = /;h=([^;]+);/.exec(signature)![1]!.split(':');
    assert.ok(signed.includes('list-unsubscribe') && signed.includes('list-unsubscribe-post'), signature);

    const address = local(link!.slice(1, -1));
    assert.equal((await fetch(address)).status, 200);
    assert.equal(
      (await send({ message: MESSAGE, category: 'marketing' })).status,
      'sent',
      'a look ends nothing',
    );

    const clicked = await fetch(address, {
      method: 'POST',
      body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }),
      redirect: 'error',
    });
    assert.equal(clicked.status, 200);
    const count = mail.mails.length;
    const { status: next, deliveries } = await send({ message: MESSAGE, category: 'marketing' });
    assert.deepEqual([next, deliveries[0].reason, mail.mails.length], ['skipped', 'opted_out', count]);
    assert.equal((await send({ message: MESSAGE })).status, 'sent', 'what must be sent still is');
  });

  it('is not offered by what nobody may refuse', async () => {
    for (const category of ['transactional', 'security', 'otp']) {
      assert.equal((await send({ message: MESSAGE, category })).status, 'sent');
      assert.deepEqual(headerOf(mail.mails.at(-1)!, 'list-unsubscribe'), [], category);
      assert.deepEqual(headerOf(mail.mails.at(-1)!, 'list-unsubscribe-post'), [], category);
    }
  });

  it("leaves the caller's own header alone, and gives templates the links", async () => {
    await bellhop.call('PUT', '/v1/categories/digest', { kind: 'marketing' });
    const own = { 'List-Unsubscribe': '<mailto:out@shop.example>' };
    await send({ message: { ...MESSAGE, email: { headers: own } }, category: 'digest' });
    assert.deepEqual(headerOf(mail.mails.at(-1)!, 'list-unsubscribe'), ['<mailto:out@shop.example>']);
    assert.deepEqual(headerOf(mail.mails.at(-1)!, 'list-unsubscribe-post'), []);

    const html = '<p><a href="{{ unsubscribe_url }}">Out</a> <a href="{{ preferences_url }}">Choose</a></p>';
    const en = { subject: 'Digest', html };
    await bellhop.call('PUT', '/v1/templates/digest', { channels: { email: { en } } });
    assert.equal((await send({ template: { id: 'digest' }, category: 'digest' })).status, 'sent');
    const [, out, choose] = /href="([^"]+)">Out.*href="([^"]+)">Choose/.exec(mail.mails.at(-1)!.html!)!;
    assert.deepEqual(headerOf(mail.mails.at(-1)!, 'list-unsubscribe'), [`<${out}>`]);
    for (const link of [out!, choose!]) assert.equal((await fetch(local(link))).status, 200, link);
  });
});
