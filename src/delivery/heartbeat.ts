import { hostname } from 'node:os';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/index.ts';
import { deleteWorker, saveHeartbeat } from './store.ts';

const INTERVAL_MS = 3_000;
/** A worker whose last proof of life is older is dead to the others. */
export const DEAD_AFTER_MS = 10_000;

/** This process as the ledger knows it: an id under which attempts are started, and proof of life. */
export class Heartbeat {
  readonly workerId: string;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #startedAt: Date;
  #lastBeat = Number.NEGATIVE_INFINITY;
  /** Since when no two proofs of life lay so far apart that others may have taken this process for dead. */
  #aliveSince = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { store: Store; clock: Clock; logger: Logger }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#startedAt = new Date(options.clock.now());
    this.workerId = uuidv7(options.clock.now());
  }

  /** Resolves after the first beat is stored: only then may attempts start. */
  async start(): Promise<void> {
    await this.beat();
    this.#timer = setInterval(() => {
      this.beat().catch((error) =>
        this.#logger.warn({ error, worker: this.workerId }, 'the heartbeat could not be written'),
      );
    }, INTERVAL_MS);
  }

  /**
   * Whether the others have taken this process for alive from `moment` (ms since epoch) until now. What it claimed
   * before it was given up is not its own any more, however alive it is again.
   */
  isAliveSince(moment: number): boolean {
    return moment >= this.#aliveSince && this.#clock.now() - this.#lastBeat < DEAD_AFTER_MS;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await deleteWorker(this.#store.engine, this.workerId).catch(() => {});
  }

  /** Stores a proof of life. */
  async beat(): Promise<void> {
    const now = this.#clock.now();
    await saveHeartbeat(
      this.#store.engine,
      { id: this.workerId, host: hostname(), startedAt: this.#startedAt },
      new Date(now),
    );
    // Until now the others saw the proof before: what was claimed meanwhile may be theirs already.
    const storedAt = this.#clock.now();
    if (storedAt - this.#lastBeat >= DEAD_AFTER_MS) this.#aliveSince = storedAt;
    this.#lastBeat = now;
  }
}
