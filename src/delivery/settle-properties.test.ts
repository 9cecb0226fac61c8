import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mayBecome } from '../ledger/index.ts';
import { CHANNELS, PRIORITIES, REASONS } from '../providers/index.ts';
import { scheduleFor } from './retry.ts';
import { type SettledOutcome, type Situation, settle } from './settle.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const reason = fc.constantFrom(...REASONS);
const code = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
const afterMs = fc.option(fc.nat(86_400_000), { nil: undefined });

const outcomes: fc.Arbitrary<SettledOutcome> = fc.oneof(
  fc.record({
    kind: fc.constant('accepted' as const),
    providerMessageId: fc.option(fc.string({ unit: 'binary' })),
  }),
  fc.record({
    kind: fc.constant('retry' as const),
    reason,
    code,
    afterMs,
    scope: fc.constantFrom('message' as const, 'connection' as const),
  }),
  fc.record({
    kind: fc.constant('rejected' as const),
    reason,
    code,
    effect: fc.option(
      fc.constantFrom({ type: 'suppress-contact' as const }, { type: 'prune-device' as const }),
      {
        nil: undefined,
      },
    ),
  }),
  fc.record({ kind: fc.constant('unavailable' as const), reason, code, afterMs }),
  fc.record({ kind: fc.constant('unknown' as const), reason, code }),
);

const situations: fc.Arbitrary<Situation> = fc.record({
  now: fc.constant(NOW),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  retries: fc.nat(8),
  expiresAt: fc.option(fc.integer({ min: NOW + 1, max: NOW + 86_400_000 })),
  schedule: fc
    .tuple(fc.constantFrom(...CHANNELS), fc.constantFrom(...PRIORITIES))
    .map(([channel, priority]) => scheduleFor(channel, priority)),
  category: fc.record({ evidenceMs: fc.constantFrom(0, 10_000) }),
  alternative: fc.option(fc.constant({ connection: 'other', provider: 'twilio' })),
  breakMs: fc.nat(300_000),
  connection: fc.constant('first'),
  choice: fc.option(fc.constantFrom({ pinned: true as const }, { tried: ['other'] })),
  patience: fc.nat(2),
});

const always = (check: (outcome: SettledOutcome, situation: Situation) => void) =>
  fc.assert(fc.property(outcomes, situations, check), { numRuns: 500 });

describe('settling, for every outcome in every situation', () => {
  it('is a transition that the table allows', () => {
    always((outcome, situation) => assert.ok(mayBecome('sending', settle(outcome, situation).state)));
  });

  it('is due exactly when it is queued, and to be decided exactly when it is unknown', () => {
    always((outcome, situation) => {
      const { state, dueAt, decideAt } = settle(outcome, situation);
      assert.equal(dueAt !== null, state === 'queued');
      assert.equal(decideAt !== null, state === 'unknown');
    });
  });

  it('is never due before now, before what the vendor asked for, or when it is too late', () => {
    always((outcome, situation) => {
      const { dueAt, moveTo } = settle(outcome, situation);
      if (dueAt === null) return;
      assert.ok(dueAt >= NOW);
      // What the vendor of one connection asks for does not hold up another one.
      if (!moveTo && 'afterMs' in outcome) assert.ok(dueAt >= NOW + (outcome.afterMs ?? 0));
      assert.ok(situation.expiresAt === null || dueAt < situation.expiresAt);
    });
  });

  it('uses up a retry by trying the same connection again, and nothing else', () => {
    always((outcome, situation) => {
      const { state, retries, moveTo } = settle(outcome, situation);
      const isRetry = outcome.kind === 'retry' && !moveTo && (state === 'queued' || state === 'expired');
      assert.equal(retries, situation.retries + (isRetry ? 1 : 0));
      if (state === 'queued')
        assert.ok(retries <= Math.max(situation.schedule.delaysMs.length, situation.retries));
    });
  });

  it('moves to another connection when this one is unavailable, or patience with it is over', () => {
    always((outcome, situation) => {
      const { moveTo } = settle(outcome, situation);
      const isOver = outcome.kind === 'retry' && situation.retries + 1 >= situation.patience;
      assert.deepEqual(moveTo, outcome.kind === 'unavailable' || isOver ? situation.alternative : null);
    });
  });

  it('writes nothing that PostgreSQL could not store', () => {
    always((outcome, situation) => {
      const { code, providerMessageId } = settle(outcome, situation);
      for (const text of [code, providerMessageId]) {
        assert.ok(text === null || (text.isWellFormed() && !text.includes('\u0000')));
      }
    });
  });
});
