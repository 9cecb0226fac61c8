import type { Priority } from '../providers/index.ts';

/** Something that starts are limited by. A gate lets through what all of its budgets allow. */
export interface Budget {
  /** Starts that a priority may have at `now` (ms since the epoch); never negative, may be infinite. */
  permits(priority: Priority, now: number): number;
  /** When there may be permits again; `now` when there are some, or when only a finished attempt makes room. */
  opensAt(priority: Priority, now: number): number;
  /** Takes what `permits` allowed, before the claim. */
  take(priority: Priority, count: number, now: number): void;
  /** Gives back what was taken and not sent. */
  giveBack(priority: Priority, count: number, now: number): void;
  /** An attempt that was sent has ended. */
  finish(priority: Priority): void;
  /** There was due work and no permit for it. */
  turnAway(priority: Priority, now: number): void;
}
