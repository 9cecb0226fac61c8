import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { DEAD_AFTER_MS, Heartbeat } from './heartbeat.ts';
import { takeOverDeadWorkers } from './sweep-store.ts';

describeStores('the heartbeat', (store) => {
  let clock: FakeClock;
  let heartbeat: Heartbeat;
  beforeEach(async () => {
    clock = new FakeClock();
    heartbeat = new Heartbeat({ store: store(), clock, logger: silentLogger });
    await heartbeat.start();
  });
  afterEach(() => heartbeat.stop());

  const beatAt = async () => {
    const { rows } = await store().engine.query('select heartbeat_at from workers where id = $1', [
      heartbeat.workerId,
    ]);
    return (rows[0]?.heartbeat_at as Date | undefined)?.getTime();
  };
  const beaten = async () => {
    while ((await beatAt()) !== clock.now()) await nextTurn();
  };

  it('tells the others again and again', async () => {
    clock.advance(3_000);
    await beaten();
    clock.advance(3_000);
    await beaten();
    assert.equal(heartbeat.isAlive(clock.now()), true);
  });

  it('is not believed any more when it could not be told for too long', async () => {
    const since = clock.now();
    clock.advance(DEAD_AFTER_MS - 1);
    assert.equal(heartbeat.isAlive(since), true);
    clock.advance(1);
    assert.equal(heartbeat.isAlive(since), false);
  });

  it('does not claim back what others took over while the process stood still', async () => {
    const before = clock.now();
    await beaten();
    await takeOverDeadWorkers(store().engine, new Date(clock.now() + 1));
    clock.advance(3_000);
    await beaten();
    assert.equal(heartbeat.isAlive(before), false, 'what it started before belongs to others');
    assert.equal(heartbeat.isAlive(clock.now()), true, 'what it starts now is its own');
  });

  it('tells how many workers are alive, without those that died', async () => {
    await heartbeat.stop();
    clock = new FakeClock();
    const counts: number[] = [];
    const beat = async () => {
      const onWorkers = (alive: number) => counts.push(alive);
      const beating = new Heartbeat({ store: store(), clock, logger: silentLogger, onWorkers });
      await beating.start();
      return beating;
    };
    const first = await beat();
    const second = await beat();
    await first.stop();
    const third = await beat();
    clock.advance(DEAD_AFTER_MS + 1);
    const fourth = await beat();
    assert.deepEqual(counts, [1, 2, 2, 1]);
    for (const each of [second, third, fourth]) await each.stop();
  });
});
