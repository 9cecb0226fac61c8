import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { ROUTE, type Wake } from '../queue/index.ts';
import type { Queryable } from '../store/index.ts';
import type { Router } from './router.ts';
import { loadWaiting } from './store.ts';

const BUSY_POLL_MS = 2_000;
/** After a while without work, as long as every signal is heard. */
const IDLE_POLL_MS = 8_000;
/** What is accepted within this time is routed as one batch: a batch costs nearly the same however small it is. */
const GATHER_MS = 5;
const FULL_ENOUGH = 250;
const AFTER_ERROR_MS = 1_000;

/** Routes as long as something is due, then sleeps until a signal, the next due time or the poll, whichever is first. */
export class RouteLoop {
  readonly #router: Router;
  readonly #options: { db: Queryable; clock: Clock; wake: Wake; logger: Logger };
  #stop = new AbortController();
  #signalled = true;
  #pollMs = BUSY_POLL_MS;
  #interrupt: AbortController | null = null;
  #done: Promise<void> = Promise.resolve();

  constructor(router: Router, options: { db: Queryable; clock: Clock; wake: Wake; logger: Logger }) {
    this.#router = router;
    this.#options = options;
  }

  start(): void {
    const off = this.#options.wake.on((topic) => {
      if (topic !== ROUTE) return;
      this.#signalled = true;
      this.#interrupt?.abort();
    });
    this.#done = this.#run().finally(off);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#interrupt?.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { db, clock, wake, logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        this.#signalled = false;
        const { duePriority, nextAt } = await loadWaiting(db, new Date(clock.now()));
        if (duePriority === null) {
          await this.#rest(nextAt);
          continue;
        }
        this.#pollMs = BUSY_POLL_MS;
        const { count, lanes } = await this.#router.routeBatch(duePriority);
        for (const lane of lanes) wake.signal(lane);
        if (count < FULL_ENOUGH) await clock.sleep(GATHER_MS, this.#stop.signal);
        // The embedded database answers without ever leaving this turn of the event loop; timers and sockets need one.
        await nextTurn();
      } catch (error) {
        logger.error({ error }, 'routing failed; trying again');
        await clock.sleep(AFTER_ERROR_MS, this.#stop.signal);
      }
    }
  }

  async #rest(nextAt: Date | null): Promise<void> {
    if (this.#signalled || this.#stop.signal.aborted) return;
    const { clock, wake } = this.#options;
    const untilNextMs = nextAt ? nextAt.getTime() - clock.now() : this.#pollMs;
    this.#interrupt = new AbortController();
    await clock.sleep(Math.min(untilNextMs, this.#pollMs), this.#interrupt.signal);
    this.#interrupt = null;
    this.#pollMs = wake.isComplete ? Math.min(this.#pollMs * 2, IDLE_POLL_MS) : BUSY_POLL_MS;
    if (this.#signalled) await clock.sleep(GATHER_MS, this.#stop.signal);
  }
}
