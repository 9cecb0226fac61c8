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
  readonly #onWorkers: (alive: number) => void;
  #lastBeat = Number.NEGATIVE_INFINITY;
  #known = false;
  #aliveSince = Number.POSITIVE_INFINITY;
  readonly #stop = new AbortController();

  constructor(options: {
    store: Store;
    clock: Clock;
    logger: Logger;
    /** Told at each beat how many workers are alive, this one included. */
    onWorkers?(alive: number): void;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#onWorkers = options.onWorkers ?? (() => {});
    this.#startedAt = new Date(options.clock.now());
    this.workerId = uuidv7(options.clock.now());
  }

  /** Resolves after the first beat is stored: only then may attempts start. */
  async start(): Promise<void> {
    await this.#beat();
    void this.#run();
  }

  /**
   * Whether the others have taken this process for alive ever since `since` (ms since the epoch): what it started
   * then is still its own. One that was given up and goes on begins anew.
   */
  isAlive(since: number): boolean {
    return since >= this.#aliveSince && this.#clock.now() - this.#lastBeat < DEAD_AFTER_MS;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await deleteWorker(this.#store.engine, this.workerId).catch(() => {});
  }

  /** A beat that hangs must not hold up the next one. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      await this.#clock.sleep(INTERVAL_MS, signal);
      if (signal.aborted) return;
      this.#beat().catch((error) =>
        this.#logger.warn({ error, worker: this.workerId }, 'the heartbeat could not be written'),
      );
    }
  }

  async #beat(): Promise<void> {
    const now = this.#clock.now();
    const { isNew, alive } = await saveHeartbeat(
      this.#store.engine,
      { id: this.workerId, host: hostname(), startedAt: this.#startedAt },
      { now: new Date(now), aliveSince: new Date(now - DEAD_AFTER_MS) },
    );
    // Beats may be answered out of order.
    this.#lastBeat = Math.max(this.#lastBeat, now);
    if (isNew) this.#aliveSince = this.#known ? this.#clock.now() : now;
    this.#known = true;
    this.#onWorkers(alive);
  }
}
