import type { Priority } from '../providers/index.ts';
import type { Budget } from './budget.ts';
import { Patience } from './patience.ts';
import { RESERVED } from './slots.ts';

/** What was not used is saved up for this long. */
const SAVED_S = 0.5;
/** Bulk waits for tokens of this time, so that a claim is a batch and not a row. High takes each as it comes. */
const BATCH_S = 0.05;

/**
 * A token bucket: over any time, no more starts than rate × time + burst. A part of the burst is kept for high
 * priority. Without a rate it lets everything through.
 */
export class Pace implements Budget {
  readonly #patience = new Patience();
  #ratePerSecond: number | null;
  #tokens: number;
  #refilledAt: number;

  constructor(ratePerSecond: number | null, now: number) {
    this.#ratePerSecond = ratePerSecond;
    this.#tokens = ratePerSecond === null ? 0 : burstOf(ratePerSecond);
    this.#refilledAt = now;
  }

  /** Another rate from now on (null: none). What is saved up stays, as far as the new burst holds it. */
  setRate(ratePerSecond: number | null, now: number): void {
    if (ratePerSecond === this.#ratePerSecond) return;
    this.#refill(now);
    this.#ratePerSecond = ratePerSecond;
    this.#tokens = ratePerSecond === null ? 0 : Math.min(this.#tokens, burstOf(ratePerSecond));
  }

  permits(priority: Priority, now: number): number {
    if (this.#ratePerSecond === null) return Number.POSITIVE_INFINITY;
    this.#refill(now);
    return Math.max(0, Math.floor(this.#tokens - this.#keptFrom(priority, now)));
  }

  opensAt(priority: Priority, now: number): number {
    if (this.#ratePerSecond === null || this.permits(priority, now) > 0) return now;
    const kept = this.#keptFrom(priority, now);
    const burst = burstOf(this.#ratePerSecond);
    // The bucket cannot hold both the token that is owed to another and one for this priority.
    if (kept + 1 > burst) return this.#patience.owed(now)!.until;
    const batch = priority === 'high' ? 1 : Math.max(1, Math.floor(this.#ratePerSecond * BATCH_S));
    const missing = Math.min(kept + batch, burst) - this.#tokens;
    return now + Math.max(1, Math.ceil((missing / this.#ratePerSecond) * 1_000));
  }

  take(priority: Priority, count: number, now: number): void {
    this.#patience.served(priority);
    if (this.#ratePerSecond === null) return;
    this.#refill(now);
    this.#tokens -= count;
  }

  giveBack(_priority: Priority, count: number, now: number): void {
    if (this.#ratePerSecond === null) return;
    this.#refill(now);
    this.#tokens = Math.min(burstOf(this.#ratePerSecond), this.#tokens + count);
  }

  finish(): void {
    // A token that was used is gone.
  }

  turnAway(priority: Priority, now: number): void {
    this.#patience.turnedAway(priority, now);
  }

  /** Tokens that a priority leaves for others: some for high, one for whoever waits too long. */
  #keptFrom(priority: Priority, now: number): number {
    if (priority === 'high') return 0;
    const forHigh = Math.floor(burstOf(this.#ratePerSecond!) * RESERVED.high);
    const owed = this.#patience.owed(now);
    const isOwed = owed && owed.to !== priority && !(owed.to === 'high' && forHigh > 0);
    return forHigh + (isOwed ? 1 : 0);
  }

  #refill(now: number): void {
    if (this.#ratePerSecond === null || now <= this.#refilledAt) {
      this.#refilledAt = Math.max(this.#refilledAt, now);
      return;
    }
    const earned = ((now - this.#refilledAt) / 1_000) * this.#ratePerSecond;
    this.#tokens = Math.min(burstOf(this.#ratePerSecond), this.#tokens + earned);
    this.#refilledAt = now;
  }
}

/** At least one token, or a slow pace would never let anything through. */
export function burstOf(ratePerSecond: number): number {
  return Math.max(1, ratePerSecond * SAVED_S);
}
