import type { Limits } from '../providers/index.ts';
import { Breaker } from './breaker.ts';
import { Pace } from './pace.ts';

/** What an attempt taught about its connection. */
export type Lesson = 'healthy' | 'troubled' | 'broken' | { pauseMs: number };

/**
 * The permits of one connection: how many attempts may start now. Slots in flight, the declared rate, pauses that
 * the vendor asked for, and the breaker.
 */
export class Gate {
  readonly #maxInFlight: number;
  readonly #pace: Pace | null;
  readonly #breaker: Breaker;
  #inFlight = 0;
  #pausedUntil = 0;

  constructor(limits: Limits, now: number, breaker = new Breaker()) {
    this.#breaker = breaker;
    this.#maxInFlight = limits.maxInFlight;
    this.#pace = limits.ratePerSecond === undefined ? null : new Pace(limits.ratePerSecond, now);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Attempts that may start at `now` (ms). */
  permits(now: number): number {
    if (now < this.#pausedUntil) return 0;
    const slots = this.#maxInFlight - this.#inFlight;
    const allowed = Math.min(slots, this.#breaker.permits(now, this.#inFlight, this.#maxInFlight));
    // A probe is one call, whatever the rate.
    return this.#pace && !this.#breaker.isOpen ? Math.min(allowed, this.#pace.permits(now)) : allowed;
  }

  /** When permits may be had again (ms since epoch); `now` when there are some or only slots are missing. */
  opensAt(now: number): number {
    const blockedUntil = Math.max(this.#pausedUntil, this.#breaker.openUntil);
    if (blockedUntil > now) return blockedUntil;
    return this.#pace ? this.#pace.opensAt(now) : now;
  }

  /** True while the breaker is open or probing: failover should look elsewhere. */
  get isBroken(): boolean {
    return this.#breaker.isOpen;
  }

  /** How long the breaker keeps away from now on. */
  get breakMs(): number {
    return this.#breaker.breakMs;
  }

  /** Takes permits before a claim; what the claim did not use is given back with `release`. */
  reserve(count: number): void {
    this.#inFlight += count;
    this.#pace?.take(count);
  }

  release(count: number): void {
    this.#inFlight -= count;
    this.#pace?.take(-count);
  }

  finish(lesson: Lesson, now: number): void {
    this.#inFlight--;
    if (typeof lesson === 'object') this.#pausedUntil = Math.max(this.#pausedUntil, now + lesson.pauseMs);
    else if (lesson === 'broken') this.#breaker.open(now);
    else this.#breaker.count(lesson === 'troubled', now);
  }

  /** An attempt that ended before anything was sent. */
  abandon(): void {
    this.#inFlight--;
  }
}
