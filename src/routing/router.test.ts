import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';
import { createCategories, createRules } from '../rules/index.ts';
import { Router } from './router.ts';
import { loadWaiting } from './store.ts';

const NORMAL = 1;
const MANY = 1_200;
const tenant = (i: number) => `01900000-0000-7000-8000-${String(i).padStart(12, '0')}`;

describeStores('the router', (store) => {
  beforeEach(() => store().engine.query('truncate unrouted, notifications, deliveries'));

  const newRouter = () =>
    new Router({
      store: store(),
      clock: store().clock,
      logger: { error: assert.fail } as never,
      templates: { compiled: async () => new Map() },
      connections: { forTenants: async () => new Map() },
      categories: createCategories(store().clock),
      rules: createRules(store().clock),
    });

  /** A notification of each tenant, due so many ms from now. */
  async function accept(tenants: number[], dueInMs: number): Promise<void> {
    const now = store().clock.now();
    await store().engine.query(
      `with made as (
         insert into notifications (id, tenant_id, live, user_id, category, priority, state, request, due_at, created_at)
         select id, tenant_id, true, 'ada', 'transactional', ${NORMAL}, 'accepted', '{"message":{"title":"Hi"}}', $3, $4
           from unnest($1::uuid[], $2::uuid[]) as t (id, tenant_id) returning *
       ) insert into unrouted select tenant_id, priority, due_at, id from made`,
      [tenants.map(() => uuidv7(now)), tenants.map(tenant), new Date(now + dueInMs), new Date(now)],
    );
  }
  const waiting = async () =>
    (await store().engine.query('select tenant_id from unrouted order by tenant_id')).rows.length;

  it('reaches a tenant behind many others whose notifications are all for later', async () => {
    await accept(
      Array.from({ length: MANY }, (_, i) => i + 1),
      3_600_000,
    );
    await accept([3, MANY + 1], -1_000);
    const waits = await loadWaiting(store().engine, [new Date(0), new Date(0), new Date(0)]);
    assert.deepEqual(
      waits.map(({ priority, dueAt }) => [priority, dueAt.getTime() < store().clock.now()]),
      [[NORMAL, true]],
    );
    const router = newRouter();
    assert.deepEqual(
      [(await router.routeBatch(NORMAL)).count, (await router.routeBatch(NORMAL)).count],
      [1, 1],
    );
    assert.equal(await waiting(), MANY);
    assert.equal((await router.routeBatch(NORMAL)).count, 0);
  });

  it('gives turns to all tenants, more than one turn holds, and ends when nothing is due', async () => {
    await accept(
      Array.from({ length: MANY }, (_, i) => i + 1),
      -1_000,
    );
    const router = newRouter();
    const counts = [];
    for (let i = 0; i < 20; i++) counts.push((await router.routeBatch(NORMAL)).count);
    assert.deepEqual(counts, [...new Array(18).fill(64), 48, 0]);
    assert.equal(await waiting(), 0);
  });

  it('gives the whole batch to the tenants that have something due', async () => {
    await accept(
      Array.from({ length: 60 }, (_, i) => i + 1),
      3_600_000,
    );
    await accept(new Array(100).fill(61), -1_000);
    assert.equal((await newRouter().routeBatch(NORMAL)).count, 100);
  });
});
