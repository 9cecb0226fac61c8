/** A token bucket: at most `ratePerSecond` starts a second, saved up for one second at most. */
export class Pace {
  readonly #ratePerSecond: number;
  #tokens: number;
  #refilledAt: number;

  constructor(ratePerSecond: number, now: number) {
    this.#ratePerSecond = ratePerSecond;
    this.#tokens = ratePerSecond;
    this.#refilledAt = now;
  }

  permits(now: number): number {
    this.#refill(now);
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** When the next start is allowed (ms since the epoch); `now` when one is already. */
  opensAt(now: number): number {
    this.#refill(now);
    return this.#tokens >= 1 ? now : now + Math.ceil(((1 - this.#tokens) / this.#ratePerSecond) * 1000);
  }

  /** Takes tokens; a negative count gives back what was not used. */
  take(count: number): void {
    this.#tokens -= count;
  }

  #refill(now: number): void {
    const earned = ((now - this.#refilledAt) / 1000) * this.#ratePerSecond;
    this.#tokens = Math.min(this.#ratePerSecond, this.#tokens + earned);
    this.#refilledAt = now;
  }
}
