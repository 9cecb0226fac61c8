import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { countLooks } from '../../test/support/looks.ts';
import { openBench, type ScheduleBench } from '../../test/support/schedule-bench.ts';
import { describeStores } from '../../test/support/stores.ts';
import { silentLogger } from '../lib/logger.ts';
import { createCategories } from '../rules/index.ts';
import type { Store } from '../store/index.ts';
import { createMetrics } from '../telemetry/index.ts';
import { KEPT_MS, ScheduleLoop } from './schedule-loop.ts';

describeStores('the loop over schedules', (store) => {
  let bench: ScheduleBench;
  before(async () => {
    bench = await openBench(store());
  });
  beforeEach(async () => {
    await bench.clear();
    await bench.setTo('2026-11-21T12:00:00Z');
  });
  after(() => bench.api.close());
  const put = async (body: object) => {
    const { api, notification } = bench;
    const answer = await api.call('PUT', '/v1/schedules/digest', { notification, ...body });
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
  };
  /** Until the loop sleeps, and would wake at this time. */
  const asleepUntil = async (time: string) => {
    while (bench.api.clock.nextAt() !== Date.parse(time)) await nextTurn();
  };

  it('sleeps until the next is due, wakes when one is made, and rests again', async () => {
    const loop = bench.newLoop();
    loop.start();
    await asleepUntil('2026-11-21T12:00:30Z');
    await put({ at: '2026-11-21T12:00:10Z' });
    await asleepUntil('2026-11-21T12:00:10Z');
    assert.deepEqual(await bench.sent(), []);
    bench.api.clock.advance(10_000);
    await asleepUntil('2026-11-21T12:00:40Z');
    assert.deepEqual(await bench.sent(), ['ada 2026-11-21T12:00']);
    await loop.stop();
    assert.equal(bench.api.clock.nextAt(), null);
  });

  it('looks twice a minute when there is nothing to do', async () => {
    const { clock } = bench.api;
    const counted = countLooks(store(), clock, 'schedules_next');
    const loop = bench.newLoop(counted.store);
    loop.start();
    assert.equal(await counted.looksIn(60), 2);
    await loop.stop();
  });

  it('goes on when the database fails', async () => {
    let failures = 2;
    const transaction: Store['transaction'] = (work) =>
      failures-- > 0 ? Promise.reject(new Error('gone')) : store().transaction(work);
    await put({ at: '2026-11-21T12:00:10Z' });
    await bench.setTo('2026-11-21T12:00:10Z');
    const loop = bench.newLoop({ ...store(), transaction });
    loop.start();
    await asleepUntil('2026-11-21T12:00:11Z');
    bench.api.clock.advance(1_000);
    await asleepUntil('2026-11-21T12:00:12Z');
    bench.api.clock.advance(1_000);
    await asleepUntil('2026-11-21T12:00:42Z');
    assert.equal((await bench.sent()).length, 1);
    await loop.stop();
  });

  it('counts what fired, how late, and what was missed', async () => {
    const metrics = createMetrics();
    const { clock } = bench.api;
    const categories = createCategories(clock);
    const loop = new ScheduleLoop({
      store: store(),
      clock,
      wake: bench.wake,
      logger: silentLogger,
      categories,
      metrics,
    });
    await put({ recurrence: { cron: '0 * * * *' }, timezone: 'UTC', missed: 'catch_up' });
    await bench.setTo('2026-11-21T15:00:00Z');
    await loop.step();
    const text = await metrics.render();
    for (const line of [
      'bellhop_schedule_occurrences_total{outcome="late",kind="live"} 2',
      'bellhop_schedule_occurrences_total{outcome="fired",kind="live"} 1',
      'bellhop_schedules_missed_total{kind="live"} 1',
      'bellhop_schedule_lag_seconds_count 3',
      'bellhop_notifications_accepted_total{priority="normal",kind="live"} 3',
    ])
      assert.ok(
        text.includes(line),
        `${line}\n${text
          .split('\n')
          .filter((each) => /schedule/.test(each))
          .join('\n')}`,
      );
  });

  it('forgets what fired, and what ended, after a while', async () => {
    await put({ at: '2026-11-21T12:00:10Z' });
    await bench.runUntil('2026-11-21T12:00:10Z');
    const count = async () =>
      (
        await store().engine.query(
          'select (select count(*) from schedules) as schedules, (select count(*) from schedule_occurrences) as occurrences',
        )
      ).rows[0];
    const turnOnce = async () => {
      const loop = bench.newLoop();
      loop.start();
      while (bench.api.clock.nextAt() === null) await nextTurn();
      await loop.stop();
    };
    bench.api.clock.advance(KEPT_MS - 1);
    await turnOnce();
    assert.deepEqual(await count(), { schedules: 1, occurrences: 1 });
    bench.api.clock.advance(1);
    await turnOnce();
    assert.deepEqual(await count(), { schedules: 0, occurrences: 0 });
  });
});
