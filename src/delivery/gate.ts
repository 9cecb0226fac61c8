import { type Lane, priorityOf } from '../ledger/index.ts';
import type { Priority } from '../providers/index.ts';
import type { Budget } from './budget.ts';
import type { Bulkhead, Lesson } from './bulkhead.ts';

export type { Lesson } from './bulkhead.ts';

export interface GateOptions {
  lane: Lane;
  bulkhead: Bulkhead;
  /** What it shares with other connections: the process's capacity, the rates of its tenant and provider. */
  shared: readonly Budget[];
}

/** Where attempts of one lane over one connection begin and end: it lets through what every budget allows. */
export class Gate {
  readonly #priority: Priority;
  readonly #bulkhead: Bulkhead;
  readonly #budgets: readonly Budget[];
  #inFlight = 0;

  constructor({ lane, bulkhead, shared }: GateOptions) {
    this.#priority = priorityOf(lane);
    this.#bulkhead = bulkhead;
    this.#budgets = [bulkhead, ...shared];
  }

  /** Attempts of this lane under way, those included that a claim is under way for. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Attempts that may start at `now` (ms). */
  permits(now: number): number {
    let permits = Number.POSITIVE_INFINITY;
    for (const budget of this.#budgets) permits = Math.min(permits, budget.permits(this.#priority, now));
    return permits;
  }

  /** When permits may be had again (ms since epoch); `now` when there are some or only slots are missing. */
  opensAt(now: number): number {
    return Math.max(...this.#budgets.map((budget) => budget.opensAt(this.#priority, now)));
  }

  /** True while the breaker is open or probing: failover should look elsewhere. */
  get isBroken(): boolean {
    return this.#bulkhead.isBroken;
  }

  /** How long the breaker keeps away from now on. */
  get breakMs(): number {
    return this.#bulkhead.breakMs;
  }

  /** There is due work and no permit: the next one must not go to others for ever. */
  turnAway(now: number): void {
    for (const budget of this.#budgets) {
      if (budget.permits(this.#priority, now) === 0) budget.turnAway(this.#priority, now);
    }
  }

  /** Takes permits before a claim; what the claim did not use is given back with `release`. */
  reserve(count: number, now: number): void {
    this.#inFlight += count;
    for (const budget of this.#budgets) budget.take(this.#priority, count, now);
  }

  release(count: number, now: number): void {
    this.#inFlight -= count;
    for (const budget of this.#budgets) budget.giveBack(this.#priority, count, now);
  }

  finish(lesson: Lesson, now: number): void {
    this.#inFlight--;
    for (const budget of this.#budgets) budget.finish(this.#priority);
    this.#bulkhead.learn(lesson, now);
  }

  /** An attempt that ended before anything was sent. Its tokens are not given back: that would need the time. */
  abandon(): void {
    this.#inFlight--;
    for (const budget of this.#budgets) budget.finish(this.#priority);
  }
}
