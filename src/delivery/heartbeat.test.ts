import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { DEAD_AFTER_MS, Heartbeat } from './heartbeat.ts';

describeStores('the heartbeat', (store) => {
  it('tells how many workers are alive, without those that died', async () => {
    const clock = new FakeClock();
    const counts: number[] = [];
    const beat = async () => {
      const onWorkers = (alive: number) => counts.push(alive);
      const heartbeat = new Heartbeat({ store: store(), clock, logger: silentLogger, onWorkers });
      await heartbeat.start();
      return heartbeat;
    };
    const first = await beat();
    const second = await beat();
    await first.stop();
    const third = await beat();
    clock.advance(DEAD_AFTER_MS + 1);
    const fourth = await beat();
    assert.deepEqual(counts, [1, 2, 2, 1]);
    for (const heartbeat of [second, third, fourth]) await heartbeat.stop();
  });
});
