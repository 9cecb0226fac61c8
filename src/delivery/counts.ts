import { type Lane, priorityOf, TERMINAL } from '../ledger/index.ts';
import { uuidv7Time } from '../lib/ids.ts';
import { kindOf, type Metrics, Tally } from '../telemetry/index.ts';
import type { Result } from './store.ts';
import type { Decision, UndecidedDelivery } from './sweep-store.ts';

/** Results that count alike, and what differs between them. */
interface Group {
  like: Result;
  count: number;
  attemptMs: number[];
  handoffMs: number[];
}

/**
 * Counts one written batch of results; those behind their fence count as such and no further. A delivery costs one
 * look-up of its group and its times; the library's work for counters is done once a group.
 */
export function countResults(
  metrics: Metrics | undefined,
  batch: { results: Result[]; written: Set<string>; ms: number },
): void {
  if (!metrics) return;
  metrics.resultsSize.observe(batch.results.length);
  metrics.resultsSeconds.observe(batch.ms / 1000);
  const groups = new Map<string, Group>();
  let fenced = 0;
  for (const result of batch.results) {
    if (batch.written.has(result.claimed.id)) addToGroup(groups, result);
    else fenced++;
  }
  if (fenced > 0) metrics.fenced.inc(fenced);
  for (const group of groups.values()) countGroup(metrics, group);
}

function addToGroup(groups: Map<string, Group>, result: Result): void {
  const { claimed, settlement, outcome } = result;
  const name =
    `${claimed.channel} ${claimed.provider} ${claimed.priority} ${claimed.live} ${outcome} ` +
    `${settlement.reason} ${settlement.state} ${settlement.moveTo !== null} ${settlement.effect?.type}`;
  let group = groups.get(name);
  if (!group) {
    group = { like: result, count: 0, attemptMs: [], handoffMs: [] };
    groups.set(name, group);
  }
  group.count++;
  group.attemptMs.push(result.latencyMs);
  if (settlement.state === 'sent') group.handoffMs.push(result.finishedAt - promisedAt(result));
}

function countGroup(metrics: Metrics, { like, count, attemptMs, handoffMs }: Group): void {
  const { claimed, settlement, outcome } = like;
  const { channel, priority } = claimed;
  const provider = claimed.provider ?? '';
  const kind = kindOf(claimed.live);
  const { state, reason, effect } = settlement;
  if (NOT_TRIED.has(outcome)) return;
  // A verdict that came before any call (cancelled, expired, skipped) is an end but no attempt.
  if (outcome !== state || outcome === 'unknown') {
    metrics.attempts.inc({ channel, provider, priority, kind, outcome, reason: reason ?? '' }, count);
    observeAll(metrics.attemptSeconds.labels({ channel, provider }), attemptMs);
  }
  if (handoffMs.length > 0) observeAll(metrics.handoffSeconds.labels({ channel, priority, kind }), handoffMs);
  if (TERMINAL.has(state)) metrics.ended.inc({ channel, provider, priority, kind, state }, count);
  else if (state === 'unknown') metrics.unknown.inc({ channel, provider, reason: reason ?? '' }, count);
  else if (settlement.moveTo) metrics.failovers.inc({ channel, provider }, count);
  else metrics.retries.inc({ channel, provider, priority }, count);
  if (reason === 'rate_limited') metrics.rateLimited.inc({ channel, provider }, count);
  if (!claimed.live || !effect) return;
  if (effect.type === 'prune-device') metrics.pruned.inc({ provider }, count);
  if (effect.type === 'suppress-contact') metrics.suppressions.inc({ channel, source: 'outcome' }, count);
}

function observeAll(histogram: { observe(seconds: number): void }, times: number[]): void {
  for (const ms of times) histogram.observe(Math.max(0, ms) / 1000);
}

/** The moment from which the user waits: the accepted request, or its sendAt. */
function promisedAt({ claimed }: Result): number {
  return claimed.sendAt ?? uuidv7Time(claimed.notificationId);
}

/** A hook or this process itself put it off: it is queued again, with nothing tried and no retry used up. */
const NOT_TRIED = new Set(['deferred', 'not_started']);

const ENDED = ['channel', 'provider', 'priority', 'kind', 'state'] as const;

/** Counts what the policy decided about unknown outcomes, once it is committed. */
export function countDecisions(
  metrics: Metrics | undefined,
  undecided: UndecidedDelivery[],
  decisions: Decision[],
): void {
  if (!metrics || decisions.length === 0) return;
  const decided = new Tally(metrics.unknownDecided, 'channel', 'provider', 'state', 'reason');
  const ended = new Tally(metrics.ended, ...ENDED);
  for (const [i, { state, reason }] of decisions.entries()) {
    const { channel, provider, lane, live } = undecided[i]!;
    decided.add(channel, provider, state, reason);
    if (TERMINAL.has(state)) ended.add(channel, provider, priorityOf(lane), kindOf(live), state);
  }
  decided.flush();
  ended.flush();
}

/** Counts what expired in front of a connection that could not be used. */
export function countExpired(
  metrics: Metrics | undefined,
  { lane, provider, live }: { lane: Lane; provider: string; live: boolean },
  count: number,
): void {
  if (!metrics || count === 0) return;
  const labels = { channel: lane.split('.')[0]!, provider, priority: priorityOf(lane), kind: kindOf(live) };
  metrics.ended.inc({ ...labels, state: 'expired' }, count);
}
