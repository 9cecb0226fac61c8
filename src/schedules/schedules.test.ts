import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { openBench, type ScheduleBench } from '../../test/support/schedule-bench.ts';
import { describeStores } from '../../test/support/stores.ts';
import { openStore, type Store } from '../store/index.ts';

const BERLIN = { timezone: 'Europe/Berlin' };
const AT_NINE = { recurrence: { cron: '0 9 * * *' }, ...BERLIN };

describeStores('schedules', (store) => {
  let bench: ScheduleBench;
  before(async () => {
    bench = await openBench(store());
  });
  beforeEach(async () => {
    await bench.clear();
    await bench.setTo('2026-11-21T12:00:00Z');
  });
  after(() => bench.api.close());
  const put = async (body: object, id = 'digest') => {
    const { notification, api } = bench;
    const answer = await api.call('PUT', `/v1/schedules/${id}`, { notification, ...body });
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body;
  };
  const get = async (id = 'digest') => (await bench.api.call('GET', `/v1/schedules/${id}?next=3`)).body;
  const change = async (what: string, id = 'digest') => {
    const answer = await bench.api.call('POST', `/v1/schedules/${id}/${what}`);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  };
  const occurrences = async () =>
    (
      await store().engine.query(
        'select local_time, zone, outcome, notifications from schedule_occurrences order by local_time, zone',
      )
    ).rows.map((row) => `${row.local_time.slice(5, 16)} ${row.zone} ${row.outcome} ${row.notifications}`);

  it('fire once at their time, and are done', async () => {
    const made = await put({ at: '2026-11-22T09:00', ...BERLIN });
    assert.deepEqual([made.state, made.nextAt], ['active', '2026-11-22T08:00:00.000Z']);
    await bench.runUntil('2026-11-22T07:59:59Z');
    assert.deepEqual(await bench.sent(), []);
    await bench.runUntil('2026-11-25T00:00:00Z');
    assert.deepEqual(await bench.sent(), ['ada 2026-11-22T08:00']);
    const view = await get();
    assert.deepEqual(
      [view.state, view.nextAt, view.lastFiredAt, view.next],
      ['done', null, '2026-11-22T08:00:00.000Z', []],
    );
  });

  it('send what accept would have sent', async () => {
    const woken: string[] = [];
    const off = bench.wake.on((topic) => woken.push(topic));
    const { userId } = bench.notification;
    const template = { id: 'welcome', variables: { n: 1 } };
    const window = { from: '09:00', to: '21:00', spreadMinutes: 60 };
    const what = { template, channels: ['email'], window };
    const notification = { userId, ...what, category: 'otp', expiresAfterSeconds: 60 };
    await put({ notification, at: '2026-11-22T09:00:00Z' });
    await bench.runUntil('2026-11-22T09:00:00Z');
    off();
    const { rows } = await store().engine.query(
      'select n.*, u.due_at as turn from notifications n join unrouted u using (id)',
    );
    assert.equal(rows.length, 1);
    const [row] = rows;
    assert.deepEqual(row.request, what);
    assert.deepEqual([row.state, row.live, row.category, row.priority], ['accepted', true, 'otp', 0]);
    assert.deepEqual(
      [row.turn, row.due_at, row.expires_at].map((at) => at.toISOString().slice(11, 19)),
      ['09:00:00', '09:00:00', '09:01:00'],
    );
    assert.deepEqual(woken, ['schedules', 'route.high']);
  });

  it('keep the time of the day when clocks change, month after month', async () => {
    await bench.setTo('2027-03-26T12:00:00Z');
    await put({
      ...AT_NINE,
      notification: { ...bench.notification, userId: undefined, userIds: ['ada', 'bob'] },
    });
    await bench.runUntil('2027-03-29T00:00:00Z');
    assert.deepEqual(await bench.sent(), [
      'ada 2027-03-27T08:00',
      'bob 2027-03-27T08:00',
      'ada 2027-03-28T07:00',
      'bob 2027-03-28T07:00',
    ]);
    assert.deepEqual(await occurrences(), ['03-27T09:00  fired 2', '03-28T09:00  fired 2']);
  });

  it('fire on the last day of the month, and years ahead', async () => {
    await put({
      recurrence: { rrule: 'FREQ=MONTHLY;BYMONTHDAY=-1', startsAt: '2026-11-30T09:00' },
      timezone: 'UTC',
    });
    await put({ at: '2036-02-29T09:00', ...BERLIN }, 'leap');
    await bench.runUntil('2027-03-01T00:00:00Z');
    assert.deepEqual(await bench.sent(), [
      'ada 2026-11-30T09:00',
      'ada 2026-12-31T09:00',
      'ada 2027-01-31T09:00',
      'ada 2027-02-28T09:00',
    ]);
    await change('cancel');
    await bench.runUntil('2036-03-01T00:00:00Z');
    assert.deepEqual((await bench.sent()).slice(4), ['ada 2036-02-29T08:00']);
  });

  it('send to a thousand users in one go, and to each once', async () => {
    const userIds = Array.from({ length: 1_000 }, (_, i) => `user ${i}`);
    const { message } = bench.notification;
    await put({ notification: { userIds, message }, at: '2026-11-22T09:00:00Z' });
    await bench.runUntil('2026-11-22T10:00:00Z');
    const users = (await bench.sent()).map((text) => text.slice(0, -17));
    assert.deepEqual([users.length, new Set(users).size], [1_000, 1_000]);
  });

  it('fire once with several schedulers at work', async () => {
    for (let i = 0; i < 120; i++) await put({ at: '2026-11-22T09:00:00Z' }, `s${i}`);
    await put(AT_NINE);
    await bench.setTo('2026-11-22T09:00:00Z');
    const { databaseUrl } = store() as Store & { databaseUrl?: string };
    // Real processes have pools of their own; the embedded database has one process at a time.
    const others = databaseUrl ? [await openStore({ databaseUrl, poolSize: 1, migrate: false })] : [];
    const loops = [store(), store(), ...others].map((each) => bench.newLoop(each));
    for (let round = 0; round < 5; round++) await Promise.all(loops.map((loop) => loop.step()));
    await Promise.all(others.map((other) => other.close()));
    assert.equal((await bench.sent()).length, 121);
    assert.equal((await occurrences()).length, 121);
  });

  it('lose nothing and repeat nothing when a scheduler dies before its commit', async () => {
    await put({
      ...AT_NINE,
      notification: { ...bench.notification, userId: undefined, userIds: ['ada', 'bob'] },
    });
    await bench.setTo('2026-11-22T08:00:00Z');
    const dies: Store['transaction'] = (work) =>
      store().transaction(async (db) => {
        await work(db);
        throw new Error('killed');
      });
    await assert.rejects(bench.newLoop({ ...store(), transaction: dies }).step(), /killed/);
    assert.deepEqual([await bench.sent(), await occurrences()], [[], []]);
    await bench.newLoop().step();
    assert.deepEqual(await bench.sent(), ['ada 2026-11-22T08:00', 'bob 2026-11-22T08:00']);
  });

  it('repeat nothing when the answer to a commit got lost', async () => {
    await put(AT_NINE);
    await bench.setTo('2026-11-22T08:00:00Z');
    const loses: Store['transaction'] = async (work) => {
      await store().transaction(work);
      throw new Error('connection lost');
    };
    await assert.rejects(bench.newLoop({ ...store(), transaction: loses }).step(), /lost/);
    assert.equal(await bench.newLoop().step(), 0);
    assert.deepEqual(await bench.sent(), ['ada 2026-11-22T08:00']);
  });

  it('fire an occurrence once even if their row is set back', async () => {
    await put(AT_NINE);
    await bench.runUntil('2026-11-22T08:00:00Z');
    await store().engine.query('update schedules set cursor_at = $1, next_at = $1', ['2026-11-22T07:00:00Z']);
    await bench.newLoop().step();
    assert.deepEqual(await bench.sent(), ['ada 2026-11-22T08:00']);
  });

  it('pause, and go on without making up for what came meanwhile', async () => {
    await put(AT_NINE);
    assert.deepEqual([(await change('pause')).state, (await change('pause')).nextAt], ['paused', null]);
    assert.equal((await get()).next.length, 3);
    await bench.runUntil('2026-11-24T12:00:00Z');
    assert.deepEqual(await bench.sent(), []);
    assert.equal((await change('resume')).nextAt, '2026-11-25T08:00:00.000Z');
    await bench.runUntil('2026-11-25T12:00:00Z');
    assert.deepEqual(await bench.sent(), ['ada 2026-11-25T08:00']);
  });

  it('leave one out, or two, and go on behind them', async () => {
    await put(AT_NINE);
    await change('skip');
    await change('skip');
    const skipped = (await get()).next.map((each: { local: string; skipped: boolean }) => [
      each.local.slice(8, 10),
      each.skipped,
    ]);
    assert.deepEqual(skipped, [
      ['22', true],
      ['23', true],
      ['24', false],
    ]);
    await bench.runUntil('2026-11-24T12:00:00Z');
    assert.deepEqual(await bench.sent(), ['ada 2026-11-24T08:00']);
    assert.deepEqual(await occurrences(), [
      '11-22T09:00  skipped 0',
      '11-23T09:00  skipped 0',
      '11-24T09:00  fired 1',
    ]);
  });

  it('end when they are cancelled or deleted, and start anew when they are said again', async () => {
    await put(AT_NINE);
    await put(AT_NINE, 'other');
    assert.equal((await change('cancel')).state, 'cancelled');
    assert.equal((await bench.api.call('DELETE', '/v1/schedules/other')).status, 204);
    await bench.runUntil('2026-11-23T12:00:00Z');
    assert.deepEqual(await bench.sent(), []);
    assert.equal((await put(AT_NINE)).state, 'active');
    await bench.runUntil('2026-11-24T12:00:00Z');
    assert.deepEqual(await bench.sent(), ['ada 2026-11-24T08:00']);
  });

  it('make up once for what was missed, or not at all, or for each', async () => {
    await put({ ...AT_NINE, missed: 'skip' }, 'skip');
    const other = (userId: string) => ({ notification: { ...bench.notification, userId } });
    await put({ ...AT_NINE, ...other('bob') }, 'once');
    await put({ ...AT_NINE, ...other('eve'), missed: 'catch_up' }, 'each');
    await put({ ...AT_NINE, ...other('kim'), missed: 'skip', graceSeconds: 7_200 }, 'grace');
    await bench.setTo('2026-11-24T09:30:00Z');
    await bench.newLoop().step();
    const at = '2026-11-24T09:30';
    assert.deepEqual(await bench.sent(), [`bob ${at}`, `eve ${at}`, `eve ${at}`, `eve ${at}`, `kim ${at}`]);
    await bench.runUntil('2026-11-25T12:00:00Z');
    assert.equal((await bench.sent()).length, 9);
  });

  it('keep what fired when they are edited, and go on from where they are while their times stay', async () => {
    await put(AT_NINE);
    await bench.runUntil('2026-11-22T12:00:00Z');
    const message = { title: 'Other', body: 'Words' };
    await change('skip');
    const edited = await put({ ...AT_NINE, notification: { userId: 'ada', message } });
    assert.equal(edited.nextAt, '2026-11-23T08:00:00.000Z');
    await bench.runUntil('2026-11-23T12:00:00Z');
    assert.equal((await bench.sent()).length, 1);
    await put({ ...BERLIN, recurrence: { cron: '0 9,14 * * *' } });
    await bench.runUntil('2026-11-23T23:00:00Z');
    assert.deepEqual(await bench.sent(), ['ada 2026-11-22T08:00', 'ada 2026-11-23T13:00']);
    assert.equal((await occurrences()).length, 3);
  });

  it('stop alone when what is stored of them makes no sense', async () => {
    for (const id of ['a', 'b', 'c', 'd']) await put(AT_NINE, id);
    const spoil = (id: string, sql: string) =>
      store().engine.query(`update schedules set definition = ${sql} where id = $1`, [id]);
    await spoil('a', "'{}'");
    await spoil('b', `jsonb_set(definition, '{notification,priority}', '"odd"')`);
    await spoil('c', "'null'");
    await bench.runUntil('2026-11-22T12:00:00Z');
    assert.deepEqual(await bench.sent(), ['ada 2026-11-22T08:00']);
    const { rows } = await store().engine.query(
      'select id, state, problem is null as sound from schedules order by id',
    );
    assert.deepEqual(
      rows.map(({ id, state, sound }) => [id, state, sound]),
      [
        ['a', 'failed', false],
        ['b', 'failed', false],
        ['c', 'failed', false],
        ['d', 'active', true],
      ],
    );
  });

  it('send in the mode of the key that made them', async () => {
    const { notification } = bench;
    const answer = await bench.api.callAsTest('PUT', '/v1/schedules/digest', {
      notification,
      at: '2026-11-22T09:00:00Z',
    });
    assert.equal(answer.status, 201);
    await bench.runUntil('2026-11-22T10:00:00Z');
    const { rows } = await store().engine.query('select live from notifications');
    assert.deepEqual(rows, [{ live: false }]);
    assert.equal((await bench.api.call('GET', '/v1/schedules/digest')).status, 404);
  });
});
