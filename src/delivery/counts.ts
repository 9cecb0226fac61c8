import { TERMINAL } from '../ledger/index.ts';
import { uuidv7Time } from '../lib/ids.ts';
import { kindOf, type Metrics, Tally } from '../telemetry/index.ts';
import type { Decision, Result, Undecided } from './store.ts';

/** Counts one written batch of results; those behind their fence count as such and no further. */
export function countResults(
  metrics: Metrics | undefined,
  batch: { results: Result[]; written: Set<string>; ms: number },
): void {
  if (!metrics) return;
  metrics.resultsSize.observe(batch.results.length);
  metrics.resultsSeconds.observe(batch.ms / 1000);
  const tallies = resultTallies(metrics);
  let fenced = 0;
  for (const result of batch.results) {
    if (batch.written.has(result.claimed.id)) countResult(metrics, tallies, result);
    else fenced++;
  }
  if (fenced > 0) metrics.fenced.inc(fenced);
  for (const tally of Object.values(tallies)) tally.flush();
}

type Tallies = ReturnType<typeof resultTallies>;

function resultTallies(metrics: Metrics) {
  return {
    attempts: new Tally(metrics.attempts, 'channel', 'provider', 'priority', 'kind', 'outcome', 'reason'),
    ended: new Tally(metrics.ended, 'channel', 'provider', 'priority', 'kind', 'state'),
    retries: new Tally(metrics.retries, 'channel', 'provider', 'priority'),
    failovers: new Tally(metrics.failovers, 'channel', 'provider'),
    rateLimited: new Tally(metrics.rateLimited, 'channel', 'provider'),
    unknown: new Tally(metrics.unknown, 'channel', 'provider', 'reason'),
    pruned: new Tally(metrics.pruned, 'provider'),
    suppressions: new Tally(metrics.suppressions, 'channel', 'source'),
  };
}

function countResult(metrics: Metrics, tallies: Tallies, result: Result): void {
  const { claimed, settlement, outcome, finishedAt, latencyMs } = result;
  const { channel, priority } = claimed;
  const provider = claimed.provider ?? '';
  const kind = kindOf(claimed.live);
  const { state, reason, effect } = settlement;
  // A verdict that came before any call (cancelled, expired, skipped) is an end but no attempt.
  if (outcome !== state || outcome === 'unknown') {
    tallies.attempts.add(channel, provider, priority, kind, outcome, reason);
    metrics.attemptSeconds.observe({ channel, provider }, latencyMs / 1000);
  }
  if (state === 'sent') {
    const ms = Math.max(0, finishedAt - promisedAt(result));
    metrics.handoffSeconds.observe({ channel, priority, kind }, ms / 1000);
  }
  if (TERMINAL.has(state)) tallies.ended.add(channel, provider, priority, kind, state);
  else if (state === 'unknown') tallies.unknown.add(channel, provider, reason);
  else if (settlement.moveTo) tallies.failovers.add(channel, provider);
  else tallies.retries.add(channel, provider, priority);
  if (reason === 'rate_limited') tallies.rateLimited.add(channel, provider);
  if (!claimed.live || !effect) return;
  if (effect.type === 'prune-device' && claimed.device) tallies.pruned.add(provider);
  if (effect.type === 'suppress-contact' && claimed.contact) tallies.suppressions.add(channel, 'outcome');
}

/** The moment from which the user waits: the accepted request, or its sendAt. */
function promisedAt({ claimed }: Result): number {
  return claimed.sendAt ?? uuidv7Time(claimed.notificationId);
}

/** Counts what the policy decided about unknown outcomes, once it is committed. */
export function countDecisions(
  metrics: Metrics | undefined,
  undecided: Undecided[],
  decisions: Decision[],
): void {
  if (!metrics || decisions.length === 0) return;
  const decided = new Tally(metrics.unknownDecided, 'channel', 'provider', 'state', 'reason');
  for (const [i, { state, reason }] of decisions.entries())
    decided.add(undecided[i]!.channel, undecided[i]!.provider, state, reason);
  decided.flush();
}
