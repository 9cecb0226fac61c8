import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { type Wake, WakefulLoop } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import type { LoopBeat, Metrics } from '../telemetry/index.ts';
import { AUDIENCES_TOPIC } from './deps.ts';
import { type ImportRow, purgeImports } from './import-store.ts';
import { importChunk } from './import-work.ts';
import { loadAgenda } from './judge-store.ts';
import { applyChanges, dropLeftovers, refreshPage } from './refresh.ts';

/** Between looks for changes of users: segments are behind by as much, and the time that judging takes. */
const POLL_MS = 2_000;
const SHORTEST_REST_MS = 50;
const PURGE_EVERY_MS = 3_600_000;
const PURGE_BATCH = 100;
/** So long it can be seen what became of an import, and its errors. */
const IMPORTS_KEPT_MS = 30 * 24 * 3_600_000;
/** So long the rest of a file is waited for. */
const UNFINISHED_KEPT_MS = 24 * 3_600_000;

export interface AudienceLoopOptions {
  store: Store;
  clock: Clock;
  wake: Pick<Wake, 'on'>;
  logger: Logger;
  metrics?: Pick<Metrics, 'importedRows' | 'segmentPasses'>;
  beat?: LoopBeat;
}

/**
 * What audiences need in the background: imports, a chunk at a time; users who changed, judged anew; passes of segments,
 * a page at a time. Each is a short transaction that keeps its own place, so any number of processes may run it, and a
 * restart goes on.
 */
export class AudienceLoop {
  readonly #options: AudienceLoopOptions;
  readonly #loop: WakefulLoop;
  #purgeAt = 0;
  #passAt: Date | null = null;

  constructor(options: AudienceLoopOptions) {
    this.#options = options;
    const whenFailed = 'work on audiences failed; trying again';
    this.#loop = new WakefulLoop({
      ...options,
      topic: AUDIENCES_TOPIC,
      turn: () => this.#turn(),
      whenFailed,
    });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** One piece of each kind of work, so that none waits for the end of another. False when nothing was done. */
  async step(): Promise<boolean> {
    const { store, clock } = this.#options;
    const agenda = await loadAgenda(store.engine);
    this.#passAt = agenda.passAt;
    const isDue = (at: Date | null) => at !== null && at.getTime() <= clock.now();
    const work: (() => Promise<unknown>)[] = [];
    if (agenda.hasChanges) work.push(() => applyChanges(store, clock.now()));
    if (isDue(agenda.importAt)) work.push(() => this.#import());
    if (isDue(agenda.passAt)) work.push(() => this.#refresh());
    if (agenda.hasLeftovers) work.push(() => dropLeftovers(store));
    let isBusy = false;
    let failure: unknown;
    for (const piece of work) {
      try {
        isBusy = Boolean(await piece()) || isBusy;
      } catch (error) {
        // What one kind of work stumbles over does not hold up the others.
        failure = error;
      }
    }
    if (failure !== undefined) throw failure;
    return isBusy;
  }

  async #import(): Promise<ImportRow | null> {
    const { store, clock, logger, metrics } = this.#options;
    const saved = await importChunk(store, clock.now());
    if (!saved) return null;
    const { row, rows } = saved;
    for (const [outcome, count] of Object.entries(rows))
      if (count > 0) metrics?.importedRows.inc({ outcome }, count);
    if (row.finished_at) {
      logger.info(
        { tenant: row.tenant_id, import: row.id, count: row.rows_read, state: row.state },
        'an import is over',
      );
    }
    return row;
  }

  async #refresh(): Promise<boolean> {
    const { store, clock, logger, metrics } = this.#options;
    const pass = await refreshPage(store, clock.now());
    if (!pass) return false;
    const { segment, isDone } = pass;
    if (isDone) metrics?.segmentPasses.inc({ outcome: 'done' });
    if (segment.problem !== null) {
      metrics?.segmentPasses.inc({ outcome: 'failed' });
      logger.warn({ tenant: segment.tenant_id, error: segment.problem }, 'a segment cannot be judged');
    }
    return true;
  }

  async #turn(): Promise<number> {
    if (await this.step()) return 0;
    await this.#purge();
    return this.#untilNext();
  }

  #untilNext(): number {
    const passMs = this.#passAt === null ? POLL_MS : this.#passAt.getTime() - this.#options.clock.now();
    // What is due and could not be claimed, another process is at.
    return Math.max(SHORTEST_REST_MS, Math.min(POLL_MS, passMs));
  }

  async #purge(): Promise<void> {
    const now = this.#options.clock.now();
    if (now < this.#purgeAt) return;
    const old = {
      before: new Date(now - IMPORTS_KEPT_MS),
      unfinishedBefore: new Date(now - UNFINISHED_KEPT_MS),
      limit: PURGE_BATCH,
    };
    while ((await purgeImports(this.#options.store.engine, old)) === PURGE_BATCH) await nextTurn();
    this.#purgeAt = now + PURGE_EVERY_MS;
  }
}
