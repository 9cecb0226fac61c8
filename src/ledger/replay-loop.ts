import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/index.ts';
import { replayDeliveries, searchProblems } from './problem-store.ts';
import { hasRunningReplay, lockRunningReplay, type ReplayRow, saveProgress } from './replay-store.ts';

/** Between looks. */
const INTERVAL_MS = 3_000;
const BATCH = 500;
/** How far ahead deliveries are queued: short, so that cancelling has an effect, and longer than the interval. */
const HORIZON_MS = 5_000;
/** A replayed delivery whose expiry has passed would only expire again. */
export const REPLAY_FOR_MS = 24 * 3_600_000;

export interface ReplayLoopOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  wake: { signal(topic: string): void };
}

/**
 * Carries out replays by filter, a batch at a time. All it knows is in the replay's row, which is locked for a batch
 * and saved in the same transaction: a restart goes on where the last batch ended, and two processes share the work.
 */
export class ReplayLoop {
  readonly #options: ReplayLoopOptions;
  readonly #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(options: ReplayLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  /** One batch of the replay that waits longest. False when none may queue more now. */
  async step(): Promise<boolean> {
    const { store, clock, wake, logger } = this.#options;
    if (!(await hasRunningReplay(store.engine, new Date(clock.now() + HORIZON_MS)))) return false;
    const lanes = await store.transaction(async (db) => {
      const now = clock.now();
      const replay = await lockRunningReplay(db, new Date(now + HORIZON_MS));
      if (!replay) return null;
      const plan = planBatch(replay, now);
      const found = await searchProblems(db, {
        tenantId: replay.tenant_id,
        live: replay.live,
        filter: replay.filter,
        order: 'oldest',
        after: replay.cursor,
        limit: plan.size,
      });
      const queued = await replayDeliveries(db, replay.tenant_id, replay.live, {
        ids: found.rows.map(({ id }) => id),
        dueAt: found.rows.map((_, i) => new Date(plan.dueAt(i))),
        expiresAt: new Date(now + REPLAY_FOR_MS),
        entry: {
          at: new Date(now).toISOString(),
          action: 'replay',
          as: 'queued',
          by: replay.requested_by,
          replay: replay.id,
        },
      });
      const replayed = replay.replayed + queued.length;
      const isDone = found.next === null || replayed >= (replay.max_deliveries ?? Number.POSITIVE_INFINITY);
      await saveProgress(db, replay.tenant_id, {
        id: replay.id,
        cursor: found.next ?? found.rows.at(-1)?.id ?? replay.cursor,
        next_due_at: new Date(plan.dueAt(found.rows.length)),
        replayed,
        state: isDone ? 'done' : 'running',
        finished_at: isDone ? new Date(now) : null,
      });
      if (isDone) logger.info({ replay: replay.id, count: replayed }, 'a replay is done');
      return new Set(queued.map(({ lane }) => lane));
    });
    for (const lane of lanes ?? []) wake.signal(lane);
    return lanes !== null;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        while (!this.#stop.signal.aborted && (await this.step()));
      } catch (error) {
        this.#options.logger.error({ error }, 'a replay failed; trying again');
      }
      await this.#options.clock.sleep(INTERVAL_MS, this.#stop.signal);
    }
  }
}

/** How many deliveries are queued now, and when each of them is due: evenly, at the rate of the replay. */
export function planBatch(
  replay: Pick<ReplayRow, 'rate_per_second' | 'next_due_at' | 'replayed' | 'max_deliveries'>,
  now: number,
): { size: number; dueAt(i: number): number } {
  // What was missed while nobody ran is not made up for: that would be a burst.
  const start = Math.max(now, replay.next_due_at.getTime());
  const stepMs = 1_000 / replay.rate_per_second;
  const room = Math.ceil((now + HORIZON_MS - start) / stepMs);
  const left = (replay.max_deliveries ?? Number.POSITIVE_INFINITY) - replay.replayed;
  return { size: Math.max(1, Math.min(BATCH, room, left)), dueAt: (i) => start + i * stepMs };
}
