import { PRIORITIES, type Priority } from '../providers/index.ts';
import type { Budget } from './budget.ts';
import { Patience } from './patience.ts';

/** The part of all slots that stays free for a priority while others could use it. */
export const RESERVED: Readonly<Record<Priority, number>> = { high: 0.2, normal: 0.1, low: 0.05 };
/** Low may borrow no more than this, so that normal finds room without waiting for it. */
const LOW_CAP = 0.5;

/**
 * A number of places for attempts under way. Each priority has some of its own; the rest goes to whoever needs it.
 * Where there are too few for shares, Patience sees to it that everyone has a turn.
 */
export class Slots implements Budget {
  readonly #total: number;
  readonly #inFlight: Record<Priority, number> = { high: 0, normal: 0, low: 0 };
  readonly #patience = new Patience();

  constructor(total: number) {
    this.#total = total;
  }

  get inFlight(): number {
    return PRIORITIES.reduce((sum, priority) => sum + this.#inFlight[priority], 0);
  }

  permits(priority: Priority, now: number): number {
    let free = this.#total - this.inFlight;
    for (const other of PRIORITIES) if (other !== priority) free -= this.#keptFor(other);
    // High leaves others their own places, but never one of its own turn.
    const owed = this.#patience.owed(now);
    if (priority !== 'high' && owed && owed.to !== priority && this.#keptFor(owed.to) === 0) free--;
    if (priority === 'low') free = Math.min(free, Math.ceil(this.#total * LOW_CAP) - this.#inFlight.low);
    return Math.max(0, free);
  }

  opensAt(_priority: Priority, now: number): number {
    return now;
  }

  take(priority: Priority, count: number): void {
    this.#inFlight[priority] += count;
    this.#patience.served(priority);
  }

  giveBack(priority: Priority, count: number): void {
    this.#inFlight[priority] -= count;
  }

  finish(priority: Priority): void {
    this.#inFlight[priority]--;
  }

  turnAway(priority: Priority, now: number): void {
    this.#patience.turnedAway(priority, now);
  }

  /** Places of a priority that it does not use at present. */
  #keptFor(priority: Priority): number {
    return Math.max(0, Math.floor(this.#total * RESERVED[priority]) - this.#inFlight[priority]);
  }
}
