import { type Lane, priorityOf } from '../ledger/index.ts';
import type { Priority } from '../providers/index.ts';
import type { Budget } from './budget.ts';
import { Slots } from './slots.ts';

/**
 * The attempts that the whole process may have under way. No lane and no connection can take all of it: each may
 * hold no more than it leaves free, so one alone uses half, n that all have work use n/(n+1), and there is room for
 * the next (dynamic thresholds: Choudhury and Hahne, https://doi.org/10.1109/90.664262).
 */
export class Capacity {
  readonly #slots: Slots;
  readonly #held = new Map<string, number>();

  constructor(maxInFlight: number) {
    this.#slots = new Slots(maxInFlight);
  }

  get inFlight(): number {
    return this.#slots.inFlight;
  }

  /** The view of one connection in one lane. */
  shareOf(lane: Lane, connection: string): Budget {
    const holders = [lane, `${connection} ${priorityOf(lane)}`];
    const count = (change: number) => {
      for (const holder of holders) this.#count(holder, change);
    };
    return {
      permits: (priority, now) => this.#permits(holders, priority, now),
      opensAt: (priority, now) => this.#slots.opensAt(priority, now),
      take: (priority, taken) => {
        this.#slots.take(priority, taken);
        count(taken);
      },
      giveBack: (priority, returned) => {
        this.#slots.giveBack(priority, returned);
        count(-returned);
      },
      finish: (priority) => {
        this.#slots.finish(priority);
        count(-1);
      },
      turnAway: (priority, now) => this.#slots.turnAway(priority, now),
    };
  }

  #permits(holders: string[], priority: Priority, now: number): number {
    const free = this.#slots.permits(priority, now);
    let permits = free;
    for (const holder of holders) {
      const held = this.#held.get(holder) ?? 0;
      // held + n ≤ free − n, solved for n; the first one is always allowed.
      const fair = Math.floor((free - held) / 2);
      permits = Math.min(permits, held === 0 ? Math.max(fair, 1) : Math.max(fair, 0));
    }
    return Math.min(permits, free);
  }

  #count(holder: string, change: number): void {
    const held = (this.#held.get(holder) ?? 0) + change;
    if (held === 0) this.#held.delete(holder);
    else this.#held.set(holder, held);
  }
}
