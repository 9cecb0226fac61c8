import type { Limits, Priority } from '../providers/index.ts';
import { Breaker } from './breaker.ts';
import type { Budget } from './budget.ts';
import { Flow } from './flow.ts';
import { Pace } from './pace.ts';
import { Slots } from './slots.ts';

/** What an attempt taught about its connection. */
export type Lesson =
  | 'healthy'
  | 'troubled'
  | 'broken'
  /** Named a time for this message: the rate is cut, other messages go on. */
  | 'slowed'
  /** Throttled as a whole: nothing starts for so long, and then fewer. */
  | { pauseMs: number };

/**
 * What all lanes of one connection share, so that trouble of one connection stays its own: its slots, its rate as
 * declared and as learnt from the vendor's complaints, its pause, its breaker.
 */
export class Bulkhead implements Budget {
  readonly #slots: Slots;
  readonly #ratePerSecond: number | null;
  readonly #flow: Flow;
  readonly #pace: Pace;
  readonly #breaker: Breaker;
  readonly #maxInFlight: number;
  #pausedUntil = 0;

  constructor(limits: Pick<Limits, 'maxInFlight' | 'ratePerSecond'>, now: number, breaker = new Breaker()) {
    this.#breaker = breaker;
    this.#maxInFlight = limits.maxInFlight;
    this.#slots = new Slots(limits.maxInFlight);
    this.#ratePerSecond = limits.ratePerSecond ?? null;
    this.#flow = new Flow(this.#ratePerSecond);
    this.#pace = new Pace(this.#ratePerSecond, now);
  }

  get inFlight(): number {
    return this.#slots.inFlight;
  }

  /** The declared rate is for all processes together: this one keeps to its part of it. */
  divide(workers: number): void {
    if (this.#ratePerSecond !== null) this.#flow.declare(this.#ratePerSecond / workers);
  }

  permits(priority: Priority, now: number): number {
    if (now < this.#pausedUntil) return 0;
    const allowed = this.#breaker.permits(now, this.inFlight, this.#maxInFlight);
    // A probe is one call, whatever the rate and whoever waits.
    if (this.#breaker.isOpen) return allowed;
    return Math.min(allowed, this.#slots.permits(priority, now), this.#paced(now).permits(priority, now));
  }

  opensAt(priority: Priority, now: number): number {
    const blockedUntil = Math.max(this.#pausedUntil, this.#breaker.openUntil);
    if (blockedUntil > now) return blockedUntil;
    return this.#breaker.isOpen ? now : this.#paced(now).opensAt(priority, now);
  }

  get isBroken(): boolean {
    return this.#breaker.isOpen;
  }

  get breakMs(): number {
    return this.#breaker.breakMs;
  }

  take(priority: Priority, count: number, now: number): void {
    this.#slots.take(priority, count);
    this.#pace.take(priority, count, now);
    this.#flow.count(count, now);
  }

  giveBack(priority: Priority, count: number, now: number): void {
    this.#slots.giveBack(priority, count);
    this.#pace.giveBack(priority, count, now);
    this.#flow.count(-count, now);
  }

  finish(priority: Priority): void {
    this.#slots.finish(priority);
  }

  turnAway(priority: Priority, now: number): void {
    // Behind a pause or a breaker all wait alike.
    if (now < this.#pausedUntil || this.#breaker.isOpen) return;
    for (const budget of [this.#slots, this.#paced(now)]) {
      if (budget.permits(priority, now) === 0) budget.turnAway(priority, now);
    }
  }

  learn(lesson: Lesson, now: number): void {
    if (typeof lesson === 'object') {
      this.#pausedUntil = Math.max(this.#pausedUntil, now + lesson.pauseMs);
      this.#slow(now, this.#pausedUntil);
    } else if (lesson === 'broken') {
      this.#breaker.open(now);
    } else {
      if (lesson === 'slowed') this.#slow(now, now);
      this.#breaker.count(lesson === 'troubled', now);
    }
  }

  #slow(now: number, pausedUntil: number): void {
    this.#flow.slow(now, pausedUntil);
    // The bucket fills at the new rate from now on, not from when somebody asks.
    this.#paced(now);
  }

  /** The bucket at the rate that is allowed now. */
  #paced(now: number): Pace {
    this.#pace.setRate(this.#flow.allowed(now), now);
    return this.#pace;
  }
}
