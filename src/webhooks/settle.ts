import type { DisabledReason } from './endpoint.ts';
import { pauseFor, retryDelay } from './schedule.ts';
import type { ClaimedCall } from './store.ts';
import type { Verdict } from './verdict.ts';

/** The end of one call, ready to be written. */
export interface Result {
  claimed: ClaimedCall;
  verdict: Verdict;
  startedAt: number;
  latencyMs: number;
  finishedAt: number;
}

/** What becomes of a delivery after a call: the values of its row. */
export interface Settlement {
  state: 'pending' | 'delivered' | 'failed';
  tries: number;
  /** Milliseconds since the epoch; set exactly when it is pending again. */
  dueAt: number | null;
}

export function settle({ claimed, verdict, finishedAt }: Result, random: number): Settlement {
  switch (verdict.outcome) {
    case 'delivered':
      return { state: 'delivered', tries: claimed.tries, dueAt: null };
    case 'interrupted':
      return { state: 'pending', tries: claimed.tries, dueAt: finishedAt };
    case 'gone':
      return { state: 'failed', tries: claimed.tries + 1, dueAt: null };
    case 'refused': {
      const tries = claimed.tries + 1;
      const delay = retryDelay(tries, random, verdict.retryAfterMs);
      if (delay === null) return { state: 'failed', tries, dueAt: null };
      return { state: 'pending', tries, dueAt: finishedAt + delay };
    }
  }
}

/** What a batch of results says about one endpoint. */
export interface Wellbeing {
  tenantId: string;
  key: string;
  /** It answered at least once: what was before is forgotten. */
  hasAnswered: boolean;
  /** The last thing that it did was to fail. */
  isFailing: boolean;
  /** Calls behind each other, up to the last one, that were too much for it. */
  strain: number;
  retryAfterMs: number;
  /** Ms since the epoch of the first failure after its last success. */
  since: number;
  /** It said so itself: disable it at once. */
  disable: DisabledReason | null;
}

/** By endpoint, in the order of their keys, so that batches lock in one order. */
export function judgeEndpoints(results: readonly Result[]): Wellbeing[] {
  const counted = results.filter(({ verdict }) => verdict.outcome !== 'interrupted');
  const byKey = Map.groupBy(counted, ({ claimed }) => claimed.endpointKey);
  return [...byKey.values()]
    .map((list) => judgeOne(list.toSorted((a, b) => a.finishedAt - b.finishedAt)))
    .filter(({ isFailing, hasAnswered }) => isFailing || hasAnswered)
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

function judgeOne(list: Result[]): Wellbeing {
  const lastSuccess = list.findLastIndex(({ verdict }) => verdict.outcome === 'delivered');
  const failures = list.slice(lastSuccess + 1);
  const strained = failures.filter(({ verdict }) => verdict.isStrained);
  const { tenantId, endpointKey } = list[0]!.claimed;
  return {
    tenantId,
    key: endpointKey,
    hasAnswered: lastSuccess >= 0,
    isFailing: failures.length > 0,
    strain: failures.at(-1)?.verdict.isStrained ? strained.length : 0,
    retryAfterMs: Math.max(0, ...failures.map(({ verdict }) => verdict.retryAfterMs ?? 0)),
    since: failures[0]?.finishedAt ?? 0,
    disable: list.some(({ verdict }) => verdict.outcome === 'gone') ? 'gone' : null,
  };
}

/** Until when (ms since the epoch) it is left in peace; null when it is not. */
export function pausedUntil(now: number, strain: number, retryAfterMs: number): number | null {
  return strain > 0 ? now + pauseFor(strain, retryAfterMs) : null;
}
