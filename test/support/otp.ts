import { registerConfirmRoute } from '../../src/accept/index.ts';
import { registerLedgerRoutes } from '../../src/ledger/index.ts';
import type { FakeClock } from '../../src/lib/clock.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { type OtpEvent, type OtpTools, registerOtpRoutes } from '../../src/otp/index.ts';
import { type Claimed, createPostgresQueue, sealedPlace, Wake } from '../../src/queue/index.ts';
import { Router } from '../../src/routing/index.ts';
import { createCategories, createRules } from '../../src/rules/index.ts';
import type { Store } from '../../src/store/index.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/index.ts';
import { createTemplates, registerTemplateRoutes } from '../../src/templates/index.ts';
import { createSeals } from '../../src/tenants/index.ts';
import { makeMasterKeys } from '../../src/tenants/testing.ts';
import { registerUserRoutes } from '../../src/users/index.ts';
import { type Call, serveTwoTenants } from './two-tenants.ts';

export interface OtpApi {
  tenantId: string;
  clock: FakeClock;
  metrics: Metrics;
  events: OtpEvent[];
  /** Codes are drawn as they are out there, unless a test says which. */
  tools: OtpTools;
  /** With a live and a test key, and a live key of another tenant. */
  live: Call;
  test: Call;
  other: Call;
  /** Sends a code with the test key, which must succeed. Returns its id. */
  send(body: object): Promise<string>;
  /** The code of the latest message, as only its recipient would see it. */
  codeOf(id: string): Promise<string>;
  /** Routes what is due, and starts attempts of what is queued. Returns what was started. */
  start(): Promise<Claimed[]>;
  close(): Promise<void>;
}

/** A code of the same length that is another one. */
export function wrong(code: string): string {
  return code.replace(/.$/, (last) => String((Number(last) + 1) % 10));
}

export async function serveOtp(store: Store): Promise<OtpApi> {
  const events: OtpEvent[] = [];
  const metrics = createMetrics();
  const seals = createSeals({ masterKeys: makeMasterKeys() });
  const wake = new Wake();
  let router!: Router;
  let tools!: OtpTools;
  const api = await serveTwoTenants(store, (app, { clock }) => {
    const [rules, categories] = [createRules(clock), createCategories(clock)];
    const templates = createTemplates({ store, clock });
    const shared = { store, clock, wake, categories, templates };
    const connections = { forTenants: async () => new Map() };
    router = new Router({ ...shared, rules, connections, logger: silentLogger });
    const onEvent = async (_db: unknown, event: OtpEvent) => {
      events.push(event);
    };
    tools = { ...shared, seals, metrics, onEvent };
    registerOtpRoutes(app, tools);
    registerUserRoutes(app, { store, clock });
    registerLedgerRoutes(app, shared);
    registerConfirmRoute(app, shared);
    registerTemplateRoutes(app, { ...shared, usesOf: async () => new Map() } as never);
  });
  const { tenantId, clock, call: live, callAsTest: test, callAsOther: other, close } = api;
  const queue = createPostgresQueue(store.engine, clock);
  const codeOf = async (id: string) => {
    const { rows } = await store.engine.query(
      `select n.id, n.request from otps o join notifications n on n.id = o.notification_id where o.id = $1`,
      [id],
    );
    const [{ id: notificationId, request }] = rows;
    const place = sealedPlace({ tenantId, notificationId });
    const [opened] = await seals.open(store.engine, [{ place, sealed: request.sealed }]);
    return opened!.code!;
  };
  return {
    tenantId,
    clock,
    metrics,
    events,
    tools,
    live,
    test,
    other,
    codeOf,
    close,
    async send(body) {
      const answer = await test('POST', '/v1/otp', body);
      if (answer.status !== 201) throw new Error(JSON.stringify(answer));
      return answer.body.id;
    },
    async start() {
      for (const priority of [0, 1, 2]) while ((await router.routeBatch(priority)).count > 0);
      const { rows } = await store.engine.query(
        "select distinct lane, connection from deliveries where tenant_id = $1 and state = 'queued'",
        [tenantId],
      );
      const started: Claimed[] = [];
      for (const { lane, connection } of rows) {
        const turns = [{ tenantId, connection, count: 100 }];
        started.push(...(await queue.claim(lane, uuidv7(clock.now()), turns)).deliveries);
      }
      return started;
    },
  };
}
