import { type Lane, PRIORITY_CODES } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import {
  type Categories,
  holdPlaces,
  type Ruled,
  type Rules,
  type TenantCategories,
} from '../rules/index.ts';
import type { Queryable, Store } from '../store/index.ts';
import { type Metrics, type Tracer, traceIdOf } from '../telemetry/index.ts';
import type { Templates } from '../templates/index.ts';
import type { Connections } from '../tenants/index.ts';
import { loadRecipients, type Recipients } from '../users/index.ts';
import { liveCandidates, type Standings, testCandidates } from './candidates.ts';
import { type Collected, digestFor, saveCollected } from './collect.ts';
import { countBatch } from './counts.ts';
import type { Candidate } from './decide.ts';
import { type Explanation, explain } from './explain.ts';
import { heedCaps } from './heed-caps.ts';
import { type Facts, type NotificationPlan, planNotification, templateIdOf } from './plan-notification.ts';
import { deletePostponed, insertPostponed, type Postponement } from './postponed-store.ts';
import {
  claimForRouting,
  type DeliveryRow,
  failNotifications,
  insertDeliveries,
  type RoutableRow,
} from './store.ts';
import { routeFacts } from './trace.ts';

const BATCH = 500;
const FIRST_TENANT = '00000000-0000-0000-0000-000000000000';

export interface RouterOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  templates: Pick<Templates, 'compiled'>;
  connections: Pick<Connections, 'forTenants'>;
  categories: Pick<Categories, 'forTenants'>;
  rules: Pick<Rules, 'forUsers'>;
  metrics?: Metrics;
  tracer?: Tracer;
  /** Without it all connections count as healthy. */
  standings?: Standings;
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
    const facts = await this.#loadFacts(db, rows);
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
    const postponed = plans.flatMap((plan) => plan.postponed);
    const collected = plans.flatMap((plan) => plan.collected ?? []);
    const opensDigest = await saveCollected(db, collected, now);
    const { deliveries, holds } = await heedCaps(db, plans, now);
    await deletePostponed(db, rows);
    await insertPostponed(db, postponed);
    await insertDeliveries(db, deliveries);
    await holdPlaces(db, holds, now);
    await failNotifications(db, failures);
    const lanes = lanesOf(deliveries);
    return { rows, deliveries, postponed, collected, failures, lanes, opensDigest, startedAt: now };
  }

  /** What would become of a notification at `now`; changes nothing. */
  async explain(row: RoutableRow, now: number): Promise<Explanation> {
    return explain(row, await this.#loadFacts(this.#options.store.engine, [row]), now);
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

  async #loadFacts(db: Queryable, rows: RoutableRow[]): Promise<Facts> {
    const recipients = await loadRecipients(
      db,
      rows.map((row) => ({ tenantId: row.tenantId, externalId: row.userId })),
    );
    const tenantIds = [...new Set(rows.map((row) => row.tenantId))];
    const connections = await this.#options.connections.forTenants(db, tenantIds);
    const wanted = rows.flatMap((row) => {
      const id = templateIdOf(row);
      return id === undefined ? [] : [{ tenantId: row.tenantId, id }];
    });
    const templates = wanted.length > 0 ? await this.#options.templates.compiled(db, wanted) : new Map();
    const candidates = new Map<string, Candidate[]>();
    for (const tenantId of tenantIds) {
      const configured = connections.get(tenantId) ?? [];
      candidates.set(`${tenantId}/true`, liveCandidates(configured, this.#options.standings));
      candidates.set(`${tenantId}/false`, testCandidates(configured));
    }
    const categories = await this.#options.categories.forTenants(db, tenantIds);
    const rules = await this.#options.rules.forUsers(db, whoGetsWhat(rows, recipients, categories));
    return { recipients, connections, candidates, templates, categories, rules };
  }
}

function whoGetsWhat(
  rows: RoutableRow[],
  recipients: Map<string, Recipients>,
  categories: Map<string, TenantCategories>,
): Ruled[] {
  return rows.flatMap((row) => {
    const { tenantId, userId } = row;
    const user = recipients.get(`${tenantId}/${userId}`)?.user;
    const category = categories.get(tenantId)!.of(row.category);
    const needsClock = digestFor(row, category, null)?.window.at !== undefined;
    return user ? [{ user, category, needsClock }] : [];
  });
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
