import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type HookPeer, say, startHookPeer, verifiedBy } from '../../src/hooks/testing.ts';
import { eventually, type RunningBellhop, startBellhop } from '../support/process.ts';
import { type MailServer, startMailServer } from './counterparts.ts';

/** The first retry is due after five seconds. */
const PATIENCE_MS = 60_000;

// A whole Bellhop, a mail server, and somebody's webhook endpoint, all on loopback.
describe('webhooks of real deliveries', () => {
  let bellhop: RunningBellhop;
  let mail: MailServer;
  let peer: HookPeer;
  before(async () => {
    [mail, peer] = await Promise.all([startMailServer(), startHookPeer()]);
    bellhop = await startBellhop();
    const config = { host: '127.0.0.1', port: mail.port, security: 'none', from: 'a@shop.example' };
    await made('PUT', '/v1/connections/mail', { provider: 'smtp', config });
    await made('PUT', '/v1/users/ada', { contacts: { email: 'ada@mail.example' } });
  });
  after(async () => {
    await bellhop?.dispose();
    await Promise.all([mail.close(), peer.close()]);
  });

  async function made(method: string, path: string, body: object) {
    const answer = await bellhop.call(method, path, body);
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body;
  }
  const notify = async (rest: object = {}) => {
    const message = { title: 'Your parcel', body: 'It is on its way.' };
    return (await made('POST', '/v1/notifications', { userId: 'ada', message, channels: ['email'], ...rest }))
      .id;
  };
  const logged = async () =>
    (await bellhop.call('GET', '/v1/webhook-endpoints/shop/deliveries?limit=100')).body.items;

  it('tell what became of each notification, once', async () => {
    // What was before is not told.
    const early = await notify();
    await eventually(
      () => bellhop.call('GET', `/v1/notifications/${early}`),
      ({ body }) => body.status === 'sent',
    );
    // Is busy when it hears of every third for the first time: nothing is missing, and nothing has two ids.
    const heard = new Set<string>();
    peer.answer = (response, { headers }) => {
      const id = String(headers['webhook-id']);
      const isBusy = !heard.has(id) && heard.size % 3 === 1;
      heard.add(id);
      say({}, isBusy ? 500 : 200)(response);
    };
    const { secret } = await made('PUT', '/v1/webhook-endpoints/shop', { url: peer.url });
    const sent = await Promise.all([1, 2, 3].map(() => notify()));
    const skipped = await notify({ channels: ['sms'] });
    await made('PATCH', '/v1/users/ada/preferences', {
      preferences: [{ category: 'news', channel: 'email', choice: 'out' }],
    });
    const cancelled = await notify({ sendAt: new Date(Date.now() + 3_600_000).toISOString() });
    await made('POST', `/v1/notifications/${cancelled}/cancel`, {});
    const items = await eventually(
      logged,
      (list) => list.length === 6 && list.every(({ state }: { state: string }) => state === 'delivered'),
      PATIENCE_MS,
    );
    assert.equal(items.length, 6);
    const told = new Map(peer.calls.map((call) => [String(call.headers['webhook-id']), call.event]));
    assert.equal(told.size, 6, 'each under one id');
    assert.ok(peer.calls.length > 6, 'some were told again');
    for (const call of peer.calls) assert.equal(verifiedBy(call, secret), 0);
    const byNotification = Map.groupBy(told.values(), ({ data }) => data.notificationId);
    for (const id of sent) {
      assert.deepEqual(
        byNotification.get(id)!.map(({ type, data }) => [type, data.userId, data.channel, data.provider]),
        [['delivery.sent', 'ada', 'email', 'smtp']],
      );
    }
    assert.deepEqual(
      byNotification.get(skipped)!.map(({ type, data }) => [type, data.channel]),
      [['delivery.skipped', 'sms']],
    );
    assert.deepEqual(
      byNotification.get(cancelled)!.map(({ type, data }) => [type, data.userId, data.reason]),
      [['notification.cancelled', 'ada', 'cancelled']],
    );
    assert.deepEqual(
      byNotification.get(undefined)!.map(({ type, data }) => [type, data.userId]),
      [['preference.changed', 'ada']],
    );
  });

  it('come after a restart that found them waiting', async () => {
    peer.answer = say('later', 503);
    const calls = peer.calls.length;
    const id = await notify();
    await peer.called(calls + 1);
    await eventually(logged, ([latest]) => latest.state === 'pending' && latest.tries === 1);
    const dataDir = bellhop.dataDir;
    await bellhop.end('SIGKILL');
    peer.answer = say({});
    bellhop = await startBellhop({}, { dataDir });
    await eventually(
      logged,
      (list) => list.length === 7 && list.every(({ state }: { state: string }) => state === 'delivered'),
      PATIENCE_MS,
    );
    const about = peer.calls.filter(({ event }) => event.data.notificationId === id);
    assert.ok(about.length >= 2);
    assert.equal(new Set(about.map(({ headers }) => headers['webhook-id'])).size, 1);
  });
});
