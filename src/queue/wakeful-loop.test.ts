import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock, ReferenceClock } from '../lib/clock.ts';
import { Wake } from './wake.ts';
import { untilDue, WakefulLoop } from './wakeful-loop.ts';

const LONG_MS = 60_000;

/** A loop whose turns answer what they are given, and wait for it. */
function loopOf(answers: (number | Error)[]) {
  const wake = new Wake();
  const errors: unknown[] = [];
  let turns = 0;
  const waiting: (() => void)[] = [];
  const loop = new WakefulLoop({
    clock: new ReferenceClock(),
    logger: { error: (...told: unknown[]) => errors.push(told) } as never,
    wake,
    topic: 'parcels',
    whenFailed: 'a turn failed',
    turn: async () => {
      const answer = answers[turns++] ?? LONG_MS;
      for (const resolve of waiting.splice(0)) resolve();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  const reached = async (count: number) => {
    while (turns < count) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { loop, wake, errors, reached, turns: () => turns };
}

describe('a loop that rests', () => {
  it('goes on at once while there is work, and lets timers and sockets have their turns', async () => {
    const { loop, reached } = loopOf([0, 0, 0]);
    let ticked = false;
    setImmediate(() => {
      ticked = true;
    });
    loop.start();
    await reached(4);
    assert.equal(ticked, true);
    await loop.stop();
  });

  it('is woken by its topic, and by no other', async () => {
    const { loop, wake, reached, turns } = loopOf([]);
    loop.start();
    await reached(1);
    wake.signal('letters');
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(turns(), 1);
    wake.signal('parcels');
    await reached(2);
    await loop.stop();
  });

  it('does not miss a signal that comes while it works', async () => {
    const { loop, wake, reached } = loopOf([]);
    loop.start();
    // Its first turn is under way: it has begun, and not answered yet.
    wake.signal('parcels');
    await reached(2);
    await loop.stop();
  });

  it('tells what went wrong, and stops at once all the same', async () => {
    const { loop, reached, errors } = loopOf([new Error('broken')]);
    loop.start();
    await reached(1);
    await loop.stop();
    assert.match(JSON.stringify(errors), /a turn failed/);
  });
});

describe('the rest of a loop that works at certain times', () => {
  const clock = new FakeClock();
  const lookedAt = clock.now();
  const rest = (isComplete: boolean, ...inMs: (number | null)[]) =>
    untilDue(
      { clock, wake: { isComplete } },
      { times: inMs.map((ms) => (ms === null ? null : new Date(lookedAt + ms))), lookedAt },
    );

  it('ends at the first of them, and in any case soon enough to notice what was not signalled', () => {
    assert.deepEqual([rest(true, 900, 5_000), rest(true, 60_000), rest(true, null)], [900, 30_000, 30_000]);
    assert.equal(rest(false, 60_000), 2_000);
  });

  it('is short while somebody else is at what is due, and none when something became due meanwhile', () => {
    assert.equal(rest(true, 0, 60_000), 1_000);
    clock.advance(50);
    assert.ok(rest(true, 20) <= 0);
  });
});
