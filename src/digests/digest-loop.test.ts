import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type DigestBench, openDigestBench } from '../../test/support/digest-bench.ts';
import { countLooks } from '../../test/support/looks.ts';
import { describeStores } from '../../test/support/stores.ts';
import { DIGESTS } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import { KEPT_MS } from './digest-loop.ts';
import { claimDue, loadContents } from './store.ts';

const event = (everySeconds: number, more: object = {}) => ({
  message: { title: 'Hello' },
  channels: ['email'],
  digest: { window: { everySeconds } },
  ...more,
});

describeStores('the loop over digests', (store) => {
  let bench: DigestBench;
  before(async () => {
    bench = await openDigestBench(store());
  });
  beforeEach(async () => {
    await bench.clear();
    await bench.setTo('2026-11-21T12:00:00Z');
  });
  after(() => bench.api.close());
  /** Until the loop sleeps, and would wake at this time. */
  const asleepUntil = async (time: string) => {
    while (bench.api.clock.nextAt() !== Date.parse(time)) await nextTurn();
  };
  const results = async () =>
    (await store().engine.query('select result from digests order by id')).rows.map(({ result }) => result);

  it('sleeps until the next is over, wakes when one is opened, and rests again', async () => {
    const loop = bench.newLoop();
    loop.start();
    await asleepUntil('2026-11-21T12:00:30Z');
    await bench.send(event(10));
    bench.wake.signal(DIGESTS);
    await asleepUntil('2026-11-21T12:00:10Z');
    bench.api.clock.advance(10_000);
    await asleepUntil('2026-11-21T12:00:40Z');
    assert.deepEqual(await results(), ['single']);
    await loop.stop();
    assert.equal(bench.api.clock.nextAt(), null);
  });

  it('looks twice a minute when there is nothing to do', async () => {
    const counted = countLooks(store(), bench.api.clock, 'digests_next');
    const loop = bench.newLoop(counted.store);
    loop.start();
    assert.equal(await counted.looksIn(60), 2);
    await loop.stop();
  });

  it('goes on when the database fails', async () => {
    let failures = 2;
    const transaction: Store['transaction'] = (work) =>
      failures-- > 0 ? Promise.reject(new Error('gone')) : store().transaction(work);
    await bench.send(event(10));
    bench.api.clock.advance(10_000);
    const loop = bench.newLoop({ ...store(), transaction });
    loop.start();
    for (const time of ['2026-11-21T12:00:11Z', '2026-11-21T12:00:12Z']) {
      await asleepUntil(time);
      bench.api.clock.advance(1_000);
    }
    await asleepUntil('2026-11-21T12:00:42Z');
    assert.deepEqual(await results(), ['single']);
    await loop.stop();
  });

  it('puts off what the database refuses, and closes the others', async () => {
    for (const userId of ['ada', 'bob', 'cyd'])
      for (let i = 0; i < 2; i++) await bench.send(event(10, { userId }));
    bench.api.clock.advance(10_000);
    const refusesBob = (text: unknown) => {
      const { name, values } = text as { name?: string; values?: unknown[] };
      if (name === 'accept_insert' && String(values![3]).includes('bob'))
        throw Object.assign(new Error('refused'), { code: '22021' });
    };
    const transaction: Store['transaction'] = (work) =>
      store().transaction((db) => {
        const query = async (text: unknown, values?: unknown) => {
          refusesBob(text);
          return db.query(text as never, values as never);
        };
        return work({ query } as never);
      });
    const loop = bench.newLoop({ ...store(), transaction });
    for (let i = 0; i < 4; i++) await loop.step();
    assert.deepEqual(await results(), ['sent', null, 'sent']);
    assert.equal(await loop.step(), 0);
    assert.deepEqual(await bench.findings(), []);
    bench.api.clock.advance(600_000);
    await bench.newLoop().step();
    assert.deepEqual(await results(), ['sent', 'sent', 'sent']);
  });

  it('gives the events of a large digest their ends in portions, and shows the newest', async () => {
    await bench.send(event(3_600));
    await store().engine.query(
      `insert into notifications (id, tenant_id, live, user_id, category, priority, state, request, due_at, created_at)
       select (left(id::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, tenant_id, live, user_id, category, priority, state,
         jsonb_build_object('message', jsonb_build_object('title', n || repeat('x', 6000))), due_at, created_at
       from notifications, generate_series(1, 2500) n where request ? 'digest'`,
    );
    await store().engine.query(
      `insert into digest_events select e.tenant_id, e.digest_id, n.id, 1, '{email}', null
        from digest_events e, notifications n where n.id <> e.notification_id`,
    );
    bench.api.clock.advance(3_600_000);
    const [digest] = await store().transaction((db) =>
      claimDue(db, { now: new Date(bench.api.clock.now()), limit: 1 }),
    );
    const most = { now: new Date(0), shown: 100, bytes: 200_000 };
    const contents = (await loadContents(store().engine, [digest!], most)).get(digest!.id)!;
    assert.deepEqual([contents.events, contents.shown.length], [2_501, 34], 'a digest stays small');
    const loop = bench.newLoop();
    const left = async () =>
      (await store().engine.query('select count(*)::int as n from digest_events')).rows[0].n;
    for (const rest of [1_501, 501, 0]) {
      assert.equal(await loop.step(), 1);
      assert.equal(await left(), rest);
      assert.deepEqual(await bench.findings(), []);
      assert.equal((await bench.digests()).length, 1);
    }
    assert.equal(await loop.step(), 0);
    const { message } = (await bench.digests())[0]!.request;
    assert.equal(message!.title, '2501 new notifications');
    assert.match(message!.body!, /• 2500x+…\n• Hello\n… and 2491 more$/);
    const { rows } = await store().engine.query(
      "select count(distinct notification_id)::int as n from deliveries where reason = 'digested'",
    );
    assert.equal(rows[0].n, 2_501);
  });

  it('closes a digest whose notifications are gone, and the others', async () => {
    for (const userId of ['ada', 'bob']) await bench.send(event(10, { userId }));
    await store().engine.query("delete from notifications where user_id = 'ada'");
    bench.api.clock.advance(10_000);
    assert.equal(await bench.newLoop().step(), 2);
    assert.deepEqual((await results()).sort(), ['empty', 'single']);
    assert.deepEqual((await store().engine.query('select 1 from digest_events')).rows, []);
  });

  it('counts what is collected, and how digests end', async () => {
    for (const userId of ['ada', 'ada', 'bob']) await bench.send(event(10, { userId }));
    const id = await bench.send(event(10, { userId: 'cyd' }));
    await bench.api.callAsTest('POST', `/v1/notifications/${id}/cancel`);
    const value = async (name: string) =>
      Number(new RegExp(`^bellhop_${name} (\\d+)$`, 'm').exec(await bench.metrics.render())?.[1] ?? 0);
    const names = [
      'digest_events_total{kind="test"}',
      ...['sent', 'single', 'empty'].map((result) => `digests_closed_total{outcome="${result}",kind="test"}`),
      'notifications_accepted_total{priority="normal",kind="test"}',
    ].map((name) => name.replace(/[{}]/g, '\\$&'));
    const before = await Promise.all(names.slice(1).map(value));
    assert.ok((await value(names[0]!)) >= 4);
    bench.api.clock.advance(10_000);
    await bench.newLoop().step();
    assert.deepEqual(
      (await Promise.all(names.slice(1).map(value))).map((after, i) => after - before[i]!),
      [1, 1, 1, 1],
    );
  });

  it('forgets digests after a while, and not those that are open', async () => {
    await bench.send(event(10));
    await bench.runUntil('2026-11-21T12:00:10Z');
    const turnOnce = async () => {
      const loop = bench.newLoop();
      loop.start();
      while (bench.api.clock.nextAt() === null) await nextTurn();
      await loop.stop();
    };
    bench.api.clock.advance(KEPT_MS - 1);
    await turnOnce();
    assert.deepEqual(await results(), ['single']);
    bench.api.clock.advance(1);
    await turnOnce();
    assert.deepEqual(await results(), []);
  });

  it('forgets as many digests as there are, a portion at each rest', async () => {
    const { api } = bench;
    const old = new Date(api.clock.now() - KEPT_MS);
    await store().engine.query(
      `insert into digests (tenant_id, id, live, user_id, category, key, settings, opened_at, closes_at, closed_at, result, finished_at)
       select $1, gen_random_uuid(), true, 'ada', 'any', 'any', '{}', $2, $2, $2, 'empty', $2 from generate_series(1, 10001)`,
      [api.tenantId, old],
    );
    const loop = bench.newLoop();
    loop.start();
    await asleepUntil('2026-11-21T12:00:30Z');
    assert.equal((await results()).length, 1);
    api.clock.advance(30_000);
    await asleepUntil('2026-11-21T12:01:00Z');
    assert.deepEqual(await results(), []);
    await loop.stop();
  });
});
