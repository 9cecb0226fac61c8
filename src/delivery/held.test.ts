import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Refusal, settleRefusal } from './held.ts';

const NOW = 1_000_000_000;
const HOUR_MS = 3_600_000;
const delivery = { createdAt: NOW, expiresAt: null, retries: 2, now: NOW };
const deferred: Refusal = {
  kind: 'defer',
  reason: 'hook_deferred',
  code: null,
  afterMs: 60_000,
  notes: [],
};

describe('a delivery that a hook holds', () => {
  it('is skipped when the hook drops it, with the words of the hook', () => {
    const { state, reason, code } = settleRefusal({ kind: 'drop', code: 'vip only', notes: [] }, delivery);
    assert.deepEqual([state, reason, code], ['skipped', 'hook_dropped', 'vip only']);
  });

  it('waits as long as it was told to, which uses up no retry', () => {
    const { state, reason, dueAt, retries } = settleRefusal(deferred, delivery);
    assert.deepEqual([state, reason, dueAt, retries], ['queued', 'hook_deferred', NOW + 60_000, 2]);
  });

  it('expires when it would have to wait beyond its expiry', () => {
    const held = (expiresAt: number) => settleRefusal(deferred, { ...delivery, expiresAt }).state;
    assert.deepEqual([held(NOW + 60_000), held(NOW + 60_001)], ['expired', 'queued']);
  });

  it('is dead, for somebody to look at, after three days without an expiry', () => {
    const held = (createdAt: number) => settleRefusal(deferred, { ...delivery, createdAt }).state;
    assert.deepEqual([held(NOW - 71 * HOUR_MS), held(NOW - 72 * HOUR_MS)], ['queued', 'dead']);
  });
});
