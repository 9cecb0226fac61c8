import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Batcher, OverloadedError } from './batcher.ts';
import { FakeClock } from './clock.ts';

interface Flushed {
  items: number[];
  /** Answers the batch, or lets it fail. */
  end(fails: boolean): void;
}

type Step = 'add' | 'end' | 'fail' | 'wait';

const settings = fc.record({
  maxBatch: fc.integer({ min: 1, max: 5 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
  maxWaiting: fc.integer({ min: 1, max: 12 }),
  intervalMs: fc.constantFrom(0, 5),
});
const steps = fc.array(
  fc.oneof(
    { arbitrary: fc.constant<Step>('add'), weight: 6 },
    { arbitrary: fc.constantFrom<Step>('end', 'fail', 'wait'), weight: 3 },
  ),
  { maxLength: 60 },
);
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

async function play(options: typeof settings extends fc.Arbitrary<infer S> ? S : never, script: Step[]) {
  const clock = new FakeClock();
  const flushed: Flushed[] = [];
  const open: Flushed[] = [];
  let mostOpen = 0;
  const batcher = new Batcher<number, number>({
    ...options,
    clock,
    flush: (items) =>
      new Promise((resolve, reject) => {
        const batch: Flushed = {
          items,
          end: (fails) => (fails ? reject(new Error('unlucky')) : resolve(items.map((item) => -item))),
        };
        flushed.push(batch);
        open.push(batch);
        mostOpen = Math.max(mostOpen, open.length);
      }),
  });
  const answers: Promise<string>[] = [];
  const add = () => {
    const item = answers.length + 1;
    const answer = batcher.add(item).then(
      (value) => (value === -item ? 'answered' : `wrong: ${value}`),
      (error) => (error instanceof OverloadedError ? 'refused' : 'failed'),
    );
    answers.push(answer);
  };
  for (const step of script) {
    if (step === 'add') add();
    else if (step === 'wait') clock.advance(options.intervalMs);
    else open.shift()?.end(step === 'fail');
    if (step !== 'add') await turn();
  }
  let idle = false;
  const drained = batcher.drained().then(() => {
    idle = true;
  });
  while (!idle) {
    clock.advance(options.intervalMs);
    await turn();
    open.shift()?.end(false);
    await turn();
  }
  await drained;
  return { flushed, mostOpen, answers: await Promise.all(answers), waiting: batcher.waiting };
}

describe('a batcher, whatever arrives and whatever fails', () => {
  const always = (
    check: (played: Awaited<ReturnType<typeof play>>, options: Parameters<typeof play>[0]) => void,
  ) =>
    fc.assert(
      fc.asyncProperty(settings, steps, async (options, script) =>
        check(await play(options, script), options),
      ),
    );

  it('answers every item once, with its own answer', () =>
    always(({ answers, flushed, waiting }) => {
      const taken = flushed.flatMap(({ items }) => items);
      assert.equal(waiting, 0);
      assert.equal(new Set(taken).size, taken.length, 'nothing is flushed twice');
      assert.equal(taken.length, answers.filter((answer) => answer !== 'refused').length);
      assert.ok(answers.every((answer) => ['answered', 'failed', 'refused'].includes(answer)));
    }));

  it('keeps the order in which items came', () =>
    always(({ flushed }) => {
      const taken = flushed.flatMap(({ items }) => items);
      assert.deepEqual(
        taken,
        taken.toSorted((a, b) => a - b),
      );
    }));

  it('takes no more at once than it may', () =>
    always(({ flushed, mostOpen }, { maxBatch, concurrency }) => {
      assert.ok(flushed.every(({ items }) => items.length > 0 && items.length <= maxBatch));
      assert.ok(mostOpen <= concurrency);
    }));

  it('waits for more before the next batch that is not full, and no longer than it was told', async () => {
    const clock = new FakeClock();
    const batches: number[][] = [];
    const batcher = new Batcher<number, number>({
      flush: async (items) => {
        batches.push(items);
        return items;
      },
      maxBatch: 10,
      concurrency: 1,
      maxWaiting: 10,
      intervalMs: 5,
      clock,
    });
    await batcher.add(0);
    const first = batcher.add(1);
    clock.advance(4);
    await turn();
    const second = batcher.add(2);
    assert.deepEqual(batches, [[0]]);
    clock.advance(1);
    assert.deepEqual(await Promise.all([first, second]), [1, 2]);
    assert.deepEqual(batches, [[0], [1, 2]]);
  });
});
