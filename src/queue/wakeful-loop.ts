import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { type LoopBeat, UNWATCHED } from '../telemetry/index.ts';
import type { Topic, Wake } from './wake.ts';

const AFTER_ERROR_MS = 1_000;
/** A look at the first entry of an index. */
const POLL_MS = 30_000;
/** While signals of other processes may be missed. */
const DEAF_POLL_MS = 2_000;
/** What is due and could not be claimed, another process is at. */
const TAKEN_POLL_MS = 1_000;

export interface WakefulLoopOptions {
  clock: Clock;
  logger: Logger;
  wake: Pick<Wake, 'on'>;
  /** A signal of it ends a rest. */
  topic: Topic;
  /** Does a piece of work. Answers after how long (ms) to look again: 0 at once, because there may be more. */
  turn(): Promise<number>;
  /** What the log says when a turn fails; the loop goes on a second later. */
  whenFailed: string;
  beat?: LoopBeat;
}

/** Works as long as there is work, then rests until its time comes or somebody signals. */
export class WakefulLoop {
  readonly #options: WakefulLoopOptions;
  readonly #stop = new AbortController();
  #interrupt: AbortController | null = null;
  #isSignalled = false;
  #done: Promise<void> = Promise.resolve();

  constructor(options: WakefulLoopOptions) {
    this.#options = options;
  }

  start(): void {
    const off = this.#options.wake.on((topic) => {
      if (topic !== this.#options.topic) return;
      this.#isSignalled = true;
      this.#interrupt?.abort();
    });
    this.#done = this.#run().finally(off);
  }

  /** Resolves when the turn under way is over. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#interrupt?.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { clock, logger, beat = UNWATCHED, turn, whenFailed } = this.#options;
    while (!this.#stop.signal.aborted) {
      beat.turn();
      try {
        this.#isSignalled = false;
        const restMs = await turn();
        if (restMs > 0) {
          beat.rest();
          await this.#rest(restMs);
        }
        // The embedded database answers without ever leaving this turn of the event loop; timers and sockets need one.
        else await nextTurn();
      } catch (error) {
        logger.error({ error }, whenFailed);
        await clock.sleep(AFTER_ERROR_MS, this.#stop.signal);
      }
    }
    beat.rest();
  }

  async #rest(ms: number): Promise<void> {
    if (this.#isSignalled || this.#stop.signal.aborted) return;
    this.#interrupt = new AbortController();
    await this.#options.clock.sleep(ms, this.#interrupt.signal);
    this.#interrupt = null;
  }
}

/**
 * How long a loop may rest (ms) that works at these times, and has done what it could of what was due at `lookedAt` (ms
 * since the epoch). What became due since then is no reason to rest.
 */
export function untilDue(
  { clock, wake }: { clock: Clock; wake: Pick<Wake, 'isComplete'> },
  { times, lookedAt }: { times: (Date | null)[]; lookedAt: number },
): number {
  const due = times.flatMap((at) => (at === null ? [] : [at.getTime()]));
  if (due.some((at) => at <= lookedAt)) return TAKEN_POLL_MS;
  return Math.min(wake.isComplete ? POLL_MS : DEAF_POLL_MS, ...due.map((at) => at - clock.now()));
}
