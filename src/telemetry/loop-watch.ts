import type { Logger } from '../lib/logger.ts';
import type { Metrics } from './metrics.ts';

/** One loop's proof that it still turns. */
export interface LoopBeat {
  /** Called at each turn. */
  turn(): void;
  /** Nothing to do: standing still is no fault until the next turn. */
  rest(): void;
}

/** For a loop that nobody watches. */
export const UNWATCHED: LoopBeat = { turn() {}, rest() {} };

export interface LoopWatchOptions {
  logger: Logger;
  metrics: Pick<Metrics, 'loopAge' | 'loopsStuck'>;
  /** A loop that has not turned for this long is stuck. */
  limitMs: number;
  /** Milliseconds of a clock that never jumps; not the database's, whose corrections would look like a long sleep. */
  now?(): number;
  /** Told once, with the loop that was found first. */
  onStuck(loop: string): void;
}

const CHECK_MS = 1_000;

/**
 * A process may answer while one of its loops hangs for ever (a promise that never settles): nothing gets sent and
 * nobody notices. Every loop reports its turns here; one that stopped is logged, counted, and given to `onStuck`,
 * which ends the process so that its supervisor starts it afresh.
 */
export class LoopWatch {
  readonly #options: LoopWatchOptions;
  readonly #now: () => number;
  /** Time of the last turn by loop; null while it rests. */
  readonly #turnedAt = new Map<string, number | null>();
  #checkedAt: number;
  #isStuck = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LoopWatchOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#checkedAt = this.#now();
  }

  start(): void {
    this.#timer = setInterval(() => this.check(), CHECK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Takes a loop under watch; it counts from its first turn on. */
  watch(loop: string): LoopBeat {
    this.#turnedAt.set(loop, null);
    this.#options.metrics.loopAge.set({ loop }, 0);
    return {
      turn: () => void this.#turnedAt.set(loop, this.#now()),
      rest: () => void this.#turnedAt.set(loop, null),
    };
  }

  /** Milliseconds since each loop's last turn; 0 for one that rests. */
  ages(): Map<string, number> {
    const now = this.#now();
    return new Map([...this.#turnedAt].map(([loop, at]) => [loop, at === null ? 0 : Math.max(0, now - at)]));
  }

  /** One look at all loops. */
  check(): void {
    const now = this.#now();
    const { limitMs, metrics, logger } = this.#options;
    // This look came late itself: the whole process was stopped (SIGSTOP, a frozen machine), not one loop.
    if (now - this.#checkedAt > limitMs / 2) this.#forgive(now);
    this.#checkedAt = now;
    for (const [loop, age] of this.ages()) {
      metrics.loopAge.set({ loop }, age / 1000);
      if (age <= limitMs || this.#isStuck) continue;
      this.#isStuck = true;
      metrics.loopsStuck.inc({ loop });
      logger.error(
        { room: loop, ms: Math.round(age) },
        'a loop stands still; this process must be restarted',
      );
      this.#options.onStuck(loop);
    }
  }

  #forgive(now: number): void {
    for (const [loop, at] of this.#turnedAt) if (at !== null) this.#turnedAt.set(loop, now);
  }
}
