import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { isProblem, mayBecome } from '../../src/ledger/index.ts';
import type { Store } from '../../src/store/index.ts';
import { openEmbeddedTestStore } from '../support/stores.ts';
import { Ledger } from './delivery-ledger.ts';
import { type End, Model } from './delivery-model.ts';

type Step = fc.AsyncCommand<Model, Ledger>;
const ROWS = [true, true, false];

/** A step of both sides; afterwards every row must be the same, and only allowed transitions may have happened. */
function step(name: string, take: (model: Model, ledger: Ledger) => Promise<void>, check = () => true): Step {
  return {
    check,
    toString: () => name,
    async run(model, ledger) {
      const before = model.rows.map(({ state }) => state);
      await take(model, ledger);
      const expected = model.rows.map((row) => ({
        ...row,
        problem: isProblem(row.state) ? row.state : null,
        isFinished: row.state !== 'queued' && row.state !== 'sending',
      }));
      assert.deepEqual(await ledger.rows(model), expected);
      model.rows.forEach(({ state }, i) => {
        const from = before[i]!;
        // A worker's death and the decision about it may fall into one sweep.
        const allowed = mayBecome(from, state) || (mayBecome(from, 'unknown') && mayBecome('unknown', state));
        assert.ok(from === state || allowed, `${from} became ${state}`);
      });
    },
  };
}

const row = fc.nat(ROWS.length - 1);
const claim = fc.constant(
  step('claim', async (model, ledger) => {
    const expected = model.claim();
    assert.deepEqual((await ledger.claim()).sort(), expected);
  }),
);
const end = fc
  .tuple(fc.constantFrom<End>('accepted', 'rejected', 'retry', 'retry', 'unknown'), fc.nat())
  .map(([how, n]) =>
    step(`${how} #${n}`, async (model, ledger) => {
      const started = model.started[n % Math.max(1, model.started.length)];
      if (started) assert.equal(await ledger.end(started, how), model.end(started, how));
    }),
  );
const change = fc.tuple(fc.constantFrom('cancel' as const, 'replay' as const), row).map(([what, i]) =>
  step(`${what} ${i}`, async (model, ledger) => {
    model[what](i);
    await ledger[what](i);
  }),
);
const receipt = fc.tuple(row, fc.constantFrom('delivered' as const, 'failed' as const)).map(([i, event]) =>
  step(`receipt ${event} ${i}`, async (model, ledger) => {
    model.receipt(i, event);
    await ledger.receipt(i, event);
  }),
);
const tend = fc.constantFrom('sweep' as const, 'workerDies' as const).map((what) =>
  step(what, async (model, ledger) => {
    model[what]();
    await ledger[what]();
  }),
);
const wait = fc.constantFrom(5_000, 10_000, 60_000, 900_000, 3_600_000).map((ms) =>
  step(`wait ${ms}`, async (model, ledger) => {
    model.now += ms;
    ledger.now = model.now;
  }),
);

describe('the state machine in the database', () => {
  let store: Store;
  before(async () => {
    store = await openEmbeddedTestStore();
  });
  after(() => store.close());

  it('does what the model does, whatever happens in which order', async () => {
    const commands = fc.commands([claim, claim, end, end, change, receipt, tend, wait, wait], {
      maxCommands: 60,
      size: 'max',
    });
    await fc.assert(
      fc.asyncProperty(commands, async (steps) => {
        const now = store.clock.now();
        const model = new Model(now, ROWS);
        const real = new Ledger(store, now);
        await real.fill(model.rows);
        await fc.asyncModelRun(() => ({ model, real }), steps);
      }),
      { numRuns: Number(process.env.BELLHOP_MODEL_RUNS ?? 12) },
    );
  });
});
