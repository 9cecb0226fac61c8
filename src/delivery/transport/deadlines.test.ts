import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadlines } from './deadlines.ts';

/** Resolves with the time it took until it was given up. */
function expiring(deadlines: Deadlines, afterMs: number): Promise<number> {
  const started = performance.now();
  return new Promise((resolve) => {
    deadlines.add({ expire: () => resolve(performance.now() - started) }, afterMs);
    // The timer alone does not keep a process alive.
    setTimeout(() => {}, afterMs + 500).unref();
  });
}

test('what is due is given up soon after, never before, and the same timer serves again', async (t) => {
  const keepAlive = setInterval(() => {}, 1_000);
  t.after(() => clearInterval(keepAlive));
  const deadlines = new Deadlines();
  for (const afterMs of [0, 10, 120]) {
    const took = await expiring(deadlines, afterMs);
    assert.ok(took >= afterMs && took < afterMs + 400, `${took} ms for ${afterMs}`);
  }
});

test('what has ended is not given up', async (t) => {
  const keepAlive = setInterval(() => {}, 1_000);
  t.after(() => clearInterval(keepAlive));
  const deadlines = new Deadlines();
  const item = { expire: () => assert.fail('it had ended') };
  deadlines.add(item, 20).delete(item);
  await expiring(deadlines, 60);
});
