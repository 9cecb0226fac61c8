import assert from 'node:assert/strict';
import { after, before, beforeEach, it, test } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { openStore, type Store } from '../store/index.ts';
import { ReplayLoop, registerLedgerRoutes } from './index.ts';
import { planBatch } from './replay-loop.ts';
import { insertDelivery, insertNotification, readDelivery } from './testing.ts';

describeStores('a replay by filter', (store) => {
  let api: TwoTenants;
  let notification: string;
  let loop: ReplayLoop;
  const woken: string[] = [];
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) =>
      registerLedgerRoutes(app, { ...deps, wake: { signal() {} } }),
    );
    notification = await insertNotification(store(), api.tenantId);
    loop = newLoop();
  });
  after(() => api.close());
  beforeEach(async () => {
    woken.length = 0;
    await store().engine.query('truncate deliveries, replays');
  });
  const newLoop = (of = store()) =>
    new ReplayLoop({
      store: of,
      clock: api.clock,
      logger: silentLogger,
      wake: { signal: (topic) => void woken.push(topic) },
    });
  /** Made a while before anything is asked for. */
  const deliver = (columns: object = {}) =>
    insertDelivery(store(), api.tenantId, {
      id: uuidv7(store().clock.now() - 60_000),
      notification_id: notification,
      state: 'dead',
      reason: 'provider_error',
      retries: 9,
      ...columns,
    });
  const deliverMany = async (count: number, columns: object = {}) => {
    const ids: string[] = [];
    for (let i = 0; i < count; i++) ids.push(await deliver(columns));
    return ids;
  };
  const ask = async (body: object) => {
    // The store's clock goes on by itself, the API's only when told to.
    api.clock.advance(Math.max(0, store().clock.now() - api.clock.now()));
    const answer = await api.call('POST', '/v1/deliveries/replay', body);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return answer.body;
  };
  const read = async (id: string) => (await api.call('GET', `/v1/replays/${id}`)).body;
  const finish = async (id: string) => {
    for (let rounds = 0; (await read(id)).state === 'running'; rounds++) {
      assert.ok(rounds < 100, 'it does not end');
      while (await loop.step());
      api.clock.advance(1_000);
    }
  };

  it('queues what matches and nothing else, with a fresh budget, and keeps who asked', async () => {
    const wanted = await deliverMany(3);
    const others = [
      await deliver({ reason: 'other' }),
      await deliver({ state: 'failed' }),
      await deliver({ live: false }),
      await deliver({ tenant_id: api.otherTenantId }),
      await deliver({ id: uuidv7(store().clock.now() + 600_000) }),
    ];
    const { id, ...view } = await ask({
      filter: { state: 'dead', reason: 'provider_error' },
      ratePerSecond: 10,
    });
    assert.deepEqual([view.state, view.replayed, view.ratePerSecond], ['running', 0, 10]);
    await finish(id);
    const end = await read(id);
    assert.deepEqual([end.state, end.replayed], ['done', 3]);
    for (const each of wanted) {
      const row = await readDelivery(store(), each);
      assert.deepEqual([row.state, row.retries, row.problem], ['queued', 0, null]);
      assert.deepEqual(
        [row.interventions[0].replay, row.interventions[0].by],
        [id, { key: 'live', name: null }],
      );
    }
    for (const each of others) assert.notEqual((await readDelivery(store(), each)).state, 'queued');
    assert.deepEqual(woken, ['sms.normal']);
  });

  it('spreads them at its rate and never queues more than some seconds ahead', async () => {
    await deliverMany(30);
    const { id } = await ask({ filter: { state: 'dead' }, ratePerSecond: 2 });
    while (await loop.step());
    const queued = async () =>
      (
        await store().engine.query('select due_at from deliveries where due_at is not null order by due_at')
      ).rows.map((row) => row.due_at.getTime());
    const first = await queued();
    assert.equal(first.length, 10);
    assert.deepEqual(
      first.map((at) => at - first[0]),
      Array.from({ length: 10 }, (_, i) => i * 500),
    );
    assert.equal((await read(id)).state, 'running');
    await finish(id);
    const all = await queued();
    assert.equal(all.length, 30);
    for (let i = 1; i < 30; i++) assert.equal(all[i] - all[i - 1], 500);
  });

  it('goes on in another process where the first one ended, and two at once do nothing twice', async () => {
    await deliverMany(25);
    const { id } = await ask({ filter: { state: 'dead' }, ratePerSecond: 2 });
    await loop.step();
    const { databaseUrl } = store() as Store & { databaseUrl?: string };
    // Real processes have pools of their own; the embedded database has one process at a time.
    const others = databaseUrl ? [await openStore({ databaseUrl, poolSize: 1, migrate: false })] : [];
    const loops = [store(), store(), ...others].map((each) => newLoop(each));
    for (let round = 0; (await read(id)).state === 'running'; round++) {
      assert.ok(round < 100);
      await Promise.all(loops.map((each) => each.step()));
      api.clock.advance(500);
    }
    await Promise.all(others.map((other) => other.close()));
    const { rows } = await store().engine.query(
      'select jsonb_array_length(interventions) as times, count(*) as n from deliveries group by 1',
    );
    assert.deepEqual([rows, (await read(id)).replayed], [[{ times: 1, n: 25 }], 25]);
  });

  it('takes each delivery once, even if it is dead again before the replay is done', async () => {
    const [first] = await deliverMany(15);
    const { id } = await ask({ filter: { state: 'dead' }, ratePerSecond: 2 });
    await loop.step();
    await store().engine.query(
      "update deliveries set state = 'dead', problem = 'dead', due_at = null where id = $1",
      [first],
    );
    await finish(id);
    const row = await readDelivery(store(), first!);
    assert.deepEqual([row.state, row.interventions.length], ['dead', 1]);
  });

  it('ends at its limit', async () => {
    await deliverMany(8);
    const { id } = await ask({ filter: { state: 'dead' }, ratePerSecond: 2, limit: 3 });
    await finish(id);
    const { rows } = await store().engine.query(
      'select count(*) as n from deliveries where due_at is not null',
    );
    assert.deepEqual([rows[0].n, (await read(id)).replayed], [3, 3]);
  });

  it('can be cancelled once; the rest stays where it is', async () => {
    await deliverMany(20);
    const { id } = await ask({ filter: { state: 'dead' }, ratePerSecond: 1 });
    await loop.step();
    const cancelled = await api.call('POST', `/v1/replays/${id}/cancel`);
    assert.deepEqual(
      [cancelled.status, cancelled.body.state, cancelled.body.replayed],
      [200, 'cancelled', 5],
    );
    api.clock.advance(60_000);
    assert.equal(await loop.step(), false);
    const again = await api.call('POST', `/v1/replays/${id}/cancel`);
    assert.deepEqual([again.status, again.body.code], [409, 'replay.over']);
    const { rows } = await store().engine.query(
      "select count(*) as n from deliveries where problem = 'dead'",
    );
    assert.equal(rows[0].n, 15);
  });

  it('is seen by its own tenant and mode only, newest first', async () => {
    const ids = [];
    for (let i = 0; i < 3; i++) ids.unshift((await ask({ filter: { state: 'failed' } })).id);
    const page = (await api.call('GET', '/v1/replays?limit=2')).body;
    assert.deepEqual(
      page.items.map((item: { id: string }) => item.id),
      ids.slice(0, 2),
    );
    const rest = (await api.call('GET', `/v1/replays?cursor=${page.nextCursor}`)).body;
    assert.deepEqual([rest.items[0].id, rest.nextCursor], [ids[2], null]);
    for (const call of [api.callAsOther, api.callAsTest]) {
      assert.deepEqual((await call('GET', '/v1/replays')).body.items, []);
      assert.equal((await call('GET', `/v1/replays/${ids[0]}`)).status, 404);
      assert.equal((await call('POST', `/v1/replays/${ids[0]}/cancel`)).status, 404);
    }
  });

  it('wants a state that can be sent again, and no ids beside the filter', async () => {
    for (const body of [
      {},
      { filter: {} },
      { filter: { state: 'unknown' } },
      { filter: { state: 'dead', nope: 1 } },
      { filter: { state: 'dead' }, ids: [uuidv7(1)] },
      { filter: { state: 'dead' }, ratePerSecond: 0 },
      { ids: [uuidv7(1)], ratePerSecond: 5 },
      { ids: [uuidv7(1)], limit: 5 },
    ])
      assert.equal((await api.call('POST', '/v1/deliveries/replay', body)).status, 400, JSON.stringify(body));
  });
});

test('a replay that nobody carried out for a while does not make up for it in a burst', () => {
  const replay = { rate_per_second: 10, next_due_at: new Date(0), replayed: 0, max_deliveries: null };
  const { size, dueAt } = planBatch(replay, 3_600_000);
  assert.deepEqual([size, dueAt(0), dueAt(size) - dueAt(0)], [50, 3_600_000, 5_000]);
});
