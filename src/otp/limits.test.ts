import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Ask,
  DAY_MS,
  HOUR_MS,
  hourOf,
  judge,
  mayResendAt,
  type OnRecord,
  RATE_MS,
  rateStart,
  type Use,
} from './limits.ts';
import { type SettingsBody, settingsFrom } from './settings.ts';

const NOW = Date.UTC(2027, 0, 1, 12, 30);
const ASK: Ask = { recipients: ['r'], country: 'DE', prefix: '+4915112', ip: 'i', cost: 50_000 };
const NOTHING: OnRecord = { recipients: new Map(), uses: [], pauses: [] };
const use = (scope: string, key: string, more: Partial<Use> = {}): Use => ({
  scope,
  key,
  startsAt: hourOf(NOW),
  sent: 0,
  approved: 0,
  cost: 0,
  ...more,
});
const judged = (record: Partial<OnRecord>, settings: SettingsBody = {}, ask: Partial<Ask> = {}) =>
  judge({ ...ASK, ...ask }, { ...NOTHING, ...record }, settingsFrom(settings), NOW);

describe('the limits', () => {
  it('let the first one out', () => {
    assert.equal(judged({}), null);
  });

  it('let the last free place be taken, and no more; an hour is one of the clock', () => {
    const limits = { prefix: { perHour: 3, perDay: 100 } };
    const sent = (count: number) =>
      judged({ uses: [use('prefix', '+4915112', { sent: count })] }, { limits });
    assert.equal(sent(2), null);
    assert.deepEqual(sent(3), { reason: 'prefix_limit', scope: 'prefix', retryAt: Date.UTC(2027, 0, 1, 13) });
    const before = [use('prefix', '+4915112', { sent: 3, startsAt: hourOf(NOW) - HOUR_MS })];
    assert.equal(judged({ uses: before }, { limits }), null);
  });

  it('say when a place of a day is free again', () => {
    const limits = { tenant: { perHour: 5, perDay: 6 } };
    const at = (hoursAgo: number, sent: number) =>
      use('tenant', '', { sent, startsAt: hourOf(NOW) - hoursAgo * HOUR_MS });
    const uses = [at(24, 5), at(20, 2), at(10, 3), at(1, 1)];
    assert.deepEqual(judged({ uses }, { limits }), {
      reason: 'tenant_limit',
      scope: 'tenant',
      retryAt: hourOf(NOW) - 20 * HOUR_MS + DAY_MS,
    });
    assert.equal(judged({ uses: uses.slice(2) }, { limits }), null);
  });

  it('stop before more is spent than may be, and name what is nearest', () => {
    const spent = (cost: number) =>
      judged({ uses: [use('tenant', '', { sent: 1, cost })] }, { spendPerDay: 1 });
    assert.equal(spent(950_000), null);
    assert.deepEqual(spent(950_001), {
      reason: 'spend_limit',
      scope: 'spend',
      retryAt: hourOf(NOW) + DAY_MS,
    });
    assert.equal(judged({ uses: [use('tenant', '', { cost: 9e9 })] }, { spendPerDay: null }), null);
    assert.equal(
      judged({ uses: [use('tenant', '', { cost: 9e9 })] }, {}, { cost: 0 }),
      null,
      'e-mail costs nothing',
    );
    const all = ['tenant', 'country', 'prefix', 'ip'].map((scope) =>
      use(scope, scope === 'tenant' ? '' : { country: 'DE', prefix: '+4915112', ip: 'i' }[scope]!, {
        sent: 1e9,
      }),
    );
    assert.equal(judged({ uses: all })!.reason, 'ip_limit');
  });

  it('make a recipient wait twice as long each time, a quarter of an hour at most', () => {
    const settings = settingsFrom({});
    const wait = (...ago: number[]) =>
      mayResendAt(
        ago.map((seconds) => NOW - seconds * 1_000),
        settings,
        NOW,
      ) - NOW;
    assert.deepEqual(
      [wait(), wait(0), wait(0, 40), wait(0, 40, 120), wait(0, 40, 120, 300, 600, 1_200, 1_800)],
      [0, 30_000, 60_000, 120_000, 900_000],
    );
    assert.equal(wait(3_700), -3_670_000, 'an hour later');
    assert.deepEqual(judged({ recipients: new Map([['r', [NOW - 10_000]]]) }), {
      reason: 'too_soon',
      scope: null,
      retryAt: NOW + 20_000,
    });
  });

  it('count a recipient in windows that slide', () => {
    const times = [50, 40, 30, 20, 16].map((minutes) => NOW - minutes * 60_000);
    const refusal = judged({ recipients: new Map([['r', times]]) });
    assert.deepEqual(refusal, { reason: 'recipient_limit', scope: null, retryAt: times[0]! + HOUR_MS });
    assert.equal(judged({ recipients: new Map([['r', times.slice(1)]]) }, { resendSeconds: 1 }), null);
  });

  const rated = (startsAt: number, sent: number, approved: number) => [
    use('country_rate', 'DE', { startsAt: rateStart(startsAt), sent, approved }),
  ];
  const strict: SettingsBody = { conversion: { minimumSent: { country: 10 }, minimumRate: 0.3 } };

  it('pause where too few codes are entered, once there are enough to judge by', () => {
    const ripe = NOW - 2 * RATE_MS;
    assert.equal(judged({ uses: rated(ripe, 10, 3) }, strict), null);
    assert.equal(judged({ uses: rated(ripe, 9, 0) }, strict), null);
    const refusal = judged({ uses: rated(ripe, 10, 2) }, strict)!;
    assert.deepEqual([refusal.reason, refusal.retryAt, refusal.pause!.key], ['paused', NOW + HOUR_MS, 'DE']);
    assert.equal(judged({ uses: rated(NOW, 1_000, 0) }, strict), null, 'they had no time yet');
    assert.equal(judged({ uses: rated(NOW - 2 * HOUR_MS, 1_000, 0) }, strict), null, 'long ago');
  });

  it('judge anew what was sent after a pause', () => {
    const pause = { scope: 'country' as const, key: 'DE', pausedAt: NOW - HOUR_MS, sent: 10, approved: 0 };
    const uses = rated(NOW - 2 * RATE_MS, 10, 0);
    assert.equal(judged({ uses, pauses: [{ ...pause, until: NOW + 1 }] }, strict)!.retryAt, NOW + 1);
    assert.equal(judged({ uses, pauses: [{ ...pause, until: NOW - RATE_MS }] }, strict), null);
    assert.equal(
      judged({ uses, pauses: [{ ...pause, until: NOW - 5 * RATE_MS }] }, strict)!.reason,
      'paused',
    );
  });
});
