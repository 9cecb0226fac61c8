import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { Lru } from '../lib/lru.ts';
import { isDataError } from '../store/index.ts';
import { type Metrics, Tally } from '../telemetry/index.ts';
import { BURST_MS, isBurst, mayBeBurst } from '../visits/index.ts';
import type { Visit } from './visit.ts';

export interface VisitLineOptions {
  /** Writes a batch down; rejects when the database is away. */
  apply(visits: readonly Visit[]): Promise<void>;
  clock: Clock;
  logger: Logger;
  metrics?: Metrics;
  /** Visits that may wait; more are lost, and counted. */
  maxWaiting?: number;
}

const MAX_WAITING = 10_000;
const MAX_BATCH = 500;
const GATHER_MS = 250;
const AFTER_ERROR_MS = 1_000;
const BURSTS_KEPT = 10_000;

/**
 * Visits that were answered and wait to be written down, in memory: what comes is never held up by the database, and
 * what does not fit is lost. Clicks in a message that is still on its way wait five seconds, until it is known whether
 * somebody tries all its links.
 */
export class VisitLine {
  readonly #options: VisitLineOptions;
  readonly #maxWaiting: number;
  #waiting: Visit[] = [];
  /** Messages whose links a scanner tries, and when it last did. */
  readonly #bursts = new Lru<number>(BURSTS_KEPT);
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: VisitLineOptions) {
    this.#options = options;
    this.#maxWaiting = options.maxWaiting ?? MAX_WAITING;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Returns at once. */
  add(visit: Visit): void {
    if (this.#waiting.length >= this.#maxWaiting || this.#closing.signal.aborted) {
      this.#options.metrics?.visitsLost.inc({ reason: 'overloaded' });
      return;
    }
    this.#waiting.push(visit);
    this.#running ??= this.#run();
  }

  /** Writes down what waits, with one try for each batch. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    while (this.#waiting.length > 0) {
      await clock.sleep(GATHER_MS, signal);
      const isLast = signal.aborted;
      const batch = this.#take(isLast ? Number.POSITIVE_INFINITY : clock.now());
      if (batch.length > 0) await this.#write(batch, isLast);
    }
    // In the same turn as the last look at the line: what comes next starts anew.
    this.#running = null;
  }

  /** What the database refuses is lost alone: halves are tried until only that is left. */
  async #write(batch: Visit[], isLast: boolean): Promise<void> {
    const { clock, logger, metrics } = this.#options;
    try {
      await this.#options.apply(batch);
      countVisits(metrics, batch);
    } catch (error) {
      logger.warn({ error }, 'visits could not be written down');
      if (isDataError(error) && batch.length > 1) {
        const middle = batch.length >> 1;
        await this.#write(batch.slice(0, middle), isLast);
        await this.#write(batch.slice(middle), isLast);
      } else if (isLast || isDataError(error)) {
        metrics?.visitsLost.inc({ reason: 'failed' }, batch.length);
      } else {
        this.#waiting = [...batch, ...this.#waiting];
        await clock.sleep(AFTER_ERROR_MS, this.#closing.signal);
      }
    }
  }

  /** What needs no more waiting at this moment, with the last word on who it was. */
  #take(now: number): Visit[] {
    this.#judgeBursts();
    const isDue = (visit: Visit) => !isYoungClick(visit) || visit.at + BURST_MS <= now;
    const due = this.#waiting.filter(isDue).slice(0, MAX_BATCH);
    const taken = new Set(due);
    this.#waiting = this.#waiting.filter((visit) => !taken.has(visit));
    return due;
  }

  #judgeBursts(): void {
    const clicks = Map.groupBy(this.#waiting.filter(isYoungClick), ({ tracked }) => tracked.deliveryId);
    for (const [deliveryId, group] of clicks) {
      const last = this.#bursts.get(deliveryId);
      const follows = last !== undefined && group[0]!.at - last <= BURST_MS;
      if (!follows && !isBurst(group.map(({ tracked: { link }, at }) => ({ link, at })))) continue;
      for (const visit of group)
        if (visit.verdict.who === 'person') visit.verdict = { who: 'machine', why: 'burst' };
      this.#bursts.set(deliveryId, Math.max(...group.map(({ at }) => at)));
    }
  }
}

function isYoungClick({ tracked, at }: Visit): boolean {
  return mayBeBurst({ kind: tracked.kind, at }, tracked);
}

function countVisits(metrics: Metrics | undefined, visits: readonly Visit[]): void {
  if (!metrics) return;
  const counted = new Tally(metrics.visits, 'source', 'by');
  for (const { tracked, verdict } of visits) counted.add(tracked.kind, verdict.who);
  counted.flush();
}
