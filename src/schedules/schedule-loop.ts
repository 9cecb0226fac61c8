import { countAccepted } from '../accept/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { routeTopic, untilDue, type Wake, WakefulLoop } from '../queue/index.ts';
import type { Categories } from '../rules/index.ts';
import { isDataError, type Store } from '../store/index.ts';
import { kindOf, type LoopBeat, type Metrics, Tally } from '../telemetry/index.ts';
import { type Fired, fireDue } from './firing.ts';
import { failed } from './plan.ts';
import { graceMsOf } from './schedule.ts';
import { loadNextSend, postponeSend, purgeSends, type SendRow } from './send-store.ts';
import { sendPage } from './sending.ts';
import { loadNextAt, purgeSchedules, type ScheduleRow, saveProgress } from './store.ts';

/** Told when schedules were made or changed. */
export const SCHEDULES_TOPIC = 'schedules';

const BATCH = 100;
const AFTER_FAILED_PAGE_MS = 5_000;
const PURGE_EVERY_MS = 3_600_000;
const PURGE_BATCH = 10_000;
/** So long it is on record what fired, and schedules that are over are kept. */
export const KEPT_MS = 90 * 24 * 3_600_000;

export interface ScheduleLoopOptions {
  store: Store;
  clock: Clock;
  wake: Wake;
  logger: Logger;
  categories: Pick<Categories, 'forTenants'>;
  metrics?: Metrics;
  beat?: LoopBeat;
}

/**
 * Fires schedules when they are due, and sleeps until the next one is. Any number of processes may run it: what one has
 * locked the others pass over, and whatever a transaction did not commit has not happened.
 */
export class ScheduleLoop {
  readonly #options: ScheduleLoopOptions;
  readonly #loop: WakefulLoop;
  #purgeAt = 0;

  constructor(options: ScheduleLoopOptions) {
    this.#options = options;
    const whenFailed = 'firing schedules failed; trying again';
    this.#loop = new WakefulLoop({
      ...options,
      topic: SCHEDULES_TOPIC,
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

  /** One transaction. Returns how many schedules it dealt with. */
  async step(): Promise<number> {
    try {
      return await this.#fire(BATCH);
    } catch (error) {
      if (!isDataError(error)) throw error;
      this.#options.logger.warn({ error }, 'the database refused what schedules sent; going one by one');
      return this.#fireOne();
    }
  }

  /** A page of users of an audience that an occurrence is for. False when there is none, or another process is at it. */
  async sendPage(): Promise<boolean> {
    const { store, clock, categories, wake, logger, metrics } = this.#options;
    const now = clock.now();
    let claimed: SendRow | undefined;
    const onClaimed = (send: SendRow) => {
      claimed = send;
    };
    const sent = await store
      .transaction((db) => sendPage(db, { categories, now, onClaimed }))
      .catch(async (error) => {
        // It waits, so that it holds up no other.
        const send = claimed;
        const dueAt = new Date(now + AFTER_FAILED_PAGE_MS);
        if (send) await store.transaction((db) => postponeSend(db, send, dueAt));
        throw error;
      });
    if (!sent) return false;
    const { rows, send } = sent;
    if (send.problem !== null) {
      logger.warn(
        { tenant: send.tenant_id, error: send.problem },
        'an occurrence did not reach its audience',
      );
    }
    if (metrics) countAccepted(metrics, rows);
    for (const priority of new Set(rows.map((row) => row.priority))) wake.signal(routeTopic(priority));
    return true;
  }

  async #fire(limit: number, onClaimed?: (schedules: ScheduleRow[]) => void): Promise<number> {
    const { store, clock, categories, wake } = this.#options;
    const now = clock.now();
    const fired = await store.transaction((db) => fireDue(db, { categories, now, limit, onClaimed }));
    this.#report(fired, now);
    const priorities = new Set(fired.rows.map(({ priority }) => priority));
    for (const priority of priorities) wake.signal(routeTopic(priority));
    return fired.plans.length;
  }

  /** The first that is due; if the database refuses what it sends, it has failed and stops nobody else. */
  async #fireOne(): Promise<number> {
    const { store, clock, logger } = this.#options;
    let claimed: ScheduleRow | undefined;
    try {
      return await this.#fire(1, ([first]) => {
        claimed = first;
      });
    } catch (error) {
      if (!claimed || !isDataError(error)) throw error;
      const progress = failed(claimed, 'The database refused its notification', clock.now());
      await saveProgress(store.engine, [progress]);
      logger.error({ error, tenant: claimed.tenant_id }, 'a schedule failed and has ended');
      return 1;
    }
  }

  #report({ plans, firings, rows }: Fired, now: number): void {
    const { metrics, logger } = this.#options;
    for (const { progress } of plans) {
      if (progress.state === 'failed')
        logger.error(
          { tenant: progress.schedule.tenant_id, error: progress.problem },
          'a schedule failed and has ended',
        );
    }
    if (!metrics) return;
    const occurrences = new Tally(metrics.occurrences, 'outcome', 'kind');
    for (const { schedule, occurrence, outcome } of firings) {
      const lagMs = now - occurrence.at;
      const isLate = lagMs > graceMsOf(schedule.definition);
      occurrences.add(outcome === 'fired' && isLate ? 'late' : outcome, kindOf(schedule.live));
      if (outcome === 'fired') metrics.scheduleLag.observe(lagMs / 1000);
    }
    occurrences.flush();
    const missed = new Tally(metrics.schedulesMissed, 'kind');
    for (const { isMissed, progress } of plans) if (isMissed) missed.add(kindOf(progress.schedule.live));
    missed.flush();
    countAccepted(metrics, rows);
  }

  async #turn(): Promise<number> {
    const { store, clock } = this.#options;
    const nextAt = await loadNextAt(store.engine);
    const lookedAt = clock.now();
    const isDue = (at: Date | null) => at !== null && at.getTime() <= lookedAt;
    if (isDue(nextAt) && (await this.step()) > 0) return 0;
    const sendAt = await loadNextSend(store.engine);
    if (isDue(sendAt) && (await this.sendPage())) return 0;
    await this.#purge();
    return untilDue(this.#options, { times: [nextAt, sendAt], lookedAt });
  }

  async #purge(): Promise<void> {
    const now = this.#options.clock.now();
    if (now < this.#purgeAt) return;
    await purgeSchedules(this.#options.store.engine, new Date(now - KEPT_MS), PURGE_BATCH);
    await purgeSends(this.#options.store.engine, new Date(now - KEPT_MS), PURGE_BATCH);
    this.#purgeAt = now + PURGE_EVERY_MS;
  }
}
