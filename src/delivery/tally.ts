/** Counts that halve with time, so that what happened lately weighs most. */
export interface Tally {
  calls: number;
  troubles: number;
  delivered: number;
  undelivered: number;
  /** An estimate of the time under which 95 % of the answers came; null before the first. */
  latencyP95Ms: number | null;
  /** Milliseconds since the epoch at which the counts were right. */
  countedAt: number;
}

export const CALLS_HALVE_MS = 60_000;
/** Receipts come minutes after the calls. */
export const RECEIPTS_HALVE_MS = 3_600_000;

export const emptyTally = (now: number): Tally => ({
  calls: 0,
  troubles: 0,
  delivered: 0,
  undelivered: 0,
  latencyP95Ms: null,
  countedAt: now,
});

export function isEmpty({ calls, delivered, undelivered }: Tally): boolean {
  return calls + delivered + undelivered === 0;
}

/** What `tally` has become at `now`, and `added` to it. */
export function addTally(tally: Tally, added: Tally, now: number): Tally {
  const age = Math.max(0, now - tally.countedAt);
  const [calls, receipts] = [0.5 ** (age / CALLS_HALVE_MS), 0.5 ** (age / RECEIPTS_HALVE_MS)];
  return {
    calls: tally.calls * calls + added.calls,
    troubles: tally.troubles * calls + added.troubles,
    delivered: tally.delivered * receipts + added.delivered,
    undelivered: tally.undelivered * receipts + added.undelivered,
    latencyP95Ms: added.latencyP95Ms ?? tally.latencyP95Ms,
    countedAt: Math.max(now, tally.countedAt),
  };
}

/**
 * Moves the estimate of the 95th percentile a little towards each answer: far when one is above it, 19 times less far
 * when one is below, which balances where one in twenty is above.
 */
export function nextP95(estimateMs: number | null, latencyMs: number): number {
  if (estimateMs === null) return latencyMs;
  const stepMs = Math.max(1, estimateMs * 0.1);
  return latencyMs > estimateMs ? estimateMs + stepMs * 0.95 : Math.max(0, estimateMs - stepMs * 0.05);
}

/** From 0 to 1: the share of calls without trouble, lowered by what receipts say never arrived. */
export function scoreOf(tally: Tally): number {
  const withoutTrouble = tally.calls >= 1 ? 1 - tally.troubles / tally.calls : 1;
  const reported = tally.delivered + tally.undelivered;
  return withoutTrouble * (reported >= 1 ? tally.delivered / reported : 1);
}

const MIN_CALLS = 20;
const MIN_RECEIPTS = 50;
const DEGRADED_BELOW = 0.8;

/** Not broken, but so troubled that others should get more of the traffic; few calls prove nothing. */
export function isDegraded(tally: Tally): boolean {
  const isProven = tally.calls >= MIN_CALLS || tally.delivered + tally.undelivered >= MIN_RECEIPTS;
  return isProven && scoreOf(tally) < DEGRADED_BELOW;
}
