import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { signAsTwilio } from '../../src/tracking/testing.ts';
import { eventually, type RunningBellhop, startBellhop, temporaryFolder } from '../support/process.ts';
import { type MailServer, startMailServer } from './counterparts.ts';
import type { TextPeer } from './text-peer.ts';
import { startTwilioPeer } from './twilio-peer.ts';

const PUBLIC_URL = 'https://bell.example';
const AUTH_TOKEN = 'the-auth-token';
const MESSAGE = { title: 'Alarm', body: 'The freezer is warm.' };
const PENDING = ['accepted', 'processing'];
const SOON_MS = 20_000;

// A real process with a mail server and Twilio on loopback.
describe('a ladder from mail to text message', () => {
  const dataDir = temporaryFolder();
  let bellhop: RunningBellhop;
  let mail: MailServer;
  let twilio: TextPeer;
  let receiptsPath: string;
  const start = () => startBellhop({ BELLHOP_PUBLIC_URL: PUBLIC_URL }, { dataDir });
  before(async () => {
    [mail, twilio] = await Promise.all([startMailServer(), startTwilioPeer()]);
    bellhop = await start();
    const smtp = { host: '127.0.0.1', port: mail.port, security: 'none', from: 'Bell <bell@shop.example>' };
    await bellhop.call('PUT', '/v1/connections/mail', { provider: 'smtp', config: smtp });
    const account = { accountSid: `AC${'0'.repeat(32)}`, authToken: AUTH_TOKEN, from: '+15005550006' };
    const config = { ...account, baseUrl: twilio.origin };
    const made = await bellhop.call('PUT', '/v1/connections/texts', { provider: 'twilio', config });
    receiptsPath = made.body.receiptsPath;
  });
  after(async () => {
    await bellhop?.end();
    await Promise.all([mail?.close(), twilio?.close()]);
    rmSync(dataDir, { recursive: true, force: true });
  });

  const phoneOf = (n: number) => `+4915112345${String(n).padStart(3, '0')}`;
  const addUser = (n: number) =>
    bellhop.call('PUT', `/v1/users/user-${n}`, {
      contacts: { email: `user-${n}@mail.example`, phone: phoneOf(n) },
    });
  const ladder = (waitSeconds: number, until = 'confirmed', channels = ['email', 'sms']) => ({
    steps: [{ channels: [channels[0]], waitSeconds }, { channels: [channels[1]] }],
    until,
  });
  const send = async (n: number, body: object): Promise<string> => {
    const request = { userId: `user-${n}`, message: MESSAGE, ...body };
    const answer = await bellhop.call('POST', '/v1/notifications', request);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return answer.body.id;
  };
  // biome-ignore lint/suspicious/noExplicitAny: a view of the API
  const until = (id: string, isSo: (view: any) => boolean) =>
    eventually(
      async () => (await bellhop.call('GET', `/v1/notifications/${id}`)).body,
      (view) => isSo(view),
      SOON_MS,
    );
  const ended = (id: string) => until(id, ({ status }) => !PENDING.includes(status));
  const textsTo = (n: number) => twilio.recipients.filter((to) => to === phoneOf(n)).length;
  const postAsTwilio = (path: string, fields: Record<string, string>) =>
    fetch(bellhop.url + path, {
      method: 'POST',
      headers: { 'x-twilio-signature': signAsTwilio(PUBLIC_URL + path, fields, AUTH_TOKEN) },
      body: new URLSearchParams(fields),
    });

  it('does not wait for a mailbox that does not exist', async () => {
    await addUser(1);
    mail.replies.set('user-1@mail.example', [550]);
    const { deliveries } = await ended(await send(1, { ladder: ladder(3_600) }));
    const story = deliveries.map(({ step, channel, state }: Record<string, string>) => [
      step,
      channel,
      state,
    ]);
    assert.deepEqual(story, [
      [0, 'email', 'failed'],
      [1, 'sms', 'sent'],
    ]);
    assert.equal(textsTo(1), 1);
  });

  it('is over as soon as the vendor says that the message arrived', async () => {
    await addUser(2);
    const id = await send(2, { ladder: ladder(3_600, 'delivered', ['sms', 'email']) });
    const { deliveries } = await until(id, (view) => view.deliveries[0]?.state === 'sent');
    const sid = deliveries[0].providerMessageId;
    const fields = { MessageSid: sid, MessageStatus: 'delivered' };
    const { status } = await postAsTwilio(`${receiptsPath}?delivery=${deliveries[0].id}`, fields);
    assert.equal(status, 204);
    const view = await ended(id);
    assert.deepEqual([view.status, view.deliveries[1].reason], ['sent', 'ladder_stopped']);
    assert.ok(!mail.mails.some(({ to }) => to?.[0]?.address === 'user-2@mail.example'));
  });

  it('goes on where it was when the process is killed, and stays stopped where it was', async () => {
    const all = Array.from({ length: 40 }, (_, i) => 100 + i);
    await Promise.all(all.map(addUser));
    const ids = await Promise.all(all.map((n) => send(n, { category: 'security', ladder: ladder(10) })));
    await Promise.all(ids.map((id) => until(id, (view) => view.deliveries.length > 0)));
    const confirmed = new Set(all.filter((n) => n % 4 === 0));
    const stops = ids.filter((_, i) => confirmed.has(all[i]!));
    const answers = await Promise.all(
      stops.map((id) => bellhop.call('POST', `/v1/notifications/${id}/confirm`)),
    );
    assert.ok(answers.every(({ status }) => status === 200));
    for (let kills = 0; kills < 2; kills++) {
      await bellhop.end('SIGKILL');
      bellhop = await start();
    }
    for (const [i, n] of all.entries()) {
      const { deliveries } = await ended(ids[i]!);
      const steps = deliveries.map(({ step }: { step: number }) => step);
      assert.deepEqual(steps, [0, 1]);
      const [, text] = deliveries;
      const unsure = text.attempts.some(({ outcome }: { outcome: string }) => outcome === 'unknown');
      if (confirmed.has(n)) assert.deepEqual([text.reason, textsTo(n)], ['ladder_stopped', 0]);
      else if (unsure) assert.ok(textsTo(n) <= 2);
      else assert.deepEqual([text.state, textsTo(n)], ['sent', 1]);
    }
  });

  it('and text messages end when the user answers STOP, until he answers START', async () => {
    await addUser(3);
    const answer = (text: string) =>
      postAsTwilio(receiptsPath, { Body: text, From: phoneOf(3), MessageSid: 'SM3', SmsStatus: 'received' });
    assert.equal((await answer('Stop')).status, 200);
    const stopped = await ended(await send(3, { channels: ['sms'] }));
    assert.deepEqual([stopped.status, stopped.deliveries[0].reason], ['skipped', 'contact_suppressed']);
    assert.equal((await answer('Start')).status, 200);
    assert.equal((await ended(await send(3, { channels: ['sms'] }))).status, 'sent');
    assert.equal(textsTo(3), 1);
  });
});
