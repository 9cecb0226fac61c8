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

  it('hands on what a retry has to say of the contact, also when another connection takes over', () => {
    const effect = { type: 'move-contact', address: '7' } as const;
    const moved = retry('recipient_unreachable', { effect });
    assert.deepEqual(settleAs(moved).effect, effect);
    assert.deepEqual(settleAs(moved, { retries: 5 }).effect, effect);
    const alternative = { connection: 'b', provider: 'termii' };
    assert.deepEqual(settleAs(moved, { retries: 3, alternative }).effect, effect);
    assert.equal(settleAs(retry('provider_error')).effect, null);
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

  const other = { connection: 'b', provider: 'termii' };

  it('tries the same connection once more before another one takes over, at once and without using up a retry', () => {
    const first = settleAs(retry('network_error'), { alternative: other });
    assert.deepEqual([first.moveTo, first.retries, first.dueAt], [null, 1, NOW + 5_000]);
    const second = settleAs(retry('network_error'), { alternative: other, retries: 1 });
    assert.deepEqual([second.moveTo, second.retries, second.dueAt], [other, 1, NOW]);
    const moves = [{ from: 'a', to: 'b', why: 'network_error', at: NOW }];
    assert.deepEqual(second.choice, { moves, tried: ['a'], retriesBefore: 1 });
  });

  it('moves at the first retry when the connection has just turned out to be broken', () => {
    assert.deepEqual(settleAs(retry('timeout'), { alternative: other, patience: 0 }).moveTo, other);
  });

  it('counts the retries over the present connection only', () => {
    const choice = { tried: ['z'], retriesBefore: 2 };
    assert.equal(settleAs(retry('timeout'), { alternative: other, retries: 2, choice }).moveTo, null);
    assert.equal(settleAs(retry('timeout'), { alternative: other, retries: 3, choice }).moveTo, other);
  });

  it('begins a new round, at the price of a retry, when all were tried', () => {
    const settled = settleAs(retry('timeout'), { retries: 2, choice: { tried: ['z'], retriesBefore: 1 } });
    assert.deepEqual([settled.moveTo, settled.retries], [null, 3]);
    assert.deepEqual(settled.choice, { tried: [], retriesBefore: 3 });
  });

  it('never moves what may have been sent', () => {
    assert.equal(settleAs(unknown('timeout'), { alternative: other, patience: 0 }).moveTo, null);
  });

  it('always comes to an end, however many connections fail', () => {
    const connections = fc.integer({ min: 1, max: 4 });
    const schedules = fc.constantFrom(scheduleFor('push', 'normal'), scheduleFor('email', 'high'));
    fc.assert(
      fc.property(connections, fc.nat(2), schedules, (count, patience, schedule) => {
        const names = Array.from({ length: count }, (_, i) => `c${i}`);
        let at = { connection: 'c0', choice: null as Situation['choice'], retries: 0 };
        const most = (schedule.delaysMs.length + 1) * count;
        for (let attempts = 1; ; attempts++) {
          assert.ok(attempts <= most, `${attempts} attempts`);
          const free = names.find((name) => name !== at.connection && !at.choice?.tried?.includes(name));
          const alternative = free ? { connection: free, provider: 'p' } : null;
          const settled = settleAs(retry('timeout'), { ...at, schedule, patience, alternative });
          if (settled.state === 'dead') return;
          at = {
            connection: settled.moveTo?.connection ?? at.connection,
            choice: settled.choice ?? at.choice,
            retries: settled.retries,
          };
        }
      }),
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
