import { isLane, type Lane, priorityOf } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Queue, Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import { type LoopWatch, type Metrics, UNWATCHED } from '../telemetry/index.ts';
import type { Connections } from '../tenants/index.ts';
import { Alarm } from './alarm.ts';
import type { Gates } from './gates.ts';
import { LaneLoop } from './lane-loop.ts';
import type { Worker } from './worker.ts';

/** How often the agenda is read without a signal: while there is work, and after a while without any. */
export const BUSY_POLL_MS = 2_000;
export const IDLE_POLL_MS = 8_000;
const AFTER_ERROR_MS = 1_000;
/** The agenda is not read more often than this, unless a signal is for high priority. */
const GATHER_MS = 20;
const SLICES_PER_LANE = 64;

export interface DispatcherOptions {
  store: Pick<Store, 'engine' | 'engineHigh' | 'gatherMs'>;
  clock: Clock;
  logger: Logger;
  wake: Pick<Wake, 'on' | 'isComplete'>;
  queue: Queue;
  gates: Gates;
  connections: Pick<Connections, 'forTenants'>;
  worker: Pick<Worker, 'id' | 'run' | 'onFreeSlot'>;
  metrics?: Metrics;
  watch?: Pick<LoopWatch, 'watch'>;
}

/**
 * Keeps the agenda: which (tenant, connection) has work in which lane, and since when. It is read after a signal and
 * at each poll, and handed to the lanes, whose loops claim. With nothing to do it is one statement every 8 seconds.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #lanes = new Map<Lane, LaneLoop>();
  readonly #alarm: Alarm;
  readonly #stop = new AbortController();
  /** Lanes with more slices than one agenda shows: the next one goes on behind them. */
  #unfinished = new Set<Lane>();
  #isUrgent = true;
  #readAt = 0;
  #pollMs = BUSY_POLL_MS;
  #done: Promise<void> = Promise.resolve();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock);
  }

  start(): void {
    const off = this.#options.wake.on((topic) => {
      if (!isLane(topic)) return;
      if (priorityOf(topic) === 'high') this.#isUrgent = true;
      this.#pollMs = BUSY_POLL_MS;
      this.#alarm.ring();
    });
    this.#options.worker.onFreeSlot(() => {
      for (const lane of this.#lanes.values()) lane.freed();
    });
    this.#done = this.#run().finally(off);
  }

  /** Stops claiming; attempts under way go on in the worker. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#alarm.ring();
    await this.#done;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
  }

  async #run(): Promise<void> {
    const { clock, logger, watch } = this.#options;
    const beat = watch?.watch('dispatcher') ?? UNWATCHED;
    while (!this.#stop.signal.aborted) {
      beat.turn();
      try {
        this.#isUrgent = false;
        await this.#refresh();
        beat.rest();
        const isSignalled = await this.#alarm.wait(this.#pollMs);
        const soonest = this.#readAt + GATHER_MS - clock.now();
        if (isSignalled && !this.#isUrgent && soonest > 0) await clock.sleep(soonest, this.#stop.signal);
      } catch (error) {
        logger.error({ error }, 'reading the agenda failed; trying again');
        await clock.sleep(AFTER_ERROR_MS, this.#stop.signal);
      }
    }
    beat.rest();
  }

  async #refresh(): Promise<void> {
    const now = this.#options.clock.now();
    this.#readAt = now;
    const slices = await this.#options.queue.agenda(SLICES_PER_LANE);
    const byLane = Map.groupBy(slices, (slice) => slice.lane);
    this.#unfinished = new Set();
    for (const [lane, found] of byLane) {
      if (found.length >= SLICES_PER_LANE) this.#unfinished.add(lane);
      if (!this.#lanes.has(lane)) this.#open(lane);
    }
    for (const [lane, loop] of this.#lanes) loop.offer(byLane.get(lane) ?? []);
    this.#pollMs = this.#nextPollMs(slices.some((slice) => slice.dueAt <= now));
  }

  /** With nothing due the next look may come later, as long as every signal is heard; lanes know what is due when. */
  #nextPollMs(hasWork: boolean): number {
    if (hasWork || !this.#options.wake.isComplete) return BUSY_POLL_MS;
    return Math.min(this.#pollMs * 2, IDLE_POLL_MS);
  }

  #open(lane: Lane): void {
    const { store, watch, ...options } = this.#options;
    const loop = new LaneLoop({
      ...options,
      lane,
      db: priorityOf(lane) === 'high' ? store.engineHigh : store.engine,
      gatherMs: store.gatherMs,
      drained: () => this.#drained(lane),
      beat: watch?.watch(`lane ${lane}`),
    });
    this.#lanes.set(lane, loop);
    loop.start();
  }

  /** A lane that showed only a part of its slices, and can start none of them, wants to see the next part at once. */
  #drained(lane: Lane): void {
    if (this.#unfinished.delete(lane)) this.#alarm.ring();
  }
}
