import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { openBench, type ScheduleBench } from '../../test/support/schedule-bench.ts';
import { describeStores } from '../../test/support/stores.ts';

const AT_NINE = { recurrence: { cron: '0 9 * * *' }, timezone: 'Europe/Berlin' };

const STEPS = ['email', 'sms'].map((channel) => ({ channels: [channel], waitSeconds: 60 }));

describeStores('/v1/schedules', (store) => {
  let bench: ScheduleBench;
  before(async () => {
    bench = await openBench(store());
  });
  beforeEach(async () => {
    await bench.clear();
    await bench.setTo('2026-11-21T12:00:00Z');
  });
  after(() => bench.api.close());
  const put = (body: object, id = 'digest') =>
    bench.api.call('PUT', `/v1/schedules/${id}`, { notification: bench.notification, ...body });

  it('shows what was said, and what comes next', async () => {
    const made = await put({ ...AT_NINE, missed: 'skip', graceSeconds: 60 });
    assert.equal(made.status, 201);
    const { body } = await bench.api.call('GET', '/v1/schedules/digest?next=2');
    assert.deepEqual(body, {
      id: 'digest',
      state: 'active',
      notification: bench.notification,
      ...AT_NINE,
      missed: 'skip',
      graceSeconds: 60,
      nextAt: '2026-11-22T08:00:00.000Z',
      lastFiredAt: null,
      createdAt: '2026-11-21T12:00:00.000Z',
      updatedAt: '2026-11-21T12:00:00.000Z',
      next: [
        { local: '2026-11-22T09:00:00', at: '2026-11-22T08:00:00.000Z', skipped: false },
        { local: '2026-11-23T09:00:00', at: '2026-11-23T08:00:00.000Z', skipped: false },
      ],
    });
    assert.equal((await bench.api.call('GET', '/v1/schedules/digest')).body.next.length, 10);
  });

  it('changes nothing when the same is said again, also when it is over', async () => {
    await put({ at: '2026-11-21T13:00:00Z' });
    await bench.runUntil('2026-11-21T14:00:00Z');
    const again = await put({ at: '2026-11-21T13:00:00Z' });
    assert.deepEqual(
      [again.status, again.body.state, again.body.updatedAt],
      [200, 'done', '2026-11-21T12:00:00.000Z'],
    );
    const moved = await put({ at: '2026-11-21T15:00:00Z' });
    assert.deepEqual([moved.status, moved.body.state], [200, 'active']);
    await bench.runUntil('2026-11-21T16:00:00Z');
    assert.equal((await bench.sent()).length, 2);
  });

  it('stays paused when it is edited, and is paused or resumed by `enabled`', async () => {
    assert.equal((await put({ ...AT_NINE, enabled: false })).body.state, 'paused');
    assert.equal((await put({ ...AT_NINE, missed: 'skip' })).body.state, 'paused');
    const { body } = await put({ ...AT_NINE, missed: 'skip', enabled: true });
    assert.deepEqual([body.state, body.nextAt], ['active', '2026-11-22T08:00:00.000Z']);
  });

  it('is listed by pages, in the order of the ids', async () => {
    for (const id of ['c', 'a', 'b']) await put(AT_NINE, id);
    const page = (await bench.api.call('GET', '/v1/schedules?limit=2')).body;
    const rest = (await bench.api.call('GET', `/v1/schedules?limit=2&cursor=${page.nextCursor}`)).body;
    const ids = [...page.items, ...rest.items].map((item: { id: string }) => item.id);
    assert.deepEqual([ids, rest.nextCursor], [['a', 'b', 'c'], null]);
    for (const call of [bench.api.callAsOther, bench.api.callAsTest])
      assert.deepEqual((await call('GET', '/v1/schedules')).body.items, []);
  });

  it('tells what fired and what was left out, the latest first, with the notification', async () => {
    await put({ recurrence: { cron: '0 * * * *' }, timezone: 'UTC' });
    await bench.runUntil('2026-11-21T13:30:00Z');
    await bench.api.call('POST', '/v1/schedules/digest/skip');
    await bench.runUntil('2026-11-21T15:30:00Z');
    const page = (await bench.api.call('GET', '/v1/schedules/digest/occurrences?limit=2')).body;
    const path = `/v1/schedules/digest/occurrences?limit=2&cursor=${page.nextCursor}`;
    const rest = (await bench.api.call('GET', path)).body;
    const [last, skipped, first] = [...page.items, ...rest.items];
    const { rows } = await store().engine.query('select id from notifications order by created_at');
    assert.deepEqual(
      [last.local, last.outcome, last.notificationId],
      ['2026-11-21T15:00:00', 'fired', rows[1].id],
    );
    assert.deepEqual(
      [skipped.local, skipped.outcome, skipped.notifications],
      ['2026-11-21T14:00:00', 'skipped', 0],
    );
    assert.deepEqual(first, {
      local: '2026-11-21T13:00:00',
      zone: null,
      plannedAt: '2026-11-21T13:00:00.000Z',
      firedAt: '2026-11-21T13:00:00.000Z',
      outcome: 'fired',
      notifications: 1,
      notificationId: rows[0].id,
    });
    assert.equal(rest.nextCursor, null);
  });

  it('is not there for others, nor for keys of the other mode', async () => {
    await put(AT_NINE);
    for (const call of [bench.api.callAsOther, bench.api.callAsTest]) {
      assert.equal((await call('GET', '/v1/schedules/digest')).status, 404);
      assert.equal((await call('GET', '/v1/schedules/digest/occurrences')).status, 404);
      assert.equal((await call('DELETE', '/v1/schedules/digest')).status, 404);
      for (const change of ['pause', 'resume', 'skip', 'cancel']) {
        const { status, body } = await call('POST', `/v1/schedules/digest/${change}`);
        assert.deepEqual([status, body.code], [404, 'schedule.not_found']);
      }
    }
  });

  it('cannot be changed once it is over, and cannot leave out what does not come', async () => {
    await put({ at: '2026-11-21T13:00:00Z' });
    assert.equal((await bench.api.call('POST', '/v1/schedules/digest/skip')).status, 200);
    const none = await bench.api.call('POST', '/v1/schedules/digest/skip');
    assert.deepEqual([none.status, none.body.code], [409, 'schedule.nothing_to_skip']);
    await bench.api.call('POST', '/v1/schedules/digest/cancel');
    for (const change of ['pause', 'resume', 'skip', 'cancel']) {
      const { status, body } = await bench.api.call('POST', `/v1/schedules/digest/${change}`);
      assert.deepEqual([status, body.code], [409, 'schedule.over']);
    }
  });

  it('refuses what makes no sense, and names the field', async () => {
    const message = { title: 'a', body: 'b' };
    const at = '2026-12-01T09:00:00Z';
    const startsAt = '2026-12-01T09:00';
    const timezone = 'UTC';
    const users = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);
    const bad: [object, string][] = [
      [{}, '/at'],
      [{ at: '2026-11-21T12:00:00Z' }, '/at'],
      [{ at: '2200-01-01T00:00:00Z' }, '/at'],
      [{ at, nope: 1 }, '/nope'],
      [{ at, notification: { message } }, '/notification/userId'],
      [{ at, notification: { userId: 'a', userIds: ['b'], message } }, '/notification/userId'],
      [{ at, notification: { userIds: [], message } }, '/notification/userIds'],
      [{ at, notification: { userIds: users(1_001), message } }, '/notification/userIds'],
      [{ at, notification: { userId: 'a' } }, '/notification/message'],
      [
        { at, notification: { userId: 'a', message, ladder: { steps: STEPS, until: 'seen' } } },
        '/notification/ladder/steps/1/waitSeconds',
      ],
      [{ at, notification: { userId: 'a', template: { id: 'gone' } } }, '/notification/template/id'],
      [{ at, notification: { userId: 'a', message, sendAt: at } }, '/notification/sendAt'],
      [{ at, notification: { userId: 'a', message, idempotencyKey: 'k' } }, '/notification/idempotencyKey'],
      [
        { at, notification: { userIds: users(500), message: { title: 'a', body: 'b'.repeat(9_000) } } },
        '/notification/message',
      ],
      [{ at: startsAt, timezone: 'Mars/Olympus' }, '/timezone'],
      [{ at: startsAt, timezone: '+02:00' }, '/timezone'],
      [{ recurrence: { cron: '0 9 31 2 *' }, timezone }, '/recurrence/cron'],
      [{ recurrence: { cron: '61 9 * * *' }, timezone }, '/recurrence/cron'],
      [
        { recurrence: { rrule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', startsAt }, timezone },
        '/recurrence/rrule',
      ],
      [
        { recurrence: { rrule: 'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30', startsAt }, timezone },
        '/recurrence/rrule',
      ],
      [
        { recurrence: { rrule: 'FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30', startsAt }, timezone },
        '/recurrence/rrule',
      ],
      [
        { recurrence: { rrule: 'FREQ=DAILY;COUNT=2', startsAt: '2020-01-01T09:00' }, timezone },
        '/recurrence/rrule',
      ],
      [{ ...AT_NINE, recurrence: { cron: '0 * * * *' }, localTime: true }, '/localTime'],
      [{ ...AT_NINE, missed: 'never' }, '/missed'],
      [{ ...AT_NINE, graceSeconds: -1 }, '/graceSeconds'],
    ];
    for (const [body, field] of bad) {
      const startedAt = performance.now();
      const answer = await put(body);
      const what = JSON.stringify(body).slice(0, 200);
      assert.equal(answer.status, 400, what);
      assert.equal(answer.body.errors[0].field, field, what);
      assert.ok(performance.now() - startedAt < 2_000, what);
    }
    assert.deepEqual((await bench.api.call('GET', '/v1/schedules')).body.items, []);
  });
});
