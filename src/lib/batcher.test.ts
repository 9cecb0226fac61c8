import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Batcher, OverloadedError } from './batcher.ts';

function setUp(options: { maxBatch?: number; maxWaiting?: number; intervalMs?: number } = {}) {
  const batches: number[][] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const batcher = new Batcher<number, number>({
    async flush(items) {
      batches.push(items);
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
      if (items.includes(13)) throw new Error('unlucky');
      return items.map((item) => item * 2);
    },
    maxBatch: options.maxBatch ?? 10,
    concurrency: 1,
    maxWaiting: options.maxWaiting ?? 100,
    intervalMs: options.intervalMs,
  });
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return { batcher, batches, gates, turn };
}

describe('a batcher', () => {
  it('gathers what arrives while a batch is under way into the next one', async () => {
    const { batcher, batches, gates, turn } = setUp();
    const answers = [batcher.add(1)];
    await turn();
    answers.push(batcher.add(2), batcher.add(3));
    gates[0]!.resolve();
    await turn();
    gates[1]!.resolve();
    assert.deepEqual(await Promise.all(answers), [2, 4, 6]);
    assert.deepEqual(batches, [[1], [2, 3]]);
  });

  it('never takes more than a full batch', async () => {
    const { batcher, batches, gates, turn } = setUp({ maxBatch: 2 });
    const answers = [1, 2, 3].map((item) => batcher.add(item));
    await turn();
    gates[0]!.resolve();
    await turn();
    gates[1]!.resolve();
    await Promise.all(answers);
    assert.deepEqual(batches, [[1, 2], [3]]);
  });

  it('fills a batch by weight, and an item that is too heavy goes alone', async () => {
    const batches: number[][] = [];
    const batcher = new Batcher<number, void>({
      flush: async (items) => {
        batches.push(items);
        return [];
      },
      maxBatch: 10,
      weigh: (item) => item,
      concurrency: 1,
      maxWaiting: 100,
    });
    await Promise.all([4, 6, 1, 30, 9, 2].map((item) => batcher.add(item)));
    assert.deepEqual(batches, [[4, 6], [1], [30], [9], [2]]);
  });

  it('refuses what does not fit into the line', async () => {
    const { batcher, gates, turn } = setUp({ maxWaiting: 1 });
    const first = batcher.add(1);
    await assert.rejects(batcher.add(2), OverloadedError);
    await turn();
    gates[0]!.resolve();
    assert.equal(await first, 2);
  });

  it('rejects every item of a batch that fails, and goes on', async () => {
    const { batcher, gates, turn } = setUp();
    const unlucky = batcher.add(13);
    await turn();
    const next = batcher.add(1);
    gates[0]!.resolve();
    await assert.rejects(unlucky, /unlucky/);
    await turn();
    gates[1]!.resolve();
    assert.equal(await next, 2);
  });

  it('starts at once when it was idle, and lets the next batch gather for its interval', async () => {
    const { batcher, batches, gates, turn } = setUp({ intervalMs: 3_600_000, maxBatch: 3 });
    const first = batcher.add(1);
    await turn();
    assert.deepEqual(batches, [[1]]);
    gates[0]!.resolve();
    await first;
    batcher.add(2);
    batcher.add(3);
    await turn();
    assert.deepEqual(batches, [[1]], 'an hour is not over yet');
    batcher.add(4);
    await turn();
    await turn();
    assert.deepEqual(batches, [[1], [2, 3, 4]], 'a full batch need not wait');
    gates[1]!.resolve();
  });

  it('tells when nothing waits any more', async () => {
    const { batcher, gates, turn } = setUp();
    const answer = batcher.add(1);
    let drained = false;
    const waiting = batcher.drained().then(() => {
      drained = true;
    });
    await turn();
    assert.equal(drained, false);
    gates[0]!.resolve();
    await Promise.all([answer, waiting]);
  });
});
