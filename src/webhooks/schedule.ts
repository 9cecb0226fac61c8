const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * What is waited after the first failed try, the second, and so on; the last wait is followed by the last try. The
 * sample schedule of Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks
 */
export const DELAYS_MS = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const;
/** Added at random, so that what failed together does not come back together. */
const JITTER = 0.2;
/** Who asks for more is heard no sooner than this, but may be called then. */
const LONGEST_WAIT_MS = 24 * HOUR;
const FIRST_PAUSE_MS = 1 * SECOND;
const LONGEST_PAUSE_MS = 1 * MINUTE;
/** So long nothing but failures, and the endpoint is disabled. */
export const FAILING_MS = 5 * 24 * HOUR;

/** Milliseconds until the next try, after `tries` that failed; null when that was the last. `random` is in [0, 1). */
export function retryDelay(tries: number, random: number, retryAfterMs = 0): number | null {
  const delay = DELAYS_MS[tries - 1];
  if (delay === undefined) return null;
  return Math.max(Math.round(delay * (1 + JITTER * random)), Math.min(retryAfterMs, LONGEST_WAIT_MS));
}

/** How long (ms) an endpoint is left in peace that said, or showed, `strain` times in a row that it is too much. */
export function pauseFor(strain: number, retryAfterMs = 0): number {
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(20, strain - 1));
  return Math.max(pause, Math.min(retryAfterMs, LONGEST_WAIT_MS));
}
