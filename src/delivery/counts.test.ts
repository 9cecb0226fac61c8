import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { uuidv7 } from '../lib/ids.ts';
import { accepted, rejected, retry, unavailable, unknown } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import { createMetrics, type Metrics } from '../telemetry/index.ts';
import { countDecisions, countExpired, countResults } from './counts.ts';
import { scheduleFor } from './retry.ts';
import { type SettledOutcome, settle } from './settle.ts';
import type { Result } from './store.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const ON = 'channel="push",provider="apns"';

describe('the counts of delivery', () => {
  let metrics: Metrics;
  beforeEach(() => {
    metrics = createMetrics();
  });

  function resultOf(outcome: unknown, claim: Partial<Claimed> = {}, alternative = false): Result {
    const claimed = {
      id: uuidv7(NOW),
      live: true,
      lane: 'push.ios.high',
      priority: 'high',
      notificationId: uuidv7(NOW - 2_500),
      channel: 'push',
      provider: 'apns',
      sendAt: null,
      retries: 0,
      device: { id: 'device' },
      contactKind: null,
      contact: null,
      ...claim,
    } as Claimed;
    const settlement = settle(outcome as SettledOutcome, {
      now: NOW,
      random: 0,
      retries: claimed.retries,
      expiresAt: null,
      schedule: scheduleFor('push', 'high'),
      category: { evidenceMs: 0 },
      alternative: alternative ? { connection: 'other', provider: 'fcm' } : null,
      breakMs: 1_000,
      connection: 'own',
      choice: null,
      patience: 2,
    });
    const { kind } = outcome as SettledOutcome;
    return {
      claimed,
      settlement,
      outcome: kind,
      detail: null,
      startedAt: NOW,
      latencyMs: 120,
      finishedAt: NOW,
    };
  }

  async function counted(...results: Result[]): Promise<string> {
    countResults(metrics, { results, written: new Set(results.map(({ claimed }) => claimed.id)), ms: 4 });
    return metrics.render();
  }

  it('tell what was sent, and how long that took from the request on', async () => {
    const text = await counted(resultOf(accepted('m')), resultOf(accepted('n')));
    assert.ok(
      text.includes(`attempts_total{${ON},priority="high",kind="live",outcome="accepted",reason=""} 2\n`),
    );
    assert.ok(text.includes(`deliveries_ended_total{${ON},priority="high",kind="live",state="sent"} 2\n`));
    assert.ok(text.includes('handoff_seconds_sum{channel="push",priority="high",kind="live"} 5\n'));
    assert.ok(text.includes('attempt_seconds_sum{channel="push",provider="apns"} 0.24\n'));
    assert.ok(text.includes('results_size_sum 2\n'));
  });

  it('measure a scheduled message from its time on, not from its request', async () => {
    const text = await counted(
      resultOf(accepted('m'), { sendAt: NOW - 1_000, notificationId: uuidv7(NOW - 1e8) }),
    );
    assert.match(text, /handoff_seconds_sum\{.*\} 1\n/);
  });

  it('tell retries, failovers, dead letters and unknown outcomes apart', async () => {
    const text = await counted(
      resultOf(retry('rate_limited')),
      resultOf(unavailable('credentials_invalid'), {}, true),
      resultOf(retry('provider_error'), { retries: 99 }),
      resultOf(unknown('timeout'), { live: false }),
    );
    assert.ok(text.includes(`retries_total{${ON},priority="high"} 1\n`));
    assert.ok(text.includes(`rate_limited_total{${ON}} 1\n`));
    assert.ok(text.includes(`failovers_total{${ON}} 1\n`));
    assert.ok(text.includes(`deliveries_ended_total{${ON},priority="high",kind="live",state="dead"} 1\n`));
    assert.ok(text.includes(`deliveries_became_unknown_total{${ON},reason="timeout"} 1\n`));
    assert.ok(text.includes(`kind="test",outcome="unknown",reason="timeout"} 1\n`));
  });

  it('tell what was pruned, for live recipients only', async () => {
    const gone = rejected('device_unregistered', { effect: { type: 'prune-device' } });
    const text = await counted(resultOf(gone), resultOf(gone, { live: false }));
    assert.ok(text.includes('devices_pruned_total{provider="apns"} 1\n'));
  });

  it('leave out what a fence kept from being written, and say so', async () => {
    countResults(metrics, { results: [resultOf(accepted('m'))], written: new Set(), ms: 1 });
    const text = await metrics.render();
    assert.ok(text.includes('bellhop_results_fenced_total 1\n'));
    assert.doesNotMatch(text, /bellhop_attempts_total\{/);
  });

  it('take a verdict before any call for an end but for no attempt', async () => {
    const verdict = resultOf(accepted(null));
    verdict.outcome = 'cancelled';
    verdict.settlement = { ...verdict.settlement, state: 'cancelled', reason: 'cancelled' };
    const text = await counted(verdict);
    assert.ok(
      text.includes(`deliveries_ended_total{${ON},priority="high",kind="live",state="cancelled"} 1\n`),
    );
    assert.doesNotMatch(text, /bellhop_attempts_total\{/);
  });

  it('leave out what a hook or this process put off: nothing was tried', async () => {
    for (const outcome of ['deferred', 'not_started']) {
      const held = resultOf(accepted(null));
      held.outcome = outcome;
      held.settlement = { ...held.settlement, state: 'queued', dueAt: NOW + 1_000 };
      assert.doesNotMatch(await counted(held), /bellhop_(attempts|retries)_total\{/);
    }
  });

  it('do not call an end what waits for a person', async () => {
    const undecided = {
      id: 'd',
      tenantId: 't',
      lane: 'push.ios.low',
      live: true,
      channel: 'push',
      provider: 'apns',
    };
    const held = { ...undecided, category: 'otp', retries: 0, expiresAt: null, cancelRequested: false };
    countDecisions(
      metrics,
      [held],
      [{ id: 'd', state: 'unknown', reason: 'waits_for_operator', retries: 0 }],
    );
    const text = await metrics.render();
    assert.ok(text.includes(`unknown_decided_total{${ON},state="unknown",reason="waits_for_operator"} 1\n`));
    assert.doesNotMatch(text, /bellhop_deliveries_ended_total\{/);
  });

  it('tell how unknown outcomes were decided, and that the dead among them are dead letters', async () => {
    const undecided = {
      id: 'd',
      tenantId: 't',
      lane: 'push.ios.low',
      live: true,
      channel: 'push',
      provider: 'apns',
    };
    const rest = { category: 'marketing', retries: 9, expiresAt: null, cancelRequested: false };
    const both = [
      { ...undecided, ...rest },
      { ...undecided, ...rest },
    ];
    countDecisions(metrics, both, [
      { id: 'd', state: 'dead', reason: 'unknown_retries_exhausted', retries: 9 },
      { id: 'd', state: 'queued', reason: 'unknown_sent_again', retries: 1 },
    ]);
    countExpired(metrics, { lane: 'push.ios.low', provider: 'apns', live: true }, 3);
    const text = await metrics.render();
    assert.ok(text.includes(`unknown_decided_total{${ON},state="queued",reason="unknown_sent_again"} 1\n`));
    assert.ok(text.includes(`deliveries_ended_total{${ON},priority="low",kind="live",state="dead"} 1\n`));
    assert.ok(text.includes(`deliveries_ended_total{${ON},priority="low",kind="live",state="expired"} 3\n`));
  });
});
