/** The slowest a connection becomes: one start in ten seconds. */
export const SLOWEST_PER_SECOND = 0.1;
export const CUT = 0.5;
/**
 * Each second gives back this part of the rate at which it was last too much: from half to all in 25 seconds. Beyond
 * that it is this part of the present rate, doubling in 35 seconds, so that nobody crawls for ever after a bad minute.
 */
export const GROWTH_PER_SECOND = 0.02;
/** Answers to what was under way at a cut say nothing new. */
const SETTLE_MS = 1_000;
/** Without a declared rate, a limit that was kept for so long without complaint is forgotten. */
const FORGET_MS = 600_000;
const WINDOW_MS = 1_000;

/**
 * What the vendor bears at present: additive increase, multiplicative decrease (RFC 5681 calls it congestion
 * avoidance). A connection without a declared rate has none until its first lesson, which starts from its measured rate.
 */
export class Flow {
  #declared: number | null;
  /** Allowed at `#cutAt`, and the rate it was cut from. */
  #allowed: number | null = null;
  #cutFrom = 0;
  #cutAt = 0;
  /** Starts in the present second and the one before. */
  #windowStart = 0;
  #starts = 0;
  #startsBefore = 0;

  /** `declared`: starts a second that the vendor allows, or null. */
  constructor(declared: number | null) {
    this.#declared = declared;
  }

  declare(declared: number | null): void {
    this.#declared = declared;
  }

  /** Counts starts; a negative number those that were not used after all. */
  count(starts: number, now: number): void {
    this.#turn(now);
    this.#starts += starts;
  }

  /** Starts a second in the last second or so. */
  measured(now: number): number {
    this.#turn(now);
    return Math.max(this.#starts, this.#startsBefore);
  }

  /** The vendor said it was too much. `pausedUntil`: when the pause that it asked for ends. */
  slow(now: number, pausedUntil: number): void {
    if (this.#allowed !== null && now < this.#cutAt + SETTLE_MS) return;
    const rate = this.allowed(now) ?? this.measured(now);
    this.#cutFrom = Math.max(rate, SLOWEST_PER_SECOND);
    this.#allowed = Math.max(rate * CUT, SLOWEST_PER_SECOND);
    // A rest teaches nothing: growth begins when it ends.
    this.#cutAt = Math.max(now, pausedUntil);
  }

  /** Starts a second that are allowed at `now`, or null for no limit. */
  allowed(now: number): number | null {
    if (this.#allowed === null) return this.#declared;
    const sinceMs = Math.max(0, now - this.#cutAt);
    if (this.#declared === null && sinceMs > FORGET_MS) {
      this.#allowed = null;
      return null;
    }
    const grown = this.#grown(this.#allowed, sinceMs / 1_000);
    if (this.#declared !== null && grown >= this.#declared) {
      this.#allowed = null;
      return this.#declared;
    }
    return grown;
  }

  #grown(allowed: number, seconds: number): number {
    const step = this.#cutFrom * GROWTH_PER_SECOND;
    const backAfter = (this.#cutFrom - allowed) / step;
    if (seconds <= backAfter) return allowed + step * seconds;
    return this.#cutFrom * (1 + GROWTH_PER_SECOND) ** (seconds - backAfter);
  }

  #turn(now: number): void {
    const elapsed = now - this.#windowStart;
    if (elapsed < WINDOW_MS) return;
    this.#startsBefore = elapsed < 2 * WINDOW_MS ? this.#starts : 0;
    this.#starts = 0;
    this.#windowStart = now;
  }
}
