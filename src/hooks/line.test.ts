import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HookLine } from './line.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Enters so many at once and counts who was let in. */
function crowd(line: HookLine, count: number) {
  const inside = { count: 0 };
  for (let i = 0; i < count; i++) line.enter().then(() => inside.count++);
  return inside;
}

describe("a hook's line", () => {
  it('lets in so many at once, and the next one when somebody leaves', async () => {
    const line = new HookLine();
    const inside = crowd(line, 100);
    await turn();
    assert.deepEqual([inside.count, line.waiting], [64, 36]);
    line.leave();
    await turn();
    assert.deepEqual([inside.count, line.waiting], [65, 35]);
  });

  it('is left by who does not want to wait any longer', async () => {
    const line = new HookLine();
    const inside = crowd(line, 64);
    const tooLate = new AbortController();
    const entering = line.enter(tooLate.signal);
    tooLate.abort();
    assert.deepEqual([await entering, line.waiting, inside.count], [false, 0, 64]);
    line.leave();
    assert.equal(line.tryEnter(), true);
    assert.equal(line.tryEnter(), false);
  });

  it('pauses after five failures one behind the other, and lets go who waits', async () => {
    const line = new HookLine();
    const inside = crowd(line, 100);
    for (let i = 0; i < 4; i++) line.fail(0);
    line.succeed();
    for (let i = 0; i < 4; i++) line.fail(0);
    assert.equal(line.pauseMs(0), 0);
    line.fail(0);
    await turn();
    assert.deepEqual([line.pauseMs(0), line.pauseMs(1_000), inside.count], [1_000, 0, 100]);
  });

  it('tries with a single call after a pause, and pauses longer when that fails too', async () => {
    const line = new HookLine();
    for (let i = 0; i < 5; i++) line.fail(0);
    // What was under way when the pause began does not make it longer.
    for (let i = 0; i < 50; i++) line.fail(10);
    const inside = crowd(line, 10);
    await turn();
    assert.equal(inside.count, 1);
    line.fail(1_000);
    assert.equal(line.pauseMs(1_000), 2_000);
    for (let now = 3_000, n = 0; n < 10; n++) {
      line.fail(now);
      assert.ok(line.pauseMs(now) <= 30_000);
      now += line.pauseMs(now);
    }
  });

  it('is as before once a call succeeds', async () => {
    const line = new HookLine();
    for (let i = 0; i < 5; i++) line.fail(0);
    const inside = crowd(line, 100);
    await turn();
    assert.equal(inside.count, 1);
    line.succeed();
    line.leave();
    await turn();
    assert.equal(inside.count, 1 + 64);
  });
});
