import assert from 'node:assert/strict';
import { segmentsOf } from '../../src/audiences/index.ts';
import { registerSegmentRoutes } from '../../src/audiences/segment-routes.ts';
import { insertNotification } from '../../src/ledger/testing.ts';
import type { FakeClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { Router } from '../../src/routing/index.ts';
import {
  createCategories,
  createRules,
  registerCategoryRoutes,
  registerQuietRoutes,
  registerQuotaRoutes,
  tidyCaps,
} from '../../src/rules/index.ts';
import type { Store } from '../../src/store/index.ts';
import { registerUserRoutes } from '../../src/users/index.ts';
import { type Call, serveTwoTenants } from './two-tenants.ts';

const NORMAL = 1;

/** A tenant with two users and the category `offers`, whose messages are routed as they come. */
export interface Capped {
  call: Call;
  callAsTest: Call;
  callAsOther: Call;
  clock: FakeClock;
  /** Forgets all messages, and what was declared of `offers`. */
  clear(): Promise<void>;
  /** Declares `offers`. */
  declare(definition: object): Promise<void>;
  /** Routes so many test messages, of `offers` to ada unless `columns` say else, at the time of the fake clock. */
  send(count: number, request: object, columns?: object): Promise<void>;
  /** Routes what is due. */
  route(): Promise<void>;
  /** How messages fared: `email queued`, `sms capped by offers:sms:hour`. Counted. */
  outcomes(): Promise<Record<string, number>>;
  /** Ends queued deliveries in a state. */
  end(state: string, where?: string): Promise<void>;
  /** Ten seconds later, housekeeping. */
  tidy(): Promise<void>;
  close(): Promise<void>;
}

/** The clock starts at 12:00 UTC, which is 21:00 for ada in Tokyo and 07:00 for bob in New York. */
export async function serveCapped(store: Store): Promise<Capped> {
  let router!: Router;
  const api = await serveTwoTenants(store, (app, { clock, ...deps }) => {
    router = registerAll(app, { ...deps, clock });
  });
  const { call, callAsTest, callAsOther, clock, tenantId, close } = api;
  for (const [name, timezone] of [
    ['ada', 'Asia/Tokyo'],
    ['bob', 'America/New_York'],
  ] as const) {
    const contacts = { email: `${name}@mail.example`, phone: '+4915123456789' };
    await call('PUT', `/v1/users/${name}`, { contacts, timezone });
  }
  const declare = async (definition: object) => {
    const { status } = await call('PUT', '/v1/categories/offers', definition);
    assert.ok(status < 300);
  };
  const route = async () => {
    await router.routeBatch(NORMAL);
  };
  return {
    call,
    callAsTest,
    callAsOther,
    clock,
    declare,
    route,
    close,
    async clear() {
      await store.engine.query(
        'truncate deliveries, notifications, unrouted, postponed, cap_uses, cap_holds',
      );
      await declare({});
    },
    async send(count, request, columns = {}) {
      const at = new Date(clock.now());
      for (let i = 0; i < count; i++)
        await insertNotification(store, tenantId, {
          live: false, // needs no connection
          state: 'accepted',
          category: 'offers',
          request: { message: { title: 'Hello', body: 'World' }, ...request },
          due_at: at,
          created_at: at,
          ...columns,
        });
      await route();
    },
    outcomes: () => countOutcomes(store),
    async end(state, where = 'true') {
      await store.engine.query(`update deliveries set state = $1 where state = 'queued' and ${where}`, [
        state,
      ]);
    },
    async tidy() {
      clock.advance(10_000);
      await tidyCaps({ store, clock });
    },
  };
}

function registerAll(
  app: Parameters<typeof registerCategoryRoutes>[0],
  { store, clock }: { store: Store; clock: FakeClock },
): Router {
  const [rules, categories] = [createRules(clock, { segmentsOf }), createCategories(clock)];
  registerSegmentRoutes(app, { store, clock, wake: { signal() {} } });
  registerCategoryRoutes(app, { store, clock, categories });
  registerQuietRoutes(app, { store, clock, rules });
  registerQuotaRoutes(app, { store, clock, rules });
  registerUserRoutes(app, { store, clock });
  return new Router({
    store,
    clock,
    logger: { ...silentLogger, error: assert.fail } as never,
    templates: { compiled: async () => new Map() },
    connections: { forTenants: async () => new Map() },
    categories,
    rules,
  });
}

async function countOutcomes(store: Store): Promise<Record<string, number>> {
  const { rows } = await store.engine.query('select channel, state, reason, code from deliveries');
  const counts: Record<string, number> = {};
  for (const { channel, state, reason, code } of rows) {
    const outcome = `${channel} ${state === 'skipped' ? `${reason} by ${code}` : state}`;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}
