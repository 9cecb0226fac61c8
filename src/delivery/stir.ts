import type { Clock } from '../lib/clock.ts';
import type { Wake } from '../queue/index.ts';

/** After the last sign of work everybody stays attentive for so long. */
const QUIET_AFTER_MS = 10_000;
/** How often a quiet installation is looked after: a worker that dies now is found before its time is up. */
const QUIET_EVERY_MS = 5_000;

/**
 * Whether anything stirs in the installation. Loops that look after others turn every second, but look into the
 * database at each turn only while something does, or while signals may be missed; otherwise every five seconds.
 */
export class Stir {
  readonly #clock: Clock;
  readonly #wake: Pick<Wake, 'isComplete'> | undefined;
  readonly #off: () => void;
  #stirredAt: number;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** Without `wake` there is no telling, and every turn is taken. */
  constructor(clock: Clock, wake?: Pick<Wake, 'on' | 'isComplete'>) {
    this.#clock = clock;
    this.#wake = wake;
    this.#stirredAt = clock.now();
    this.#off = wake?.on(() => this.note()) ?? (() => {});
  }

  /** Something is under way that no signal told. */
  note(): void {
    this.#stirredAt = this.#clock.now();
  }

  /** Whether to look at this turn; the next one is counted from it. */
  takeTurn(): boolean {
    const now = this.#clock.now();
    const isQuiet = this.#wake?.isComplete === true && Math.abs(now - this.#stirredAt) > QUIET_AFTER_MS;
    if (isQuiet && Math.abs(now - this.#lookedAt) < QUIET_EVERY_MS) return false;
    this.#lookedAt = now;
    return true;
  }

  close(): void {
    this.#off();
  }
}
