import assert from 'node:assert/strict';
import { createGroupCommit, registerAcceptRoutes, registerChangeRoutes } from '../../src/accept/index.ts';
import { DigestLoop, registerDigestRoutes } from '../../src/digests/index.ts';
import { loadNextAt } from '../../src/digests/store.ts';
import type { Server } from '../../src/http/index.ts';
import { reconcile, registerLedgerRoutes } from '../../src/ledger/index.ts';
import type { FakeClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { Wake } from '../../src/queue/index.ts';
import { Router } from '../../src/routing/index.ts';
import { createCategories, createRules, registerRuleRoutes } from '../../src/rules/index.ts';
import { schedulesUsing } from '../../src/schedules/index.ts';
import { ensurePartitions, type Store } from '../../src/store/index.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/index.ts';
import { createTemplates, registerTemplateRoutes } from '../../src/templates/index.ts';
import { registerUserRoutes } from '../../src/users/index.ts';
import { serveTwoTenants, type TwoTenants } from './two-tenants.ts';

/** For tests: the front door, routing and the loop over digests of a tenant with the users ada, bob and cyd, on one clock. */
export interface DigestBench {
  api: TwoTenants;
  wake: Wake;
  metrics: Metrics;
  router: Router;
  newLoop(store?: Store): DigestLoop;
  /** Sends a test notification to ada and routes it. Answers its id. */
  send(body: object): Promise<string>;
  /** Routes all that is due. */
  route(): Promise<void>;
  /** Closes what is due up to a time, each at its moment, and routes what comes of it. */
  runUntil(time: string): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
  see(id: string): Promise<any>;
  /** Notifications that are digests, in the order in which they were closed. */
  digests(): Promise<{ user_id: string; category: string; at: string; request: Request }[]>;
  /** What must never be. */
  findings(): Promise<unknown[]>;
  setTo(time: string): Promise<void>;
  clear(): Promise<void>;
}

interface Request {
  channels?: string[];
  message?: { title?: string; body?: string };
  template?: { id: string; variables: { events: Record<string, unknown>[]; count: number } };
  carries: { digestId: string; events: number };
}

export async function openDigestBench(store: Store): Promise<DigestBench> {
  const wake = new Wake();
  const metrics = createMetrics();
  let parts!: ReturnType<typeof registerAll>;
  const api = await serveTwoTenants(store, (app, { clock }) => {
    parts = registerAll(app, { store, clock, wake, metrics });
  });
  const { clock } = api;
  for (const name of ['ada', 'bob', 'cyd'])
    await api.call('PUT', `/v1/users/${name}`, { contacts: { email: `${name}@mail.example` } });
  const loopOn = (on = store) =>
    new DigestLoop({ store: on, clock, wake, logger: silentLogger, metrics, ...parts });
  const loop = loopOn();
  const setTo = async (time: string) => {
    clock.advance(Date.parse(time) - clock.now());
    await ensurePartitions(store.engine, clock.now());
  };
  const route = async () => {
    for (const priority of [0, 1, 2]) while ((await parts.router.routeBatch(priority)).count > 0);
  };
  return {
    api,
    wake,
    metrics,
    router: parts.router,
    newLoop: loopOn,
    route,
    setTo,
    async send(body) {
      const { status, body: answer } = await api.callAsTest('POST', '/v1/notifications', {
        userId: 'ada',
        ...body,
      });
      assert.equal(status, 202, JSON.stringify(answer));
      await route();
      return answer.id;
    },
    async runUntil(time) {
      for (;;) {
        const nextAt = await loadNextAt(store.engine);
        if (!nextAt || nextAt.getTime() > Date.parse(time)) break;
        await setTo(new Date(Math.max(nextAt.getTime(), clock.now())).toISOString());
        assert.ok((await loop.step()) > 0);
        await route();
      }
      await setTo(time);
    },
    see: async (id) => (await api.callAsTest('GET', `/v1/notifications/${id}`)).body,
    async digests() {
      const { rows } = await store.engine.query(
        `select user_id, category, created_at, request from notifications where request ? 'carries' order by id`,
      );
      return rows.map(({ created_at, ...row }) => ({ ...row, at: created_at.toISOString().slice(0, 19) }));
    },
    findings: async () => (await reconcile(store.engine, new Date(0))).findings,
    async clear() {
      await store.engine.query(
        'truncate digests, digest_events, deliveries, notifications, unrouted, postponed, counters, idempotency_keys, cap_uses, cap_holds, categories',
      );
      parts.categories.forget(api.tenantId);
    },
  };
}

function registerAll(app: Server, deps: { store: Store; clock: FakeClock; wake: Wake; metrics: Metrics }) {
  const { store, clock, wake, metrics } = deps;
  const [rules, categories] = [createRules(clock), createCategories(clock)];
  const templates = createTemplates({ store, clock });
  const commit = createGroupCommit(store.acceptBulk, clock, { maxWaiting: 1_000, concurrency: 1 });
  const commits = { high: commit, bulk: commit };
  registerAcceptRoutes(app, { ...deps, templates, categories, commits, idempotencyMs: 86_400_000 });
  registerChangeRoutes(app, { ...deps, templates });
  registerLedgerRoutes(app, { store, clock, wake });
  registerRuleRoutes(app, { store, clock, categories, rules });
  registerTemplateRoutes(app, { store, clock, templates, usesOf: schedulesUsing });
  registerDigestRoutes(app, { store });
  registerUserRoutes(app, { store, clock });
  const router = new Router({
    store,
    clock,
    logger: silentLogger,
    templates,
    connections: { forTenants: async () => new Map() },
    categories,
    rules,
    metrics,
  });
  return { categories, templates, router };
}
