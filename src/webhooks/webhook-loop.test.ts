import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { makeWorld, type WebhookWorld } from '../../test/support/webhooks.ts';
import { createHttpTransport } from '../delivery/transport/index.ts';
import { type HookPeer, say, sayNothing, startHookPeer, verifiedBy } from '../hooks/testing.ts';
import { appendEvents, type LedgerEvent } from '../ledger/index.ts';
import { insertNotification } from '../ledger/testing.ts';
import { createEgressGuard } from '../lib/egress.ts';
import { createLogger } from '../lib/logger.ts';
import { createMetrics } from '../telemetry/index.ts';
import { makeTenant } from '../tenants/testing.ts';
import { DEADLINE_MS, PER_ENDPOINT } from './call.ts';
import { endCalls } from './ending.ts';
import { DELAYS_MS, FAILING_MS } from './schedule.ts';
import { claimCalls } from './store.ts';
import { judgeReply } from './verdict.ts';
import { KEPT_MS, type WebhookLoop } from './webhook-loop.ts';

describeStores('telling webhooks', (store) => {
  let world: WebhookWorld;
  let loop: WebhookLoop;
  let peer: HookPeer;
  let other: HookPeer;
  before(async () => {
    [peer, other] = await Promise.all([startHookPeer(), startHookPeer()]);
  });
  beforeEach(async () => {
    // Tests share the database: what one left is nobody's any more.
    for (const table of [
      'events',
      'webhook_endpoints',
      'webhook_deliveries',
      'webhook_attempts',
      'webhook_troubles',
    ])
      await store().engine.query(`delete from ${table}`);
    world = await makeWorld(store());
    loop = world.startLoop();
    for (const each of [peer, other]) {
      each.calls.length = 0;
      each.answer = say({});
    }
  });
  afterEach(() => world.close());
  after(() => Promise.all([peer.close(), other.close()]));

  const event = (rest: Partial<LedgerEvent> = {}): LedgerEvent => ({
    tenantId: world.tenantId,
    live: true,
    type: 'delivery.sent',
    at: new Date(world.clock.now()),
    channel: 'email',
    category: 'news',
    data: { deliveryId: 'd' },
    ...rest,
  });
  const happen = (...events: LedgerEvent[]) => appendEvents(store().engine, events);
  const run = async () => {
    await loop.step();
    await loop.settled();
  };
  // biome-ignore lint/suspicious/noExplicitAny: tests look at any column
  const rows = async (sql: string): Promise<any[]> => (await store().engine.query(sql)).rows;
  const deliveries = () => rows('select * from webhook_deliveries order by event_id, endpoint_key');
  const attempts = () => rows('select * from webhook_attempts order by event_id, n');

  it('signs what happened, under the id of the event', async () => {
    const secret = await world.put('all', { url: peer.url });
    await happen(event());
    await run();
    const [{ id, sequence }] = await rows('select id, sequence from events');
    const [call, ...more] = peer.calls;
    assert.deepEqual(more, []);
    assert.equal(verifiedBy(call!, secret), 0);
    assert.equal(call!.headers['webhook-id'], id);
    assert.equal(call!.headers['webhook-timestamp'], String(world.clock.now() / 1_000));
    assert.deepEqual(call!.event, {
      type: 'delivery.sent',
      version: 1,
      timestamp: new Date(world.clock.now()).toISOString(),
      data: { deliveryId: 'd', live: true, sequence: Number(sequence) },
    });
    const [{ state, status, due_at }] = await deliveries();
    assert.deepEqual([state, status, due_at], ['delivered', 200, null]);
  });

  it('tells nobody twice of what was told', async () => {
    await world.put('all', { url: peer.url });
    await happen(event());
    await run();
    world.clock.advance(86_400_000);
    await run();
    assert.equal(peer.calls.length, 1);
  });

  it('tries again under the same id, and logs every try', async () => {
    const secret = await world.put('all', { url: peer.url });
    peer.answer = say('not today', 500);
    await happen(event());
    await run();
    world.clock.advance(DELAYS_MS[0] - 1);
    await run();
    assert.equal(peer.calls.length, 1, 'not before its time');
    world.clock.advance(1);
    peer.answer = say({});
    await run();
    const [first, second] = peer.calls;
    assert.equal(second!.headers['webhook-id'], first!.headers['webhook-id']);
    assert.notEqual(second!.headers['webhook-timestamp'], first!.headers['webhook-timestamp']);
    assert.equal(verifiedBy(second!, secret), 0);
    assert.deepEqual(
      (await attempts()).map(({ n, outcome, status, answer }) => ({ n, outcome, status, answer })),
      [
        { n: 1, outcome: 'refused', status: 500, answer: 'not today' },
        { n: 2, outcome: 'delivered', status: 200, answer: '{}' },
      ],
    );
    assert.deepEqual(await rows('select * from webhook_troubles'), [], 'it is well again');
  });

  it('gives up after the last try', async () => {
    await world.put('all', { url: peer.url });
    peer.answer = say('no', 404);
    await happen(event());
    for (const delay of [...DELAYS_MS, 0]) {
      await run();
      world.clock.advance(delay);
    }
    world.clock.advance(86_400_000);
    await run();
    assert.equal(peer.calls.length, DELAYS_MS.length + 1);
    const [{ state, reason, due_at, failed_at }] = await deliveries();
    assert.deepEqual([state, reason, due_at], ['failed', 'refused', null]);
    assert.ok(failed_at);
  });

  it('never follows a redirect', async () => {
    await world.put('all', { url: peer.url });
    peer.answer = (response) => response.writeHead(307, { location: other.url }).end();
    await happen(event());
    await run();
    assert.equal(other.calls.length, 0);
    const [{ state, reason, status }] = await deliveries();
    assert.deepEqual([state, reason, status], ['pending', 'redirected', 307]);
  });

  it('calls no address that may not be called, however it came into the table', async () => {
    await world.put('all', { url: peer.url });
    const guarded = createHttpTransport({ guard: createEgressGuard({ allow: [] }) });
    loop = world.startLoop({ transport: guarded });
    await happen(event());
    await run();
    await guarded.close();
    assert.equal(peer.calls.length, 0);
    const [{ state, reason }] = await deliveries();
    assert.deepEqual([state, reason], ['pending', 'egress_refused']);
  });

  it('disables an endpoint that is gone, gives up what waits for it, and tells the others', async () => {
    await world.put('gone', { url: peer.url });
    await world.put('watch', { url: other.url, types: ['webhook.*'] });
    peer.answer = say('gone', 410);
    const lines: string[] = [];
    const logger = createLogger('warn', { write: (line) => lines.push(line) });
    const metrics = createMetrics();
    loop = world.startLoop({ logger, metrics });
    await happen(event());
    await run();
    await run();
    assert.match(lines.join(''), /"webhook":"gone","reason":"gone".*was disabled/);
    const text = await metrics.render();
    assert.match(text, /bellhop_webhooks_disabled_total\{reason="gone"\} 1/);
    assert.match(text, /bellhop_webhook_calls_total\{outcome="gone"\} 1/);
    assert.match(text, /bellhop_webhook_calls_total\{outcome="delivered"\} 1/);
    const [endpoint] = await rows("select * from webhook_endpoints where id = 'gone'");
    assert.deepEqual([endpoint.enabled, endpoint.disabled_reason], [false, 'gone']);
    assert.ok(endpoint.disabled_at);
    assert.deepEqual(
      other.calls.map(({ event: { type, data } }) => ({
        type,
        endpointId: data.endpointId,
        reason: data.reason,
      })),
      [{ type: 'webhook.disabled', endpointId: 'gone', reason: 'gone' }],
    );
    await happen(event());
    await run();
    assert.equal(peer.calls.length, 1, 'it is left alone');
  });

  it('ends what was queued when its endpoint is disabled or deleted', async () => {
    await world.put('all', { url: peer.url });
    peer.answer = say('no', 500);
    await happen(event(), event());
    await run();
    await world.put('keep', { url: other.url, types: ['device.*'] });
    await store().engine.query("delete from webhook_endpoints where id = 'all'");
    world.clock.advance(DELAYS_MS[0]);
    await run();
    assert.equal(peer.calls.length, 2);
    assert.deepEqual(
      (await deliveries()).map(({ state, reason }) => ({ state, reason })),
      [1, 2].map(() => ({ state: 'failed', reason: 'endpoint_disabled' })),
    );
  });

  it('disables an endpoint after five days of nothing but failures', async () => {
    await world.put('all', { url: peer.url });
    peer.answer = say('no', 500);
    await happen(event());
    await run();
    world.clock.advance(FAILING_MS - 1);
    await run();
    const enabled = async () => (await rows('select enabled from webhook_endpoints'))[0].enabled;
    assert.equal(await enabled(), true);
    world.clock.advance(1);
    await happen(event());
    await run();
    assert.equal(await enabled(), false);
  });

  it('counts from the first failure after a success', async () => {
    await world.put('all', { url: peer.url });
    peer.answer = say('no', 500);
    await happen(event());
    await run();
    world.clock.advance(FAILING_MS - 1);
    peer.answer = say({});
    await run();
    peer.answer = say('no', 500);
    world.clock.advance(1_000);
    await happen(event());
    await run();
    assert.equal((await rows('select enabled from webhook_endpoints'))[0].enabled, true);
    const [{ failing_since }] = await rows('select failing_since from webhook_troubles');
    assert.equal(failing_since.getTime(), world.clock.now());
  });

  it('leaves a line in peace that asks for it, and nobody else', async () => {
    await world.put('busy', { url: peer.url });
    await world.put('free', { url: other.url });
    peer.answer = (response) => response.writeHead(429, { 'retry-after': '120' }).end();
    await happen(event());
    await run();
    await happen(event(), event());
    await run();
    assert.deepEqual([peer.calls.length, other.calls.length], [1, 3]);
    world.clock.advance(119_999);
    await run();
    assert.equal(peer.calls.length, 1);
    world.clock.advance(1);
    await run();
    assert.equal(peer.calls.length, 2, 'one call to see whether it is better');
    peer.answer = say({});
    world.clock.advance(240_000);
    await run();
    await run();
    await run();
    assert.ok((await deliveries()).filter(({ state }) => state === 'delivered').length >= 5);
  });

  it('holds up nobody behind an endpoint that does not answer', async () => {
    await world.put('dead', { url: peer.url });
    await world.put('alive', { url: other.url });
    peer.answer = sayNothing;
    const count = PER_ENDPOINT + 4;
    await happen(...Array.from({ length: count }, () => event()));
    await loop.step();
    await peer.called(PER_ENDPOINT);
    while (other.calls.length < count) {
      await loop.step();
      await other.called(Math.min(count, other.calls.length + 1));
    }
    assert.equal(peer.calls.length, PER_ENDPOINT, 'so many at once and no more');
    await store().engine.query('delete from webhook_deliveries');
    await loop.stop(0);
  });

  it('tells each endpoint what it chose', async () => {
    const heard = new Map<string, string[]>();
    peer.answer = (response, { headers, event: { type, data } }) => {
      const to = String(headers['x-who']);
      heard.set(to, [...(heard.get(to) ?? []), `${type} ${data.name}`]);
      say({})(response);
    };
    const put = (id: string, rest: object) =>
      world.put(id, { url: peer.url, headers: { 'X-Who': id }, ...rest });
    await put('all', {});
    await put('noun', { types: ['device.*'] });
    await put('type', { types: ['delivery.failed', 'contact.suppressed'] });
    await put('mail', { types: ['delivery.*'], channels: ['email'] });
    await put('offers', { types: ['delivery.*'], categories: ['offers'] });
    await put('test', { environments: ['test'] });
    await put('off', { enabled: false });
    await happen(
      event({ data: { name: 1 } }),
      event({ type: 'delivery.failed', channel: 'sms', category: 'offers', data: { name: 2 } }),
      event({ type: 'device.inactive', channel: undefined, category: undefined, data: { name: 3 } }),
      event({ live: false, data: { name: 4 } }),
    );
    await run();
    const [one, two, three, four] = [
      'delivery.sent 1',
      'delivery.failed 2',
      'device.inactive 3',
      'delivery.sent 4',
    ];
    const sorted = Object.fromEntries([...heard].map(([id, list]) => [id, list.toSorted()]));
    assert.deepEqual(sorted, {
      all: [two, one, four, three],
      noun: [three],
      type: [two],
      mail: [one, four],
      offers: [two],
      test: [four],
    });
  });

  it('adds the user and the category of a notification, and chooses by them', async () => {
    await world.put('all', { url: peer.url });
    await world.put('offers', { url: other.url, categories: ['offers'] });
    const at = Date.now();
    const ids = await Promise.all(
      ['offers', 'news'].map((category) =>
        insertNotification(store(), world.tenantId, { category, user_id: 'grace', created_at: new Date(at) }),
      ),
    );
    await happen(
      ...ids.map((notificationId) =>
        event({ category: undefined, notificationId, data: { notificationId, state: 'sent' } }),
      ),
    );
    await run();
    const told = ({ calls }: HookPeer) =>
      calls.map(({ event: { data } }) => [data.notificationId, data.userId, data.category, data.state]);
    assert.deepEqual(told(peer).toSorted(), [
      [ids[0], 'grace', 'offers', 'sent'],
      [ids[1], 'grace', 'news', 'sent'],
    ]);
    assert.deepEqual(told(other), [[ids[0], 'grace', 'offers', 'sent']]);
  });

  it('tells a tenant nothing of another one', async () => {
    const stranger = await makeTenant(store(), world.clock.now());
    await world.put('mine', { url: peer.url });
    await world.put('theirs', { url: other.url }, stranger);
    await happen(event({ data: { of: 'me' } }), event({ tenantId: stranger, data: { of: 'them' } }));
    await run();
    assert.deepEqual(
      [peer, other].map(({ calls }) => calls.map(({ event: { data } }) => data.of)),
      [['me'], ['them']],
    );
  });

  it('makes a call again that nobody recorded, and lets the one who lost it write nothing', async () => {
    const secret = await world.put('all', { url: peer.url });
    await happen(event());
    // A process that dies between the answer and its record: it claims, calls, and writes nothing.
    await world.startLoop({ transport: neverSends }).step();
    const [{ endpoint_key: key, event_id, attempt }] = await deliveries();
    await run();
    assert.equal(peer.calls.length, 0, 'while the lease lasts it is his');
    world.clock.advance(DEADLINE_MS + 45_000);
    await run();
    assert.equal(peer.calls.length, 1);
    assert.equal(verifiedBy(peer.calls[0]!, secret), 0);
    assert.equal(peer.calls[0]!.headers['webhook-id'], event_id);
    const now = world.clock.now();
    const claimed = { ...(await claimedFor(key)), eventId: event_id, attempt };
    const verdict = judgeReply({ status: 500, headers: {}, body: 'late' }, now);
    const { ended } = await store().transaction((db) =>
      endCalls(db, [{ claimed, verdict, startedAt: now, latencyMs: 1, finishedAt: now }], {
        now,
        random: () => 0,
        troubled: new Set(),
      }),
    );
    assert.deepEqual(ended, []);
    assert.deepEqual(
      (await deliveries()).map(({ state, attempt: n }) => ({ state, n })),
      [{ state: 'delivered', n: 2 }],
    );
  });

  const neverSends = { send: () => new Promise<never>(() => {}) };
  const claimedFor = async (key: string) => ({
    tenantId: world.tenantId,
    endpointKey: key,
    tries: 0,
    live: true,
    sequence: '1',
    type: 'delivery.sent',
    occurredAt: new Date(world.clock.now()),
    data: {},
  });

  it('breaks off calls when it stops, which costs no try', async () => {
    await world.put('all', { url: peer.url });
    peer.answer = sayNothing;
    await happen(event());
    await loop.step();
    await peer.called(1);
    await loop.stop(0);
    const [{ state, tries }] = await deliveries();
    assert.deepEqual([state, tries], ['pending', 0]);
    assert.deepEqual(await rows('select * from webhook_troubles'), []);
    loop = world.startLoop();
    peer.answer = say({});
    await run();
    assert.equal((await deliveries())[0].state, 'delivered');
  });

  it('forgets what is older than a month, and nothing that still waits', async () => {
    await world.put('all', { url: peer.url });
    await happen(event({ data: { name: 'told' } }));
    await run();
    peer.answer = say('no', 500);
    await happen(event({ data: { name: 'waits' } }));
    await run();
    world.clock.advance(KEPT_MS + 1_000);
    loop = world.startLoop();
    peer.answer = sayNothing;
    loop.start();
    await peer.called(3);
    const events = await rows("select data->>'name' as name from events");
    assert.deepEqual(events, [{ name: 'waits' }]);
    assert.equal((await attempts()).length, 1);
    await loop.stop(0);
  });

  it('claims a row for one of those who ask', async () => {
    await world.put('all', { url: peer.url });
    await happen(event());
    await world.startLoop({ transport: neverSends }).step();
    const [{ endpoint_key: key }] = await deliveries();
    const at = new Date(world.clock.now());
    const lease = new Date(world.clock.now() + 1_000);
    assert.deepEqual(await claimCalls(store().engine, [{ key, limit: 5 }], { now: at, lease }), []);
  });
});
