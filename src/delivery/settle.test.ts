import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mayBecome, TERMINAL } from '../ledger/index.ts';
import { accepted, rejected, retry, unavailable, unknown } from '../providers/index.ts';
import { scheduleFor } from './retry.ts';
import { type SettledOutcome, type Situation, settle } from './settle.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const situation = (extra: Partial<Situation> = {}): Situation => ({
  now: NOW,
  random: 0,
  retries: 0,
  expiresAt: null,
  schedule: scheduleFor('push', 'normal'),
  category: { evidenceMs: 10_000 },
  connection: 'a',
  choice: null,
  alternative: null,
  patience: 2,
  breakMs: 5_000,
  ...extra,
});
const settleAs = (outcome: unknown, extra: Partial<Situation> = {}) =>
  settle(outcome as SettledOutcome, situation(extra));

describe('settling an attempt', () => {
  it('ends an accepted delivery as sent, with the id the provider gave', () => {
    const settled = settleAs(accepted('m-1'));
    assert.equal(settled.state, 'sent');
    assert.equal(settled.providerMessageId, 'm-1');
  });

  it('queues a retry by the schedule of the channel', () => {
    const settled = settleAs(retry('provider_error'));
    assert.deepEqual([settled.state, settled.dueAt, settled.retries], ['queued', NOW + 5_000, 1]);
  });

  it('never comes back sooner than Retry-After asked for', () => {
    assert.equal(settleAs(retry('rate_limited', { afterMs: 61_001 }), { random: 0.5 }).dueAt, NOW + 61_001);
  });

  it('is dead when the retries are used up', () => {
    assert.equal(settleAs(retry('provider_error'), { retries: 5 }).state, 'dead');
  });

  it('expires rather than waiting for a retry that would be too late', () => {
    assert.equal(settleAs(retry('provider_error'), { expiresAt: NOW + 4_000 }).state, 'expired');
  });

  it('fails at once when the recipient is refused, and hands the effect on', () => {
    const settled = settleAs(
      rejected('device_unregistered', { effect: { type: 'prune-device', invalidSince: 7 } }),
    );
    assert.equal(settled.state, 'failed');
    assert.deepEqual(settled.effect, { type: 'prune-device', invalidSince: 7 });
  });

  it('fails over at once, without using up a retry, when the connection is broken', () => {
    const settled = settleAs(unavailable('credentials_invalid'), {
      alternative: { connection: 'b', provider: 'termii' },
    });
    assert.deepEqual(
      [settled.state, settled.dueAt, settled.retries, settled.moveTo?.connection],
      ['queued', NOW, 0, 'b'],
    );
  });

  it('waits for a broken connection to heal when there is no other', () => {
    const settled = settleAs(unavailable('credentials_invalid'));
    assert.deepEqual([settled.state, settled.dueAt, settled.moveTo], ['queued', NOW + 5_000, null]);
  });

  it('keeps what nobody can tell as unknown until evidence had its time', () => {
    const settled = settleAs(unknown('connection_lost'));
    assert.deepEqual([settled.state, settled.dueAt, settled.decideAt], ['unknown', null, NOW + 10_000]);
  });

  it('takes out of a vendor’s words what the database could not store', () => {
    const settled = settleAs(rejected('content_invalid', { code: 'a\u0000b\ud800' }));
    assert.equal(settled.code, 'ab\ufffd');
  });

  it('only ever makes allowed moves, and has a due time exactly when queued', () => {
    const outcomes = fc.constantFrom(
      accepted(null),
      retry('timeout'),
      retry('rate_limited', { afterMs: 1e6, scope: 'connection' }),
      rejected('content_invalid'),
      unavailable('quota_exhausted', { afterMs: 9e5 }),
      unknown('timeout'),
    );
    const situations = fc.record({
      retries: fc.nat(8),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
      expiresAt: fc.option(fc.integer({ min: NOW - 1e6, max: NOW + 1e8 }), { nil: null }),
    });
    fc.assert(
      fc.property(outcomes, situations, (outcome, extra) => {
        const settled = settleAs(outcome, extra);
        assert.ok(mayBecome('sending', settled.state));
        assert.equal(settled.dueAt !== null, settled.state === 'queued');
        assert.equal(settled.decideAt !== null, settled.state === 'unknown');
        if (settled.dueAt !== null && extra.expiresAt !== null) assert.ok(settled.dueAt < extra.expiresAt);
        assert.ok(TERMINAL.has(settled.state) || settled.state === 'queued' || settled.state === 'unknown');
      }),
    );
  });
});
