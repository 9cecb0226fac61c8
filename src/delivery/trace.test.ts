import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Result } from './store.ts';
import { attemptLevel } from './trace.ts';

const level = (outcome: string, priority = 'normal', hookReason?: string) =>
  attemptLevel({ outcome, claimed: { priority }, hookReason } as Result);

it('the log tells of every attempt but plain successes of normal and low priority', () => {
  assert.deepEqual([level('accepted'), level('accepted', 'low')], ['debug', 'debug']);
  assert.equal(level('accepted', 'high'), 'info');
  assert.equal(level('accepted', 'normal', 'hook_changed'), 'info');
  for (const outcome of ['retry', 'rejected', 'unavailable', 'unknown', 'cancelled', 'expired', 'deferred'])
    assert.equal(level(outcome), 'info', outcome);
});
