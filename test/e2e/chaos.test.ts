import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runChaos } from '../../chaos/chaos.ts';
import { SCENARIOS } from '../../chaos/scenarios/index.ts';

/** The moments that lose or repeat messages when anything is wrong with them, and rows that nobody should trip over. */
const IDS = ['b', 'c', 'd', 'n'];

describe('the kill matrix in short', () => {
  it(`holds at ${IDS.join(', ')}`, { timeout: 240_000 }, async (t) => {
    const rows = await runChaos({
      scenarios: SCENARIOS.filter(({ id }) => IDS.includes(id)),
      kills: 10,
      fleet: 2,
      atOnce: IDS.length,
      isQuick: true,
      // Other tests run beside this one; `bellhop chaos` holds it to 15 s.
      longestRecovery: 60,
      seed: 1,
      log: (line) => t.diagnostic(line),
    });
    assert.deepEqual(
      rows.flatMap(({ id, failures }) => failures.map((failure) => `${id}: ${failure}`)),
      [],
    );
    // A scenario that killed nothing, or sent nothing, would hold whatever is broken.
    assert.ok(rows.every(({ notifications }) => notifications > 10));
    assert.ok(rows.filter(({ id }) => id !== 'n').every(({ kills }) => kills >= 2));
  });
});
