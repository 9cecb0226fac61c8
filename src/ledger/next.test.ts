import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DecideUnknown, describeNext } from './next.ts';
import type { DeliveryRow } from './store.ts';

const at = new Date('2026-11-21T12:00:00.000Z');
const row = (columns: object = {}) =>
  ({ state: 'unknown', decide_at: at, category: 'otp', retries: 2, ...columns }) as DeliveryRow;
const policy =
  (state: string): DecideUnknown =>
  (delivery, now) => {
    assert.deepEqual([delivery.category, delivery.retries, now], ['otp', 2, at.getTime()]);
    return { state, reason: 'why' };
  };

test('what happens next is told only while the outcome is unknown, in the words of the policy', () => {
  assert.equal(describeNext(row({ state: 'sent' }), policy('queued')), undefined);
  assert.equal(describeNext(row({ decide_at: null }), policy('queued')), 'waits for a person');
  assert.equal(
    describeNext(row(), policy('queued')),
    `sent again over the same connection at ${at.toISOString()}, unless a receipt comes before`,
  );
  assert.equal(
    describeNext(row(), policy('failed')),
    `ends as failed (why) at ${at.toISOString()}, unless a receipt comes before`,
  );
  assert.equal(
    describeNext(row(), policy('unknown')),
    `waits for a person from ${at.toISOString()} on, unless a receipt comes before`,
  );
});
