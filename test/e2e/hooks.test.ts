import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type HookPeer, say, sayNothing, startHookPeer, verifiedBy } from '../../src/hooks/testing.ts';
import { eventually, type RunningBellhop, startBellhop, temporaryFolder } from '../support/process.ts';
import { type MailServer, startMailServer } from './counterparts.ts';

const MESSAGE = { title: 'Your parcel', body: 'It is on its way.' };
const MODULE = `export function preSend({ data }) {
  return data.user.id === 'banned' ? { verdict: 'drop', reason: 'the operator said so' } : undefined;
}`;

// A whole Bellhop, a mail server, and somebody's hook server, all on loopback.
describe('hooks around a real delivery', () => {
  const folder = temporaryFolder();
  let bellhop: RunningBellhop;
  let mail: MailServer;
  let peer: HookPeer;
  before(async () => {
    writeFileSync(join(folder, 'hooks.mjs'), MODULE);
    [mail, peer] = await Promise.all([startMailServer(), startHookPeer()]);
    bellhop = await startBellhop({ BELLHOP_HOOKS_MODULE: join(folder, 'hooks.mjs') });
    for (const user of ['ada', 'banned']) {
      await made('PUT', `/v1/users/${user}`, {
        contacts: { email: `${user}@mail.example` },
        attributes: { plan: 'gold' },
      });
    }
    await connect('mail', {});
  });
  beforeEach(() => {
    peer.calls.length = 0;
    mail.mails.length = 0;
    peer.answer = say({ verdict: 'send' });
  });
  after(async () => {
    await bellhop?.dispose();
    await Promise.all([mail.close(), peer.close()]);
    rmSync(folder, { recursive: true });
  });

  async function made(method: string, path: string, body: object) {
    const answer = await bellhop.call(method, path, body);
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body;
  }
  const connect = (id: string, extra: object, priority = 100) => {
    const config = { host: '127.0.0.1', port: mail.port, security: 'none', from: 'a@shop.example', ...extra };
    return made('PUT', `/v1/connections/${id}`, { provider: 'smtp', priority, config });
  };
  const putHook = (rest: object = {}) =>
    made('PUT', '/v1/hooks/audit', { moment: 'pre-send', url: peer.url, onFailure: 'closed', ...rest });
  const send = async (userId = 'ada') =>
    (await made('POST', '/v1/notifications', { userId, message: MESSAGE, channels: ['email'] })).id;
  /** The delivery once it is as expected. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what was answered
  const delivery = async (id: string, fits: (delivery: any) => boolean) =>
    (
      await eventually(
        () => bellhop.call('GET', `/v1/notifications/${id}`),
        ({ body }) => body.deliveries.length === 1 && fits(body.deliveries[0]),
      )
    ).body.deliveries[0];
  const ended = (id: string) => delivery(id, ({ state }) => !['queued', 'sending'].includes(state));

  it('let a hook rewrite a mail, verified by its secret, and leave a trace', async () => {
    const { secret } = await putHook();
    peer.answer = (response, call) =>
      say({
        verdict: 'send',
        content: { subject: `${call.event.data.content.subject} (${call.event.data.user.attributes.plan})` },
      })(response);
    const result = await ended(await send());
    assert.equal(result.state, 'sent', JSON.stringify(result));
    assert.equal(mail.mails[0]!.subject, 'Your parcel (gold)');
    assert.equal(verifiedBy(peer.calls[0]!, secret), 0);
    assert.equal(peer.calls[0]!.event.data.deliveryId, result.id);
    const [attempt] = result.attempts;
    assert.deepEqual([attempt.outcome, attempt.reason], ['accepted', 'hook_replaced']);
    assert.deepEqual(
      [attempt.detail.hooks[0].hook, attempt.detail.hooks[0].replaced],
      ['audit', ['subject']],
    );
  });

  it('let a hook drop a mail, and show why', async () => {
    await putHook();
    peer.answer = say({ verdict: 'drop', reason: 'asleep' });
    const result = await ended(await send());
    assert.deepEqual([result.state, result.reason, result.code], ['skipped', 'hook_dropped', 'asleep']);
    assert.equal(result.attempts[0].detail.hooks[0].hook, 'audit');
    assert.equal(mail.mails.length, 0);
  });

  it('let a hook defer a mail, which goes out later without a retry used up', async () => {
    await putHook();
    let asked = 0;
    peer.answer = (response) =>
      say(asked++ ? { verdict: 'send' } : { verdict: 'defer', deferMs: 1 })(response);
    const result = await ended(await send());
    assert.equal(result.state, 'sent', JSON.stringify(result));
    assert.deepEqual(
      result.attempts.map(({ outcome, reason }: { outcome: string; reason?: string }) => [outcome, reason]),
      [
        ['deferred', 'hook_deferred'],
        ['accepted', undefined],
      ],
    );
    assert.deepEqual(
      peer.calls.map(({ event }) => event.data.attempt),
      [1, 2],
    );
  });

  it('send without a fail-open hook that does not answer, and hold back for a fail-closed one', async () => {
    peer.answer = sayNothing;
    await putHook({ onFailure: 'open' });
    const sent = await ended(await send());
    assert.equal(sent.state, 'sent');
    assert.equal(sent.attempts[0].reason, 'hook_failed');
    assert.equal(sent.attempts[0].detail.hooks[0].why, 'no answer within 300 ms');
    await putHook({ onFailure: 'closed' });
    const held = await delivery(
      await send(),
      ({ state, reason }) => state === 'queued' && reason === 'hook_failed',
    );
    assert.deepEqual([held.code, held.attempts[0].outcome], ['audit', 'deferred']);
    assert.ok(Date.parse(held.dueAt) > Date.parse(held.attempts[0].startedAt) + 4_000);
    assert.equal(mail.mails.length, 1);
  });

  it('tell a hook afterwards', async () => {
    await putHook({ moment: 'post-send' });
    const result = await ended(await send());
    await peer.called(1);
    const told = peer.calls.map(({ event }) => event).find(({ data }) => data.deliveryId === result.id);
    assert.deepEqual(
      [told.type, told.data.outcome, told.data.state],
      ['delivery.post_send', 'accepted', 'sent'],
    );
  });

  it("ask the operator's module for every tenant, whatever the tenant's flag says", async () => {
    await putHook();
    await made('PUT', '/v1/flags/hooks', { percentage: 0 });
    const banned = await ended(await send('banned'));
    assert.deepEqual([banned.reason, banned.code], ['hook_dropped', 'the operator said so']);
    const sent = await ended(await send());
    assert.equal(sent.state, 'sent');
    assert.equal(peer.calls.length, 0);
    await bellhop.call('DELETE', '/v1/flags/hooks');
    await bellhop.call('DELETE', '/v1/hooks/audit');
  });

  it('fail over or wait, as the flag of the tenant says', async () => {
    await connect('broken', { username: 'u', password: 'wrong' }, 1);
    await made('PUT', '/v1/flags/failover', { percentage: 0 });
    const id = await send();
    const waiting = await delivery(id, ({ state, attempts }) => state === 'queued' && attempts.length > 0);
    assert.deepEqual([waiting.connection, waiting.reason], ['broken', 'credentials_invalid']);
    await bellhop.call('DELETE', '/v1/flags/failover');
    await connect('broken2', { username: 'u', password: 'wrong' }, 0);
    const moved = await ended(await send());
    assert.deepEqual([moved.state, moved.connection, moved.attempts.length], ['sent', 'mail', 2]);
  });
});

describe('a start with a hooks module that is not there', () => {
  const dataDir = temporaryFolder();
  after(() => rmSync(dataDir, { recursive: true }));

  it('ends at once and names the setting', async () => {
    await assert.rejects(
      startBellhop({ BELLHOP_HOOKS_MODULE: '/nowhere/hooks.mjs' }, { dataDir }),
      /BELLHOP_HOOKS_MODULE: \/nowhere\/hooks\.mjs can not be loaded/,
    );
  });
});
