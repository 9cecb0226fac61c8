import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTestDatabase, stopOwnCluster } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';
import { insertSharedRequest } from '../queue/index.ts';
import { createCategories, createRules } from '../rules/index.ts';
import { openStore, type Store } from '../store/index.ts';
import { routePage } from './page.ts';
import { Router } from './router.ts';

const TENANT = '01900000-0000-7000-8000-00000000000a';
const MESSAGES = 200;
const PER_PAGE = 5;

// Stores of their own, as two processes have them: nothing but the database stands between the routers.
describe('two routers on one PostgreSQL', () => {
  let stores: Store[];
  let databaseUrl: string;
  before(async () => {
    databaseUrl = await createTestDatabase();
    stores = [await openStore({ databaseUrl, poolSize: 4 }), await openStore({ databaseUrl, poolSize: 4 })];
    const now = new Date(stores[0]!.clock.now());
    const { engine } = stores[0]!;
    await engine.query("insert into tenants values ($1, 'a', 'a', $2)", [TENANT, now]);
    for (const name of ['ada', 'bob', 'cyd', 'dan', 'eve'])
      await engine.query("insert into users values ($1, $2, $3, null, null, '{}', $4, $4)", [
        TENANT,
        uuidv7(now.getTime()),
        name,
        now,
      ]);
  });
  after(async () => {
    for (const store of stores) await store.close();
    const witness = await openStore({ databaseUrl, migrate: false, poolSize: 1 });
    const { rows } = await witness.engine.query(
      'select deadlocks from pg_stat_database where datname = current_database()',
    );
    await witness.close();
    await stopOwnCluster();
    assert.equal(rows[0].deadlocks, 0, 'everybody locks in the same order');
  });

  const routerOf = (store: Store) =>
    new Router({
      store,
      clock: store.clock,
      logger: { error: assert.fail } as never,
      templates: { compiled: async () => new Map() },
      connections: { forTenants: async () => new Map() },
      categories: createCategories(store.clock),
      rules: createRules(store.clock),
    });

  /** Routes all messages in small pages, on both sides at once. Answers how many go out. */
  async function race(category: string, definition: object, usersOf: (page: number) => string[]) {
    const { engine, clock } = stores[0]!;
    const now = clock.now();
    await engine.query('insert into categories values ($1, $2, $3, $4, $4)', [
      TENANT,
      category,
      definition,
      new Date(now),
    ]);
    const request = { channels: ['inbox'], message: { title: 'Hi', body: 'there' } };
    const sharedRequestId = uuidv7(now);
    await insertSharedRequest(engine, { tenantId: TENANT, id: sharedRequestId, request, now: new Date(now) });
    const routers = stores.map(routerOf);
    const shared = {
      tenantId: TENANT,
      live: false,
      sharedRequestId,
      request,
      category,
      priority: 1,
      expiresAt: null,
    };
    const pages = Array.from({ length: MESSAGES / PER_PAGE }, (_, page) => {
      const side = page % 2;
      return stores[side]!.transaction((db) =>
        routePage(db, routers[side]!, { ...shared, userIds: usersOf(page) }, stores[side]!.clock.now()),
      );
    });
    const deliveries = (await Promise.all(pages)).flatMap((page) => page.deliveries);
    assert.equal(deliveries.length, MESSAGES);
    const sent = deliveries.filter(({ state }) => state === 'queued');
    for (const { state, reason } of deliveries) assert.ok(state === 'queued' || reason === 'capped');
    const { rows } = await engine.query(
      'select rule, sum(used) as used from cap_uses where rule like $1 group by rule',
      [`${category}:%`],
    );
    assert.ok(rows.length > 0);
    for (const { rule, used } of rows) assert.equal(used, sent.length, rule);
    return sent;
  }

  it('send exactly as many as the cap allows, of a calendar window and of a sliding one', async () => {
    for (const sliding of [false, true]) {
      const caps = [{ limit: 3, per: 'month', sliding }];
      const sent = await race(`one-${sliding}`, { caps }, () => new Array(PER_PAGE).fill('ada'));
      assert.equal(sent.length, 3);
    }
  });

  it('give every user what is his, in whatever order they come', async () => {
    const names = ['ada', 'bob', 'cyd', 'dan', 'eve'];
    const caps = [
      { limit: 7, per: 'month' },
      { limit: 4, per: 'month', channel: 'inbox', sliding: true },
    ];
    const sent = await race('many', { caps }, (page) => names.map((_, i) => names[(i * 2 + page) % 5]!));
    const byUser = Map.groupBy(sent, ({ userId }) => userId);
    assert.deepEqual(
      [...byUser.values()].map((own) => own.length),
      [4, 4, 4, 4, 4],
    );
  });
});
