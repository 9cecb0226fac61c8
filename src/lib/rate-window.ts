import type { Clock } from './clock.ts';

const WINDOW_MS = 1_000;

/** Counts per key in windows of one second. Memory is bounded by the keys seen in one window. */
export class RateWindow {
  readonly #limit: number;
  readonly #clock: Clock;
  #windowStart = 0;
  #counts = new Map<string, number>();

  /** `limit` per second and key; 0 is no limit. */
  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Counts one; false when the key was over its limit already. */
  count(key: string): boolean {
    if (this.#limit === 0) return true;
    this.#turn();
    const counted = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, counted);
    return counted <= this.#limit;
  }

  isExceeded(key: string): boolean {
    if (this.#limit === 0) return false;
    this.#turn();
    return (this.#counts.get(key) ?? 0) >= this.#limit;
  }

  #turn(): void {
    const now = this.#clock.now();
    if (now - this.#windowStart < WINDOW_MS && now >= this.#windowStart) return;
    this.#windowStart = now;
    this.#counts.clear();
  }
}
