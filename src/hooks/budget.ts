import type { Clock } from '../lib/clock.ts';

/** The work did not answer within its time. */
export const TIMED_OUT = Symbol('timed out');

/** Races work against its time. The signal tells the work that nobody waits for it any more. */
export async function withinBudget<T>(
  clock: Clock,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | typeof TIMED_OUT> {
  const tooLate = new AbortController();
  const finished = new AbortController();
  const timer = clock.sleep(timeoutMs, finished.signal).then((): typeof TIMED_OUT => {
    if (!finished.signal.aborted) tooLate.abort();
    return TIMED_OUT;
  });
  try {
    return await Promise.race([work(tooLate.signal), timer]);
  } finally {
    finished.abort();
  }
}
