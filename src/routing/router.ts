import { type Lane, PRIORITY_CODES } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { holdPlaces } from '../rules/index.ts';
import { FIRST_ID, type Queryable, type Store } from '../store/index.ts';
import { type Metrics, type Tracer, traceIdOf } from '../telemetry/index.ts';
import { type Collected, saveCollected } from './collect.ts';
import { countBatch } from './counts.ts';
import { type FactSources, type Facts, loadFacts } from './facts.ts';
import { heedCaps } from './heed-caps.ts';
import { climbOverCapped } from './ladder.ts';
import { type NotificationPlan, planNotification } from './plan-notification.ts';
import { deletePostponed, insertPostponed, type Postponement } from './postponed-store.ts';
import { loadStopped } from './stopped.ts';
import {
  claimForRouting,
  type DeliveryRow,
  failNotifications,
  insertDeliveries,
  type RoutableRow,
} from './store.ts';
import { routeFacts } from './trace.ts';
import { shareTurns } from './turns.ts';

const BATCH = 500;
const FIRST_TENANT = FIRST_ID;

export interface RouterOptions extends FactSources {
  store: Store;
  clock: Clock;
  logger: Logger;
  metrics?: Metrics;
  tracer?: Tracer;
}

/** What one batch brought: how many notifications, and the lanes that have work now. */
export interface Routed {
  count: number;
  lanes: Set<Lane>;
  opensDigest: boolean;
  /** The first due time of the batch (ms since the epoch), if the batch is a fair sample of all that is due. */
  oldest?: number | null;
}

/** Turns accepted notifications into deliveries, a batch per transaction. */
export class Router {
  readonly #options: RouterOptions;
  /** Where the fair round among tenants goes on, by priority. */
  readonly #cursors = [FIRST_TENANT, FIRST_TENANT, FIRST_TENANT];

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /**
   * Routes the next batch of one priority (0 high, 1 normal, 2 low) out of what is due since `since` (ms since the
   * epoch); `count` 0 when there is nothing.
   */
  async routeBatch(priority: number, since = 0): Promise<Routed> {
    // Turns that bring nothing are gone through until one does, or the whole round was looked at from its beginning.
    for (let isFromStart = false; ; ) {
      const cursor = this.#cursors[priority]!;
      isFromStart ||= cursor === FIRST_TENANT;
      const { goOnBehind, oldest, ...routed } = await this.#routeTurn(priority, since, cursor);
      this.#cursors[priority] = goOnBehind ?? FIRST_TENANT;
      if (routed.count === 0 && !(isFromStart && goOnBehind === null)) continue;
      // A part of the tenants says nothing about the others.
      const sawAll = cursor === FIRST_TENANT && goOnBehind === null;
      return { ...routed, oldest: sawAll ? oldest : null };
    }
  }

  async #routeTurn(priority: number, since: number, cursor: string) {
    const { store, clock } = this.#options;
    const startedAt = performance.now();
    const routed = await store.transaction(
      async (db) => {
        const now = clock.now();
        const { rows, goOnBehind } = await claimForRouting(db, {
          priority,
          since: new Date(since),
          now: new Date(now),
          cursor,
          limit: BATCH,
        });
        const oldest = rows.reduce((first, row) => Math.min(first, row.dueAt.getTime()), now);
        return { count: rows.length, goOnBehind, oldest, ...(await this.plan(db, rows, now)) };
      },
      { isHigh: priority === PRIORITY_CODES.high },
    );
    this.tell(routed, performance.now() - startedAt);
    return routed;
  }

  /** Loads what the whole batch needs, decides each notification, writes all deliveries. */
  async plan(db: Queryable, rows: RoutableRow[], now: number): Promise<Planned> {
    if (rows.length === 0)
      return {
        rows,
        deliveries: [],
        postponed: [],
        collected: [],
        failures: [],
        lanes: new Set(),
        opensDigest: false,
        startedAt: now,
      };
    const stopped = await loadStopped(db, rows);
    const facts = await loadFacts(this.#options, db, { rows, stopped });
    const plans: NotificationPlan[] = [];
    const failures: Planned['failures'] = [];
    for (const row of rows) {
      try {
        const planned = planNotification(row, facts, now);
        this.#takeProbes(row, planned.deliveries, facts);
        plans.push(planned);
      } catch (error) {
        // A row that breaks the decision must not stop the others.
        const trace = traceIdOf(row.id, row.request.trace);
        this.#options.logger.error(
          { error, notification: row.id, tenant: row.tenantId, trace },
          'a notification could not be routed',
        );
        failures.push({ id: row.id, reason: 'internal_error' });
      }
    }
    const collected = plans.flatMap((plan) => plan.collected ?? []);
    const opensDigest = await saveCollected(db, collected, now);
    const { deliveries, holds } = await heedCaps(db, plans, now);
    const waiting = plans.flatMap((plan) => plan.postponed);
    const postponed = shareTurns(climbOverCapped(waiting, deliveries, now));
    await deletePostponed(db, rows);
    await insertPostponed(db, postponed);
    await insertDeliveries(db, deliveries);
    await holdPlaces(db, holds, now);
    await failNotifications(db, failures, new Date(now));
    const lanes = lanesOf(deliveries);
    return { rows, deliveries, postponed, collected, failures, lanes, opensDigest, startedAt: now };
  }

  /** Counts and traces what was planned, once its transaction is committed; `ms` is how long that took. */
  tell(planned: Planned, ms = this.#options.clock.now() - planned.startedAt): void {
    const { clock, metrics, tracer } = this.#options;
    countBatch(metrics, planned, ms);
    if (!tracer) return;
    for (const fact of routeFacts(planned, clock.now())) tracer.routed(fact);
  }

  /** One message is enough to try a connection again: the rest of the batch goes elsewhere. */
  #takeProbes({ tenantId, live }: RoutableRow, planned: DeliveryRow[], facts: Facts): void {
    const candidates = facts.candidates.get(`${tenantId}/${live}`) ?? [];
    for (const candidate of candidates) {
      if (!candidate.standing?.probe || !planned.some(({ connection }) => connection === candidate.id))
        continue;
      candidate.standing = { ...candidate.standing, probe: false };
      const connection = facts.connections.get(tenantId)?.find(({ id }) => id === candidate.id);
      if (connection) this.#options.standings?.takeProbe(connection);
    }
  }
}

/** What the decisions of a batch came to. */
export interface Planned {
  rows: RoutableRow[];
  deliveries: DeliveryRow[];
  postponed: Postponement[];
  /** What waits in digests from now on. */
  collected: Collected[];
  failures: { id: string; reason: string }[];
  /** The lanes that have work now. */
  lanes: Set<Lane>;
  /** Somebody must close it in time. */
  opensDigest: boolean;
  startedAt: number;
}

function lanesOf(deliveries: DeliveryRow[]): Set<Lane> {
  return new Set(
    deliveries.filter((delivery) => delivery.state === 'queued').map((delivery) => delivery.lane),
  );
}
