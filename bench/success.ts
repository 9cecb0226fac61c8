import type { Result } from '../src/delivery/store.ts';
import type { Claimed } from '../src/queue/index.ts';

/** The end of an attempt that simply succeeded, as the engine hands it to be written. */
export function successOf(claimed: Claimed, finishedAt: number): Result {
  const settlement = {
    state: 'sent' as const,
    reason: null,
    code: null,
    dueAt: null,
    decideAt: null,
    retries: 0,
    moveTo: null,
    choice: null,
    providerMessageId: claimed.id,
    effect: null,
  };
  return {
    claimed,
    settlement,
    outcome: 'accepted',
    detail: null,
    startedAt: claimed.startedAt,
    latencyMs: 0,
    finishedAt,
  };
}
