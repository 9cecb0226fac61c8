import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openEmbeddedTestStore } from '../support/stores.ts';
import { type Report, simulate } from './run.ts';

const STEPS = 30;
const LAST_LINES = 60;

async function run(seed: number): Promise<Report> {
  const store = await openEmbeddedTestStore();
  const report = await simulate(store, seed, STEPS).finally(() => store.close());
  const last = report.lines.slice(-LAST_LINES).join('\n');
  assert.deepEqual(
    report.problems,
    [],
    `seed ${seed}; see it again with: npm run simulate -- --seed ${seed} --steps ${STEPS} --log\n${last}`,
  );
  return report;
}

describe('the simulation', () => {
  const digests = new Set<string>();
  for (const seed of [301, Math.floor(Math.random() * 1_000_000)]) {
    it(`loses nothing and repeats nothing without a reason (seed ${seed})`, async () => {
      const { counts, digest } = await run(seed);
      digests.add(digest);
      assert.ok(counts.notifications! > 0 && counts.sent! > 0, JSON.stringify(counts));
    });
  }

  it('does the same again for the same seed, and something else for another', async () => {
    const [first, second] = [await run(7), await run(7)];
    assert.ok(first.lines.length > 100, 'the log has something to compare');
    assert.equal(first.digest, second.digest);
    assert.equal(digests.has(first.digest), false);
  });
});
