import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { createHttpTransport } from '../delivery/transport/index.ts';
import { type HookPeer, say, startHookPeer, verifiedBy } from '../hooks/testing.ts';
import { appendEvents, type EventType } from '../ledger/index.ts';
import { FakeClock } from '../lib/clock.ts';
import { createEgressGuard } from '../lib/egress.ts';
import { silentLogger } from '../lib/logger.ts';
import { Wake } from '../queue/index.ts';
import {
  dumpTables,
  makeKey,
  makeMasterKeys,
  makeTenant,
  startTestApi,
  type TestApi,
} from '../tenants/testing.ts';
import { MAX_ENDPOINTS } from './changes.ts';
import { registerWebhookRoutes } from './routes.ts';
import { DELAYS_MS } from './schedule.ts';
import { WebhookLoop } from './webhook-loop.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describeStores('the routes of webhooks', (store) => {
  const clock = new FakeClock();
  const guard = createEgressGuard({ allow: ['127.0.0.1/32'] });
  const transport = createHttpTransport({ guard });
  const wake = new Wake();
  const masterKeys = makeMasterKeys();
  let api: TestApi;
  let peer: HookPeer;
  let tenantId: string;
  let owner: string;
  before(async () => {
    peer = await startHookPeer();
    api = await startTestApi(store(), clock, (app) =>
      registerWebhookRoutes(app, { store: store(), clock, masterKeys, guard, transport, wake }),
    );
  });
  beforeEach(async () => {
    tenantId = await makeTenant(store(), clock.now());
    owner = (await makeKey(store(), clock, { tenantId })).key.reveal();
    peer.calls.length = 0;
    peer.answer = say({});
  });
  after(async () => {
    await api.close();
    await transport.close();
    await peer.close();
  });

  const call = (request: string, body?: unknown) => api.call(owner, request, body);
  const at = (path = '') => `/v1/webhook-endpoints${path}`;
  const put = (id = 'shop', rest: object = {}) => call(`PUT ${at(`/${id}`)}`, { url: peer.url, ...rest });
  const happen = (...types: EventType[]) =>
    appendEvents(
      store().engine,
      types.map((type) => ({ tenantId, live: true, type, at: new Date(clock.now()), data: {} })),
    );
  const run = async () => {
    const loop = new WebhookLoop({
      store: store(),
      clock,
      wake,
      logger: silentLogger,
      masterKeys,
      transport,
      random: () => 0,
    });
    await loop.step();
    await loop.settled();
  };

  it('show a secret that was made once, and never again', async () => {
    const created = await put();
    assert.equal(created.status, 201, JSON.stringify(created.body));
    assert.match(created.body.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.deepEqual(created.body.types, ['*']);
    for (const request of [`GET ${at('/shop')}`, `GET ${at()}`]) {
      const { status, body } = await call(request);
      assert.equal(status, 200);
      assert.ok(!JSON.stringify(body).includes(created.body.secret));
    }
    const again = await put('shop', { description: 'the shop', types: ['delivery.*', 'device.inactive'] });
    assert.equal(again.status, 200);
    assert.deepEqual(
      [again.body.secret, again.body.description, again.body.types, again.body.version],
      ['[set]', 'the shop', ['delivery.*', 'device.inactive'], 2],
    );
    await happen('delivery.sent');
    await run();
    assert.equal(verifiedBy(peer.calls[0]!, created.body.secret), 0, 'it is still the same one');
  });

  it('store secrets and the values of headers sealed only', async () => {
    const value = 'a-very-private-header-value';
    const { body } = await put('shop', { secret: SECRET, headers: { 'X-Api-Key': value } });
    assert.deepEqual(body.headers, ['x-api-key']);
    assert.equal(body.secret, '[set]');
    const dump = await dumpTables(store());
    for (const text of [value, SECRET, SECRET.slice(6)]) assert.ok(!dump.includes(text));
    await put('shop');
    await happen('delivery.sent');
    await run();
    assert.equal(peer.calls[0]!.headers['x-api-key'], value, 'left out, they stay');
    assert.equal(verifiedBy(peer.calls[0]!, SECRET), 0);
    const elsewhere = `${peer.url}?elsewhere`;
    const moved = await put('shop', { url: elsewhere });
    assert.deepEqual(
      [moved.status, moved.body.code, moved.body.errors?.[0].field],
      [422, 'webhook.invalid', '/headers'],
      'else whoever changes the address is sent them',
    );
    assert.equal((await put('shop', { url: elsewhere, headers: { 'X-Api-Key': value } })).status, 200);
    assert.deepEqual((await put('shop', { headers: {} })).body.headers, []);
    assert.equal((await put('shop', { url: elsewhere })).status, 200, 'signatures give nothing away');
    assert.ok(!api.logs.join('\n').includes(value));
  });

  it('refuse what can not be an endpoint', async () => {
    const refusals: [object, number, string][] = [
      [{ url: 'https://10.0.0.1/x' }, 422, 'webhook.invalid'],
      [{ url: 'http://169.254.169.254/latest/meta-data' }, 422, 'webhook.invalid'],
      [{ url: 'https://[::ffff:10.0.0.1]/' }, 422, 'webhook.invalid'],
      [{ url: 'ftp://example.com/' }, 422, 'webhook.invalid'],
      [{ url: 'https://user:password@example.com/' }, 422, 'webhook.invalid'],
      [{ types: ['delivery.eaten'] }, 400, 'request.invalid'],
      [{ types: [] }, 400, 'request.invalid'],
      [{ types: ['webhook.test'] }, 400, 'request.invalid'],
      [{ secret: 'whsec_short' }, 400, 'request.invalid'],
      [{ headers: { 'Webhook-Id': 'mine' } }, 400, 'request.invalid'],
      [{ headers: { host: 'elsewhere' } }, 400, 'request.invalid'],
      [{ headers: { 'x-y': 'a\r\nb: c' } }, 400, 'request.invalid'],
      [{ headers: { 'x y': 'a' } }, 400, 'request.invalid'],
      [{ surprise: true }, 400, 'request.invalid'],
    ];
    for (const [rest, status, code] of refusals) {
      const answer = await put('odd', rest);
      assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(rest));
    }
    assert.equal((await call(`GET ${at('/odd')}`)).status, 404);
  });

  it('take a bounded number of endpoints', async () => {
    for (let n = 0; n < MAX_ENDPOINTS; n++) assert.equal((await put(`e${n}`)).status, 201);
    assert.equal((await put('one-more')).body.code, 'webhook.invalid');
    assert.equal((await put('e0')).status, 200);
    const page = await call(`GET ${at('?limit=15')}`);
    const rest = await call(`GET ${at(`?limit=15&cursor=${page.body.nextCursor}`)}`);
    assert.equal(page.body.items.length + rest.body.items.length, MAX_ENDPOINTS);
    assert.equal(rest.body.nextCursor, null);
  });

  it('rotate a secret, with the old one beside it until the overlap ends', async () => {
    const { body: created } = await put();
    const { body: rotated } = await call(`POST ${at('/shop/rotate')}`);
    assert.notEqual(rotated.secret, created.secret);
    assert.equal(rotated.previousSecretUntil, new Date(clock.now() + 86_400_000).toISOString());
    await happen('delivery.sent');
    await run();
    assert.deepEqual(
      [verifiedBy(peer.calls[0]!, rotated.secret), verifiedBy(peer.calls[0]!, created.secret)],
      [0, 1],
    );
    clock.advance(86_400_000);
    await happen('delivery.sent');
    await run();
    assert.deepEqual(
      [verifiedBy(peer.calls[1]!, rotated.secret), verifiedBy(peer.calls[1]!, created.secret)],
      [0, -1],
    );
  });

  it('call an endpoint with a sample, enabled or not', async () => {
    const { body: created } = await put('shop', { enabled: false });
    peer.answer = say('thank you', 201);
    const { body } = await call(`POST ${at('/shop/test')}`);
    assert.deepEqual([body.ok, body.status, body.answer, body.reason], [true, 201, 'thank you', null]);
    assert.equal(peer.calls[0]!.event.type, 'webhook.test');
    assert.equal(verifiedBy(peer.calls[0]!, created.secret), 0);
    peer.answer = say('no', 500);
    const failed = await call(`POST ${at('/shop/test')}`);
    assert.deepEqual([failed.body.ok, failed.body.status], [false, 500]);
  });

  it('show what was told, by state and type, a page at a time', async () => {
    await put('shop');
    peer.answer = (response, { event }) =>
      say('answer', event.type === 'delivery.sent' ? 200 : 500)(response);
    await happen('delivery.sent', 'delivery.failed', 'delivery.sent', 'device.inactive');
    await run();
    const list = async (query = '') => (await call(`GET ${at(`/shop/deliveries${query}`)}`)).body;
    const all = (await list()).items;
    assert.equal(all.length, 4);
    assert.deepEqual(
      (await list('?state=pending')).items
        .map(({ type, tries }: { type: string; tries: number }) => [type, tries])
        .toSorted(),
      [
        ['delivery.failed', 1],
        ['device.inactive', 1],
      ],
    );
    assert.equal((await list('?type=delivery.sent')).items.length, 2);
    const first = await list('?limit=3');
    const second = await list(`?limit=3&cursor=${first.nextCursor}`);
    assert.deepEqual([...first.items, ...second.items], all);
    const failed = all.find(({ type }: { type: string }) => type === 'delivery.failed');
    assert.equal(failed.nextTryAt, new Date(clock.now() + DELAYS_MS[0]).toISOString());
    const { body: detail } = await call(`GET ${at(`/shop/deliveries/${failed.eventId}`)}`);
    assert.equal(detail.payload.type, 'delivery.failed');
    assert.deepEqual(
      detail.attempts.map(({ n, outcome, status, answer }: Record<string, unknown>) => ({
        n,
        outcome,
        status,
        answer,
      })),
      [{ n: 1, outcome: 'refused', status: 500, answer: 'answer' }],
    );
    assert.deepEqual(
      detail.payload,
      peer.calls.find(({ event }) => event.type === 'delivery.failed')!.event,
      'what the log shows is what was sent',
    );
  });

  it('send again on request, under the same id', async () => {
    await put('shop');
    await happen('delivery.sent');
    await run();
    const { eventId } = (await call(`GET ${at('/shop/deliveries')}`)).body.items[0];
    const again = await call(`POST ${at(`/shop/deliveries/${eventId}/resend`)}`);
    assert.deepEqual([again.status, again.body.state], [202, 'pending']);
    await run();
    assert.deepEqual(
      peer.calls.map(({ headers }) => headers['webhook-id']),
      [eventId, eventId],
    );
    const unknown = '019a0000-0000-7000-8000-000000000001';
    const missing = await call(`POST ${at(`/shop/deliveries/${unknown}/resend`)}`);
    assert.equal(missing.body.code, 'webhook.delivery_not_found');
  });

  it('recover what was given up since a moment, once the endpoint is enabled again', async () => {
    await put('shop');
    peer.answer = say('gone', 410);
    const since = new Date(clock.now()).toISOString();
    await happen('delivery.sent', 'delivery.failed', 'delivery.dead');
    await run();
    const shown = (await call(`GET ${at('/shop')}`)).body;
    assert.deepEqual([shown.enabled, shown.disabledReason], [false, 'gone']);
    assert.ok(shown.failingSince);
    const early = await call(`POST ${at('/shop/recover')}`, { since });
    assert.equal(early.body.code, 'webhook.disabled');
    peer.answer = say({});
    const enabled = (await put('shop')).body;
    assert.deepEqual([enabled.enabled, enabled.disabledAt, enabled.failingSince], [true, null, null]);
    const late = await call(`POST ${at('/shop/recover')}`, {
      since: new Date(clock.now() + 1).toISOString(),
    });
    assert.deepEqual(late.body, { resent: 0, hasMore: false });
    assert.deepEqual((await call(`POST ${at('/shop/recover')}`, { since })).body, {
      resent: 3,
      hasMore: false,
    });
    await run();
    const { items } = (await call(`GET ${at('/shop/deliveries')}`)).body;
    assert.deepEqual(
      items.map(({ state }: { state: string }) => state),
      ['delivered', 'delivered', 'delivered'],
    );
  });

  it('are closed to other tenants and to keys without the scope', async () => {
    await put('shop');
    await happen('delivery.sent');
    await run();
    const { eventId } = (await call(`GET ${at('/shop/deliveries')}`)).body.items[0];
    const paths = [
      `GET ${at('/shop')}`,
      `DELETE ${at('/shop')}`,
      `POST ${at('/shop/rotate')}`,
      `POST ${at('/shop/test')}`,
      `GET ${at('/shop/deliveries')}`,
      `GET ${at(`/shop/deliveries/${eventId}`)}`,
      `POST ${at(`/shop/deliveries/${eventId}/resend`)}`,
    ];
    const stranger = await makeTenant(store(), clock.now());
    const foreign = (await makeKey(store(), clock, { tenantId: stranger })).key.reveal();
    const reader = (await makeKey(store(), clock, { tenantId, scopes: ['webhooks:read'] })).key.reveal();
    const nobody = (await makeKey(store(), clock, { tenantId, scopes: ['hooks:write'] })).key.reveal();
    for (const path of paths) {
      assert.equal((await api.call(foreign, path)).status, 404, path);
      assert.equal((await api.call(nobody, path)).status, 403, path);
      assert.equal((await api.call(reader, path)).status, path.startsWith('GET') ? 200 : 403, path);
    }
    const since = '2026-01-01T00:00:00Z';
    assert.equal((await api.call(foreign, `POST ${at('/shop/recover')}`, { since })).status, 404);
    assert.equal((await call(`DELETE ${at('/shop')}`)).status, 204);
    assert.equal((await call(`GET ${at('/shop')}`)).body.code, 'webhook.not_found');
  });
});
