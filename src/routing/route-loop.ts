import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { ROUTE, type Wake } from '../queue/index.ts';
import type { Queryable } from '../store/index.ts';
import type { Router } from './router.ts';
import { nextRoutingTime } from './store.ts';

const POLL_MS = 2_000;
const AFTER_ERROR_MS = 1_000;

/** Routes as long as something is due, then sleeps until a signal, the next due time or the poll, whichever is first. */
export class RouteLoop {
  readonly #router: Router;
  readonly #options: { db: Queryable; clock: Clock; wake: Wake; logger: Logger };
  #stop = new AbortController();
  #signalled = true;
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
    while (!this.#stop.signal.aborted) {
      try {
        this.#signalled = false;
        const { count, lanes } = await this.#router.routeBatch();
        for (const lane of lanes) this.#options.wake.signal(lane);
        // The embedded database answers without ever leaving this turn of the event loop; timers and sockets need one.
        await nextTurn();
        if (count === 0 && !this.#signalled) await this.#rest();
      } catch (error) {
        this.#options.logger.error({ error }, 'routing failed; trying again');
        await this.#options.clock.sleep(AFTER_ERROR_MS, this.#stop.signal);
      }
    }
  }

  async #rest(): Promise<void> {
    const next = await nextRoutingTime(this.#options.db);
    if (this.#signalled || this.#stop.signal.aborted) return;
    const untilNextMs = next ? next.getTime() - this.#options.clock.now() : POLL_MS;
    if (untilNextMs <= 0) return;
    this.#interrupt = new AbortController();
    await this.#options.clock.sleep(Math.min(untilNextMs, POLL_MS), this.#interrupt.signal);
    this.#interrupt = null;
  }
}
