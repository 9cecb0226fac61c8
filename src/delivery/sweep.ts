import { setImmediate as nextTurn } from 'node:timers/promises';
import { climbLadders, type Lane } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { routeTopic, type Wake } from '../queue/index.ts';
import type { Categories } from '../rules/index.ts';
import { ensurePartitions, type Queryable, type Store } from '../store/index.ts';
import { type LoopBeat, type Metrics, type Tracer, UNWATCHED } from '../telemetry/index.ts';
import { countDecisions } from './counts.ts';
import { DEAD_AFTER_MS } from './heartbeat.ts';
import { Stir } from './stir.ts';
import {
  type LostAttempt,
  loadSweepWork,
  loadUndecided,
  markUnknown,
  takeOverDeadWorkers,
  writeDecisions,
} from './sweep-store.ts';
import { loadLostAttempts } from './trace-store.ts';
import { decideUnknown } from './unknown-policy.ts';

const INTERVAL_MS = 1_000;
const PARTITIONS_EVERY_MS = 3_600_000;
const HOUSEKEEPING_EVERY_MS = 10_000;
const BATCH = 500;

export interface SweepOptions {
  store: Store;
  clock: Clock;
  wake: Wake;
  logger: Logger;
  categories: Pick<Categories, 'forTenants'>;
  housekeeping(): Promise<unknown>;
  metrics?: Metrics;
  beat?: LoopBeat;
  tracer?: Tracer;
}

/** Looks after what nobody else would: attempts of dead workers, unknown outcomes, partitions, housekeeping. */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #stir: Stir;
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();
  #partitionsAt = 0;
  #housekeepingAt = 0;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#stir = new Stir(options.clock, options.wake);
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#stir.close();
    await this.#done;
  }

  /** One round. Returns the lanes that got work back. */
  async sweepOnce(): Promise<Set<Lane>> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const deadBefore = now - DEAD_AFTER_MS;
    const { hasDead, hasClaims, decideAt } = await loadSweepWork(store.engine, new Date(deadBefore));
    if (hasDead || hasClaims || decideAt) this.#stir.note();
    if (hasDead) await this.#takeOver(deadBefore);
    const isDue = hasDead || (decideAt !== null && decideAt.getTime() <= now);
    const lanes = isDue ? await this.#decideUnknown() : new Set<Lane>();
    for (const lane of lanes) this.#options.wake.signal(lane);
    await this.#maintain();
    return lanes;
  }

  async #run(): Promise<void> {
    const { beat = UNWATCHED } = this.#options;
    while (!this.#stop.signal.aborted) {
      beat.turn();
      try {
        if (this.#stir.takeTurn()) await this.sweepOnce();
      } catch (error) {
        this.#options.logger.error({ error }, 'a sweep failed; trying again');
      }
      await this.#options.clock.sleep(INTERVAL_MS, this.#stop.signal);
    }
    beat.rest();
  }

  /**
   * Takes over what the last process left, before this one starts to work: the embedded database has one process
   * at a time, so every worker in it is dead, however fresh its proof of life.
   */
  async takeOverAll(): Promise<void> {
    await this.#takeOver(this.#options.clock.now() + DEAD_AFTER_MS);
  }

  async #takeOver(aliveSince: number): Promise<void> {
    const { store, clock, logger } = this.#options;
    const lost = await store.transaction(async (db) => {
      const now = clock.now();
      const attempts = await takeOverDeadWorkers(db, new Date(aliveSince));
      const categoryOf = await this.#categories(db, attempts);
      const marked = attempts.map((lost) => ({
        ...lost,
        decideAt: new Date(now + categoryOf(lost).evidenceMs),
      }));
      await markUnknown(db, marked, new Date(now));
      return attempts;
    });
    if (lost.length === 0) return;
    this.#options.metrics?.takenOver.inc(lost.length);
    logger.warn({ count: lost.length }, 'a worker died; what it had under way is unknown now');
    await this.#tell(lost);
  }

  /** The one that died cannot tell how its attempts ended. */
  async #tell(lost: LostAttempt[]): Promise<void> {
    const { store, clock, logger, tracer } = this.#options;
    if (!tracer) return;
    try {
      for (const fact of await loadLostAttempts(store.engine, lost, clock.now())) tracer.attempted(fact);
    } catch (error) {
      logger.warn({ error, count: lost.length }, 'lost attempts could not be traced');
    }
  }

  async #decideUnknown(): Promise<Set<Lane>> {
    const { store, clock, metrics, beat = UNWATCHED } = this.#options;
    const lanes = new Set<Lane>();
    for (let full = true; full && !this.#stop.signal.aborted; await nextTurn()) {
      beat.turn();
      const { undecided, decisions, ladders } = await store.transaction(async (db) => {
        const now = clock.now();
        const undecided = await loadUndecided(db, new Date(now), BATCH);
        const categoryOf = await this.#categories(db, undecided);
        const decisions = undecided.map((delivery) =>
          decideUnknown(delivery, categoryOf(delivery).unknown, now),
        );
        const ladders = await writeDecisions(db, decisions, new Date(now));
        return { undecided, decisions, ladders };
      });
      if (ladders.length > 0) await this.#climb(ladders);
      countDecisions(metrics, undecided, decisions);
      decisions.forEach((decision, i) => {
        if (decision.state === 'queued') lanes.add(undecided[i]!.lane);
      });
      full = undecided.length === BATCH;
    }
    return lanes;
  }

  /** Ladders go on at once where nobody was reached. */
  async #climb(ids: string[]): Promise<void> {
    const { store, clock, wake } = this.#options;
    const priorities = await climbLadders(store, ids, new Date(clock.now()));
    for (const priority of priorities) wake.signal(routeTopic(priority));
  }

  /** What is in force for these rows, read in the same transaction. */
  async #categories(db: Queryable, rows: { tenantId: string }[]) {
    const tenantIds = rows.map(({ tenantId }) => tenantId);
    const byTenant = await this.#options.categories.forTenants(db, tenantIds);
    return ({ tenantId, category }: { tenantId: string; category: string }) =>
      byTenant.get(tenantId)!.of(category);
  }

  async #maintain(): Promise<void> {
    const { store, clock, housekeeping } = this.#options;
    const now = clock.now();
    if (now >= this.#housekeepingAt) {
      this.#housekeepingAt = now + HOUSEKEEPING_EVERY_MS;
      await housekeeping();
    }
    if (now >= this.#partitionsAt) {
      this.#partitionsAt = now + PARTITIONS_EVERY_MS;
      await ensurePartitions(store.engine, now);
    }
  }
}
