import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { openBench, type ScheduleBench } from '../../test/support/schedule-bench.ts';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Store } from '../store/index.ts';

describeStores('a schedule for an audience', (store) => {
  let bench: ScheduleBench;
  const message = { title: 'Hello', body: 'World' };
  before(async () => {
    bench = await openBench(store());
  });
  beforeEach(async () => {
    await bench.clear();
    for (const table of ['segments', 'segment_members']) await store().engine.query(`delete from ${table}`);
    await bench.setTo('2026-11-21T12:00:00Z');
  });
  after(() => bench.api.close());

  const addUsers = async (count: number, topics: string[] = []) => {
    const at = new Date(bench.api.clock.now());
    await store().engine.query(
      `insert into users select $1, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'u' || n, null, null, '{}', $2, $2
         from generate_series(1, $3::int) n`,
      [bench.api.tenantId, at, count],
    );
    for (const topic of topics)
      await store().engine.query(
        'insert into topic_subscriptions select tenant_id, $2, id, $3 from users where tenant_id = $1',
        [bench.api.tenantId, topic, at],
      );
  };
  const addSegment = async (shown: number) => {
    const { tenantId, clock } = bench.api;
    const uid = uuidv7(clock.now());
    await store().engine.query(
      `insert into segments (tenant_id, id, uid, rule, uses, listens, generation, shown, due_at, created_at, updated_at)
       values ($1, 'all', $2, '{"exists": true}', '{}', '{}', 1, $3, 'infinity', $4, $4)`,
      [tenantId, uid, shown, new Date(clock.now())],
    );
    await store().engine.query(
      'insert into segment_members select $1, $2, 1, id from users where tenant_id = $1',
      [tenantId, uid],
    );
  };
  const put = async (notification: object, more: object = { at: '2026-11-21T12:01:00Z' }) => {
    const answer = await bench.api.call('PUT', '/v1/schedules/news', { notification, ...more });
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body;
  };
  const sendAll = async (on: Store = store()) => {
    const loop = bench.newLoop(on);
    while (await loop.sendPage());
  };
  const told = async () => {
    const { rows } = await store().engine.query('select user_id from notifications where tenant_id = $1', [
      bench.api.tenantId,
    ]);
    return rows.map((row) => row.user_id as string);
  };
  const occurrences = async () => (await bench.api.call('GET', '/v1/schedules/news/occurrences')).body.items;

  it('tells everybody below a topic once, in pages', async () => {
    await addUsers(1_300, ['sport/ski', 'sport/football']);
    await put({ audience: { topic: 'sport' }, message });
    await bench.runUntil('2026-11-21T12:01:00Z');
    assert.equal((await told()).length, 0, 'the pages come after the occurrence');
    await sendAll();
    const users = await told();
    assert.deepEqual([users.length, new Set(users).size], [1_300, 1_300]);
    assert.equal((await occurrences())[0].notifications, 1_300);
    assert.equal(await bench.newLoop().sendPage(), false);
  });

  it('tells a user once who moves between topics while it is under way', async () => {
    await addUsers(700, ['sport/a']);
    await put({ audience: { topic: 'sport' }, message });
    await bench.runUntil('2026-11-21T12:01:00Z');
    await bench.newLoop().sendPage();
    await store().engine.query("update topic_subscriptions set topic = 'sport/b'");
    await sendAll();
    const users = await told();
    assert.deepEqual([users.length, new Set(users).size], [700, 700]);
  });

  it('tells the members of a segment, each time anew, and waits for it to be complete', async () => {
    await addUsers(600);
    await addSegment(0);
    const expiresAfterSeconds = 60;
    await put(
      { audience: { segment: 'all' }, message, expiresAfterSeconds },
      { recurrence: { cron: '* * * * *' }, timezone: 'UTC' },
    );
    await bench.runUntil('2026-11-21T12:01:00Z');
    await sendAll();
    assert.equal((await told()).length, 0);
    await store().engine.query("update segments set shown = 1 where id = 'all'");
    await bench.setTo('2026-11-21T12:01:05Z');
    await sendAll();
    assert.equal((await told()).length, 600);
    await bench.runUntil('2026-11-21T12:02:00Z');
    await sendAll();
    assert.equal((await told()).length, 1_200);
    const { rows } = await store().engine.query('select distinct expires_at from notifications order by 1');
    assert.deepEqual(
      rows.map((row) => row.expires_at.toISOString()),
      ['2026-11-21T12:02:00.000Z', '2026-11-21T12:03:00.000Z'],
    );
  });

  it('goes on where a crash left it, in any process, and tells nobody twice', async () => {
    await addUsers(1_300);
    await addSegment(1);
    await put({ audience: { segment: 'all' }, message });
    await bench.runUntil('2026-11-21T12:01:00Z');
    const crashing = {
      ...store(),
      transaction: (work: Parameters<Store['transaction']>[0]) =>
        store().transaction(async (db) => {
          await work(db);
          throw new Error('crash');
        }),
    } as Store;
    await bench.newLoop().sendPage();
    await assert.rejects(bench.newLoop(crashing).sendPage(), /crash/);
    const loops = [bench.newLoop(), bench.newLoop()];
    for (let isBusy = true; isBusy; )
      isBusy = (await Promise.all(loops.map((loop) => loop.sendPage()))).some(Boolean);
    const users = await told();
    assert.deepEqual([users.length, new Set(users).size], [1_300, 1_300]);
  });

  it('stops when the schedule is cancelled or deleted', async () => {
    for (const [method, path] of [
      ['POST', '/cancel'],
      ['DELETE', ''],
    ] as const) {
      await bench.clear();
      await addUsers(1_100, ['sport']);
      await put(
        { audience: { topic: 'sport' }, message },
        { recurrence: { cron: '* * * * *' }, timezone: 'UTC' },
      );
      await bench.runUntil(new Date(bench.api.clock.now() + 60_000).toISOString());
      await bench.newLoop().sendPage();
      await bench.api.call(method, `/v1/schedules/news${path}`);
      await sendAll();
      assert.equal((await told()).length, 500, `${method} ${path}`);
    }
  });

  it('holds up no other when it fails', async () => {
    await addUsers(10, ['sport']);
    await put({ audience: { topic: 'sport' }, message });
    await bench.runUntil('2026-11-21T12:01:00Z');
    const broken = await store().engine.query('update audience_sends set audience = $1 returning id', [
      '"x"',
    ]);
    await put({ audience: { topic: 'sport' }, message }, { at: '2026-11-21T12:02:00Z' });
    await bench.runUntil('2026-11-21T12:02:00Z');
    await assert.rejects(bench.newLoop().sendPage());
    await sendAll();
    assert.equal((await told()).length, 10);
    const { id } = broken.rows[0];
    await store().engine.query('update audience_sends set audience = $2 where id = $1', [
      id,
      { topic: 'sport' },
    ]);
    bench.api.clock.advance(5_000);
    await sendAll();
    assert.equal((await told()).length, 20, 'the other comes when it can');
  });

  it('is sent by the loop, with nobody else to start it', async () => {
    await addUsers(600, ['sport']);
    await put({ audience: { topic: 'sport' }, message });
    const loop = bench.newLoop();
    loop.start();
    while (bench.api.clock.nextAt() === null) await new Promise(setImmediate);
    bench.api.clock.advance(60_000);
    while ((await told()).length < 600) await new Promise(setImmediate);
    await loop.stop();
  });

  const REFUSED: [object, object, string][] = [
    [{ audience: { topic: 'a' }, userId: 'ada' }, {}, '/notification/userId'],
    [{ audience: {} }, {}, '/notification/audience/topic'],
    [{ audience: { topic: 'a', segment: 'b' } }, {}, '/notification/audience/topic'],
    [{ audience: { segment: 'nowhere' } }, {}, '/notification/audience/segment'],
    [{ audience: { topic: 'A' } }, {}, '/notification/audience/topic'],
    [{ audience: { topic: 'a' } }, { localTime: true, timezone: 'UTC' }, '/localTime'],
  ];
  for (const [notification, more, field] of REFUSED) {
    it(`is refused as ${JSON.stringify(notification)}`, async () => {
      const body = {
        notification: { message, ...notification },
        at: '2026-11-21T12:01:00',
        timezone: 'UTC',
        ...more,
      };
      const answer = await bench.api.call('PUT', '/v1/schedules/wrong', body);
      assert.deepEqual([answer.status, answer.body.errors?.[0].field], [400, field]);
    });
  }
});
