import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { DIGESTS, ROUTE_HIGH, routeTopic, type Wake } from '../queue/index.ts';
import type { Queryable } from '../store/index.ts';
import { type LoopBeat, UNWATCHED } from '../telemetry/index.ts';
import { Horizon } from './horizon.ts';
import type { Router } from './router.ts';
import { loadWaiting, type Waiting } from './store.ts';

const BUSY_POLL_MS = 2_000;
/** After a while without work, as long as every signal is heard. */
const IDLE_POLL_MS = 8_000;
/** What is accepted within this time is routed as one batch: a batch costs nearly the same however small it is. */
const GATHER_MS = 5;
const FULL_ENOUGH = 250;
/** One batch in so many goes to one of the less urgent priorities that have work, in turn. */
const OTHERS_TURN = 8;
const AFTER_ERROR_MS = 1_000;
const ALL = [0, 1, 2];

export interface RouteLoopOptions {
  db: Queryable;
  clock: Clock;
  wake: Wake;
  logger: Logger;
  beat?: LoopBeat;
  /** What this loop routes (0 high, 1 normal, 2 low); all by default. A loop for high alone gathers nothing. */
  priorities?: readonly number[];
  /** How long what is accepted is gathered after a batch, at least, unless something of high priority is among it. */
  gatherMs?: number;
}

/** Routes as long as something is due, then sleeps until a signal, the next due time or the poll, whichever is first. */
export class RouteLoop {
  readonly #router: Router;
  readonly #options: RouteLoopOptions;
  #stop = new AbortController();
  readonly #horizon = new Horizon();
  readonly #priorities: readonly number[];
  readonly #gathers: boolean;
  /** Ends what is gathered for the next batch. */
  #hurry: AbortController | null = null;
  #batches = 0;
  #signalled = true;
  #pollMs = BUSY_POLL_MS;
  #interrupt: AbortController | null = null;
  #done: Promise<void> = Promise.resolve();

  constructor(router: Router, options: RouteLoopOptions) {
    this.#router = router;
    this.#options = options;
    this.#priorities = options.priorities ?? ALL;
    this.#gathers = this.#priorities.some((priority) => priority !== 0);
  }

  start(): void {
    const topics = new Set(this.#priorities.map(routeTopic));
    const off = this.#options.wake.on((topic) => {
      if (!topics.has(topic)) return;
      this.#signalled = true;
      this.#interrupt?.abort();
      if (topic === ROUTE_HIGH) this.#hurry?.abort();
    });
    this.#done = this.#run().finally(off);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#interrupt?.abort();
    this.#hurry?.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { db, clock, wake, logger, beat = UNWATCHED } = this.#options;
    while (!this.#stop.signal.aborted) {
      beat.turn();
      try {
        this.#signalled = false;
        const now = clock.now();
        const since = this.#horizon.since(now);
        const waiting = await loadWaiting(
          db,
          since.map((ms, priority) => (this.#priorities.includes(priority) ? new Date(ms) : null)),
        );
        this.#horizon.looked(now, clock.now());
        const due = waiting.filter(({ dueAt }) => dueAt.getTime() <= now);
        const priority = choosePriority(due, this.#batches);
        if (priority === null) {
          beat.rest();
          await this.#rest(waiting);
          continue;
        }
        this.#batches++;
        this.#pollMs = BUSY_POLL_MS;
        const { count, lanes, oldest, opensDigest } = await this.#router.routeBatch(
          priority,
          since[priority],
        );
        if (oldest) this.#horizon.passed(priority, oldest);
        for (const lane of lanes) wake.signal(lane);
        if (opensDigest) wake.signal(DIGESTS);
        if (count < FULL_ENOUGH) await this.#gather(Math.max(GATHER_MS, this.#options.gatherMs ?? 0));
        // The embedded database answers without ever leaving this turn of the event loop; timers and sockets need one.
        await nextTurn();
      } catch (error) {
        logger.error({ error }, 'routing failed; trying again');
        await clock.sleep(AFTER_ERROR_MS, this.#stop.signal);
      }
    }
    beat.rest();
  }

  async #rest(waiting: Waiting[]): Promise<void> {
    if (this.#signalled || this.#stop.signal.aborted) return;
    const { clock, wake } = this.#options;
    const nextAt = Math.min(...waiting.map(({ dueAt }) => dueAt.getTime()));
    const untilNextMs = waiting.length > 0 ? nextAt - clock.now() : this.#pollMs;
    this.#interrupt = new AbortController();
    await clock.sleep(Math.min(untilNextMs, this.#pollMs), this.#interrupt.signal);
    this.#interrupt = null;
    this.#pollMs = wake.isComplete ? Math.min(this.#pollMs * 2, IDLE_POLL_MS) : BUSY_POLL_MS;
    if (this.#signalled) await this.#gather(GATHER_MS);
  }

  async #gather(ms: number): Promise<void> {
    if (!this.#gathers || this.#stop.signal.aborted) return;
    this.#hurry = new AbortController();
    await this.#options.clock.sleep(ms, this.#hurry.signal);
    this.#hurry = null;
  }
}

/** The most urgent first; but floods of some priorities must keep none of the others waiting for ever. Pure. */
export function choosePriority(due: Waiting[], batch: number): number | null {
  if (due.length === 0) return null;
  const others = due.slice(1);
  if (others.length === 0 || (batch + 1) % OTHERS_TURN !== 0) return due[0]!.priority;
  return others[Math.floor(batch / OTHERS_TURN) % others.length]!.priority;
}
