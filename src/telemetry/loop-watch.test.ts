import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { createMetrics, LoopWatch, type Metrics } from './index.ts';

const LIMIT_MS = 60_000;
const STEP_MS = 1_000;

describe('the watch over loops', () => {
  let clock: FakeClock;
  let metrics: Metrics;
  let stuck: string[];
  let log: string[];
  let watch: LoopWatch;
  beforeEach(() => {
    clock = new FakeClock();
    metrics = createMetrics();
    stuck = [];
    log = [];
    watch = new LoopWatch({
      logger: createLogger('error', { write: (line) => log.push(line) }),
      metrics,
      limitMs: LIMIT_MS,
      now: () => clock.now(),
      onStuck: (loop) => stuck.push(loop),
    });
  });

  /** Lets time pass the way it does in a process that is not frozen: with a look every second. */
  function pass(ms: number, eachSecond = () => {}): void {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      clock.advance(STEP_MS);
      eachSecond();
      watch.check();
    }
  }

  it('finds the loop that stands still, says so and counts it, once', async () => {
    const [alive, dead] = [watch.watch('router'), watch.watch('sweep')];
    dead.turn();
    pass(LIMIT_MS, () => alive.turn());
    assert.deepEqual(stuck, []);
    pass(5 * STEP_MS, () => alive.turn());
    assert.deepEqual(stuck, ['sweep']);
    assert.match(log.join(), /"room":"sweep".*a loop stands still/);
    assert.match(await metrics.render(), /bellhop_loops_stuck_total\{loop="sweep"\} 1\n/);
    assert.match(await metrics.render(), /bellhop_loop_age_seconds\{loop="sweep"\} 65\n/);
  });

  it('leaves a loop that rests, or has not begun, in peace', () => {
    watch.watch('never begun');
    const recorder = watch.watch('recorder');
    recorder.turn();
    pass(LIMIT_MS / 2);
    recorder.rest();
    pass(3 * LIMIT_MS);
    assert.deepEqual(stuck, []);
    recorder.turn();
    pass(LIMIT_MS + STEP_MS);
    assert.deepEqual(stuck, ['recorder']);
  });

  it('does not blame a loop when the whole process was frozen', () => {
    const router = watch.watch('router');
    router.turn();
    pass(STEP_MS);
    clock.advance(3_600_000);
    watch.check();
    assert.deepEqual(stuck, []);
    pass(LIMIT_MS + STEP_MS);
    assert.deepEqual(stuck, ['router'], 'from then on it is watched as before');
  });
});
