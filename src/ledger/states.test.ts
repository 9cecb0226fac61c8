import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  assertTransition,
  DELIVERY_STATES,
  type DeliveryState,
  isProblem,
  mayBecome,
  PRIORITY_CODES,
  PRIORITY_NAMES,
  PROBLEMS,
  TERMINAL,
  TRANSITIONS,
} from './states.ts';

const anyState = fc.constantFrom(...DELIVERY_STATES);

/** Goes where the wishes point, as far as the table lets it; returns the way. */
function walk(wishes: DeliveryState[]): DeliveryState[] {
  const way: DeliveryState[] = ['queued'];
  for (const wish of wishes) {
    try {
      assertTransition(way.at(-1)!, wish);
      way.push(wish);
    } catch {
      // Refused: it stays where it is.
    }
  }
  return way;
}

describe('the life of a delivery', () => {
  it('follows the table and nothing else', () => {
    fc.assert(
      fc.property(fc.array(anyState, { maxLength: 40 }), (wishes) => {
        const way = walk(wishes);
        for (const [i, state] of way.entries()) {
          if (i > 0)
            assert.ok((TRANSITIONS[way[i - 1]!] as readonly string[]).includes(state), way.join(' '));
        }
      }),
    );
  });

  it('never reaches the provider but from the queue, and is never sent twice without a replay', () => {
    fc.assert(
      fc.property(fc.array(anyState, { maxLength: 60 }), (wishes) => {
        const way = walk(wishes);
        for (const [i, state] of way.entries()) {
          if (state === 'sending') assert.equal(way[i - 1], 'queued');
          if (state === 'sent' && i + 1 < way.length) assert.equal(way[i + 1], 'failed');
        }
      }),
    );
  });

  it('is over when it is skipped, expired or cancelled', () => {
    for (const from of ['skipped', 'expired', 'cancelled'] as const)
      for (const to of DELIVERY_STATES) assert.equal(mayBecome(from, to), false, `${from} ${to}`);
  });

  it('has no step from a state to itself', () => {
    for (const state of DELIVERY_STATES) assert.equal(mayBecome(state, state), false, state);
  });

  it('can reach every state from the queue', () => {
    const reached = new Set<DeliveryState>(['queued']);
    for (const state of reached) for (const next of TRANSITIONS[state]) reached.add(next);
    assert.deepEqual([...reached].sort(), [...DELIVERY_STATES].sort());
  });

  it('names the step that a bug tried', () => {
    assert.throws(() => assertTransition('cancelled', 'sent'), /can not go from cancelled to sent/);
  });
});

describe('the words for states', () => {
  it('tell what is over from what goes on', () => {
    const open = DELIVERY_STATES.filter((state) => !TERMINAL.has(state));
    assert.deepEqual(open, ['queued', 'sending', 'unknown']);
  });

  it('tell which states need a look', () => {
    assert.deepEqual(DELIVERY_STATES.filter(isProblem).sort(), [...PROBLEMS].sort());
  });

  it('and priorities translate there and back', () => {
    for (const name of PRIORITY_NAMES) assert.equal(PRIORITY_NAMES[PRIORITY_CODES[name]], name);
  });
});
