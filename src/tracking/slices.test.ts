import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Slices } from './slices.ts';

/** Work that takes its time by the clock that slices are measured with. */
function setUp() {
  let now = 0;
  const slices = new Slices(() => now);
  const log: (number | string)[] = [];
  const work = (n: number, ms = 1) =>
    slices.run(() => {
      now += ms;
      log.push(n);
      return n;
    });
  return { slices, log, work };
}

it('work is done in its order, and others get their turn after each slice', async () => {
  const { log, work } = setUp();
  const others = () => {
    log.push('others');
    if (log.length < 14) setImmediate(others);
  };
  const all = Promise.all(Array.from({ length: 10 }, (_, n) => work(n)));
  setImmediate(others);
  assert.deepEqual(await all, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(log, [0, 1, 2, 3, 'others', 4, 5, 6, 7, 'others', 8, 9]);
});

it('work that takes longer than a slice is done alone', async () => {
  const { log, work } = setUp();
  await Promise.all([work(0, 50), work(1, 50), work(2)]);
  assert.deepEqual(log, [0, 1, 2]);
});

it('work that fails fails alone', async () => {
  const { slices, work } = setUp();
  const failing = slices.run(() => {
    throw new Error('broken');
  });
  const [failed, done] = await Promise.allSettled([failing, work(7)]);
  assert.equal(failed.status, 'rejected');
  assert.deepEqual(done, { status: 'fulfilled', value: 7 });
});
