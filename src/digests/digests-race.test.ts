import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createTestDatabase, stopOwnCluster } from '../../test/support/stores.ts';
import { cancelCollected, lockNotification, reconcile } from '../ledger/index.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { insertSharedRequest, Wake } from '../queue/index.ts';
import { Router, routePage } from '../routing/index.ts';
import { createCategories, createRules } from '../rules/index.ts';
import { openStore, type Store } from '../store/index.ts';
import { templateKey } from '../templates/index.ts';
import { DigestLoop } from './index.ts';

const TENANT = '01900000-0000-7000-8000-00000000000a';
const USERS = ['ada', 'bob', 'cyd', 'dan', 'eve'];
const WINDOWS = [{ everySeconds: 1 }, { quietSeconds: 1, atMostSeconds: 2 }];
const ROUNDS = 20;
const PAGES_PER_ROUND = 8;
const PER_PAGE = 10;

// Stores of their own, as two processes have them: nothing but the database stands between routers and loops.
describe('digests of two processes on one PostgreSQL', () => {
  let stores: Store[];
  let databaseUrl: string;
  let clock: FakeClock;
  before(async () => {
    databaseUrl = await createTestDatabase();
    stores = [await openStore({ databaseUrl, poolSize: 6 }), await openStore({ databaseUrl, poolSize: 6 })];
    clock = new FakeClock(stores[0]!.clock.now());
    const now = new Date(clock.now());
    const { engine } = stores[0]!;
    await engine.query("insert into tenants values ($1, 'a', 'a', $2)", [TENANT, now]);
    for (const name of USERS)
      await engine.query("insert into users values ($1, $2, $3, null, null, '{}', $4, $4)", [
        TENANT,
        uuidv7(now.getTime()),
        name,
        now,
      ]);
  });
  beforeEach(() =>
    stores[0]!.engine.query(
      'truncate digests, digest_events, deliveries, notifications, unrouted, postponed, counters',
    ),
  );
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

  const shared = () => ({ clock, logger: silentLogger, categories: createCategories(clock) });
  const routerOn = (store: Store) =>
    new Router({
      store,
      ...shared(),
      logger: { error: assert.fail } as never,
      templates: { compiled: async () => new Map() },
      connections: { forTenants: async () => new Map() },
      rules: createRules(clock),
    });
  const loopOn = (store: Store) =>
    new DigestLoop({
      store,
      ...shared(),
      wake: new Wake(),
      // As if it were published: then the message tells which events it shows.
      templates: {
        compiled: async (_db, wanted) => new Map(wanted.map((each) => [templateKey(each), {} as never])),
      },
    });

  /** Stores what pages of users are told; answers how to route such a page. */
  async function announce(window: object) {
    const request = {
      channels: ['inbox'],
      message: { title: 'Hi' },
      digest: { key: JSON.stringify(window), window, template: { id: 'summary' } },
    };
    const sharedRequestId = uuidv7(clock.now());
    const { engine } = stores[0]!;
    await insertSharedRequest(engine, {
      tenantId: TENANT,
      id: sharedRequestId,
      request,
      now: new Date(clock.now()),
    });
    const routers = stores.map(routerOn);
    return (side: number, userIds: string[]) =>
      stores[side]!.transaction((db) =>
        routePage(
          db,
          routers[side]!,
          {
            tenantId: TENANT,
            live: false,
            sharedRequestId,
            request,
            category: 'news',
            priority: 1,
            expiresAt: null,
            userIds,
          },
          clock.now(),
        ),
      );
  }
  // biome-ignore lint/suspicious/noExplicitAny: whole rows
  const rowsOf = async (text: string): Promise<any[]> => (await stores[0]!.engine.query(text)).rows;

  it('carry every event exactly once, one digest a window', async () => {
    const routes = [await announce(WINDOWS[0]!), await announce(WINDOWS[1]!)];
    const loops = stores.map(loopOn);
    let isOver = false;
    const stepsThatClosed = [0, 0];
    const closing = loops.map(async (loop, side) => {
      while (!isOver) if ((await loop.step()) > 0) stepsThatClosed[side]!++;
    });
    for (let round = 0; round < ROUNDS; round++) {
      const pages = Array.from({ length: PAGES_PER_ROUND }, (_, page) => {
        // Every page in another order: only sorting keeps them from waiting in a circle.
        const users = Array.from(
          { length: PER_PAGE },
          (_, i) => USERS[(i * (page + 1) + round) % USERS.length]!,
        );
        return routes[page % 4 < 2 ? 0 : 1]!(page % 2, users);
      });
      await Promise.all(pages);
      clock.advance(300);
    }
    isOver = true;
    await Promise.all(closing);
    clock.advance(10_000);
    while ((await loops[0]!.step()) > 0);

    const total = ROUNDS * PAGES_PER_ROUND * PER_PAGE;
    const events = await rowsOf(
      `select n.id, d.state, d.reason, d.code, p.reason as given_back from notifications n
        left join deliveries d on d.notification_id = n.id left join postponed p on p.notification_id = n.id
        where n.shared_request_id is not null`,
    );
    assert.equal(events.length, total, 'no event has two ends');
    const carried = Map.groupBy(
      events.filter(({ code }) => code),
      ({ code }) => code as string,
    );
    const alone = events.filter((event) => event.given_back === 'digest');
    assert.equal([...carried.values()].flat().length + alone.length, total, 'none is lost');
    for (const event of events) if (!event.given_back) assert.equal(event.reason, 'digested');

    const carriers = await rowsOf("select id, request from notifications where request ? 'carries'");
    assert.equal(new Set(carriers.map(({ request }) => request.carries.digestId)).size, carriers.length);
    assert.deepEqual(carriers.map(({ id }) => id).sort(), [...carried.keys()].sort());
    for (const { id, request } of carriers) {
      const own = carried
        .get(id)!
        .map((event) => event.id as string)
        .sort();
      assert.equal(request.carries.events, own.length);
      assert.deepEqual(
        request.template.variables.events.map((event: { id: string }) => event.id),
        own.slice(-100),
      );
    }
    await judgeWindows(carriers.length, alone.length);
    assert.ok(Math.min(...stepsThatClosed) > 0, 'both closed some');
    assert.deepEqual((await reconcile(stores[0]!.engine, new Date(0))).findings, []);
  });

  /** One window of a user and key begins after the one before was closed. */
  async function judgeWindows(sent: number, single: number) {
    const digests = await rowsOf('select * from digests order by user_id, key, opened_at');
    const count = (result: string) => digests.filter((digest) => digest.result === result).length;
    assert.deepEqual([count('sent'), count('single'), digests.length], [sent, single, sent + single]);
    assert.ok(digests.length >= USERS.length * WINDOWS.length * 3, `${digests.length} windows`);
    for (const [i, digest] of digests.entries()) {
      const next = digests[i + 1];
      if (next && next.user_id === digest.user_id && next.key === digest.key)
        assert.ok(next.opened_at >= digest.closed_at);
      assert.ok(digest.closed_at >= digest.closes_at && digest.finished_at !== null);
    }
    assert.deepEqual(await rowsOf('select 1 from digest_events'), []);
  }

  it('are closed once when a process dies while it closes them', async () => {
    const route = await announce({ everySeconds: 60 });
    await route(0, ['ada', 'ada', 'ada']);
    clock.advance(60_000);
    const [alive, dying] = stores as [Store, Store];
    const transaction: Store['transaction'] = (work) =>
      dying.transaction(async (db) => {
        await work(db);
        await db.query('select pg_terminate_backend(pg_backend_pid())');
        throw new Error('it is dead');
      });
    await assert.rejects(loopOn({ ...dying, transaction }).step());
    assert.deepEqual(await rowsOf('select result from digests'), [{ result: null }]);
    assert.equal((await rowsOf('select 1 from digest_events')).length, 3);
    assert.deepEqual(await rowsOf('select 1 from unrouted'), []);
    assert.equal(await loopOn(alive).step(), 1);
    assert.equal(await loopOn(alive).step(), 0);
    const carriers = await rowsOf(
      "select n.id, u.id as turn from notifications n left join unrouted u using (id) where request ? 'carries'",
    );
    assert.equal(carriers.length, 1);
    assert.equal(carriers[0].turn, carriers[0].id);
    assert.deepEqual((await reconcile(alive.engine, new Date(0))).findings, []);
  });

  it('are closed by whoever waits for them when events come without a break', async () => {
    const route = await announce({ everySeconds: 60 });
    await route(0, ['ada']);
    clock.advance(60_000);
    const routing = Promise.withResolvers<void>();
    const isLocked = Promise.withResolvers<void>();
    const held = stores[0]!.transaction(async (db) => {
      await db.query('select 1 from digests for update');
      isLocked.resolve();
      await routing.promise;
    });
    await isLocked.promise;
    const closing = loopOn(stores[1]!).step();
    // It waits for the lock by now, or comes to it later: both ends are the same.
    while (
      (
        await rowsOf(
          "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        )
      ).length === 0
    );
    routing.resolve();
    assert.equal(await closing, 1);
    await held;
    assert.deepEqual(await rowsOf('select result from digests'), [{ result: 'single' }]);
  });

  it('take the cancel of an event before they are closed, or refuse it', async () => {
    const route = await announce({ everySeconds: 60 });
    let [cancelled, refused] = [0, 0];
    for (let i = 0; i < 30; i++) {
      const { rows } = await route(0, ['ada', 'ada', 'ada', 'ada']);
      clock.advance(60_000);
      const cancel = stores[0]!.scoped(TENANT, async (db) => {
        await lockNotification(db, TENANT, false, rows[1]!.id);
        return cancelCollected(db, TENANT, rows[1]!.id);
      });
      const [isCancelled] = await Promise.all([cancel, loopOn(stores[1]!).step()]);
      const [{ events }] = await rowsOf('select events from digests order by opened_at desc limit 1');
      assert.equal(events, isCancelled ? 3 : 4);
      if (isCancelled) cancelled++;
      else refused++;
    }
    assert.equal(cancelled + refused, 30);
    assert.deepEqual((await reconcile(stores[0]!.engine, new Date(0))).findings, []);
  });
});
