import assert from 'node:assert/strict';
import {
  createGroupCommit,
  registerAcceptRoutes,
  registerChangeRoutes,
  registerConfirmRoute,
  registerExplainRoutes,
} from '../../src/accept/index.ts';
import { Sweep } from '../../src/delivery/index.ts';
import { Recorder } from '../../src/delivery/recorder.ts';
import type { Settlement } from '../../src/delivery/settle.ts';
import { registerInboxRoutes } from '../../src/inbox/index.ts';
import { reconcile, registerLedgerRoutes } from '../../src/ledger/index.ts';
import { type Clock, type FakeClock, sleep } from '../../src/lib/clock.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import type { Receipt, ReceiptEvent } from '../../src/providers/index.ts';
import { type Claimed, createPostgresQueue, Wake } from '../../src/queue/index.ts';
import { Router } from '../../src/routing/index.ts';
import {
  createCategories,
  createRules,
  registerCategoryRoutes,
  registerQuietRoutes,
} from '../../src/rules/index.ts';
import type { Store } from '../../src/store/index.ts';
import { applyReceipts } from '../../src/tracking/index.ts';
import { registerUserRoutes } from '../../src/users/index.ts';
import { type Answer, serveTwoTenants } from './two-tenants.ts';

const PRIORITIES = [0, 1, 2];
const SETTLED: Settlement = {
  state: 'sent',
  reason: null,
  code: null,
  dueAt: null,
  decideAt: null,
  retries: 0,
  moveTo: null,
  providerMessageId: null,
  effect: null,
  choice: null,
};

/** A tenant whose user ada has an address on every channel, with all that a ladder touches; test notifications only. */
export interface Laddered {
  tenantId: string;
  clock: FakeClock;
  router: Router;
  wake: Wake;
  call(method: string, url: string, payload?: unknown): Promise<Answer>;
  callAsOther(method: string, url: string, payload?: unknown): Promise<Answer>;
  /** Accepts a notification to ada. Returns its id. */
  notify(body: object): Promise<string>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the API answers
  see(id: string): Promise<any>;
  /** What became of each channel, in the order in which they came: `0 email sent`, with the reason of what was not. */
  story(id: string): Promise<string[]>;
  /** Routes what is due, batch by batch, until nothing is. */
  route(): Promise<void>;
  /** Claims what is queued on a channel and is due, and ends each attempt like this. Returns the ids. */
  send(channel: string, end?: Partial<Settlement>): Promise<string[]>;
  /** Claims what is queued on a channel, and leaves it under way. */
  claim(channel: string): Promise<Claimed[]>;
  record(claimed: Claimed[], end?: Partial<Settlement>): Promise<void>;
  /** A vendor reports on what was sent on a channel. */
  report(id: string, channel: string, event: ReceiptEvent): Promise<void>;
  /** The same for one delivery. */
  receive(deliveryId: string, event: ReceiptEvent): Promise<void>;
  /** One round of the sweep, which decides on unknown outcomes. */
  sweep(): Promise<unknown>;
  /** Whom something wakes. */
  heard(work: () => Promise<unknown>): Promise<string[]>;
  findings(): Promise<unknown[]>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function serveLaddered(store: Store): Promise<Laddered> {
  let router!: Router;
  const wake = new Wake();
  const api = await serveTwoTenants(store, (app, { clock, ...deps }) => {
    const [rules, categories] = [createRules(clock), createCategories(clock)];
    const options = { ...deps, clock, wake, rules, categories };
    const templates = { refusal: async () => null, compiled: async () => new Map() };
    const line = createGroupCommit(store.acceptBulk, clock, { maxWaiting: 100, concurrency: 1 });
    const connections = { forTenants: async () => new Map() };
    router = new Router({
      ...options,
      logger: { ...silentLogger, error: assert.fail } as never,
      templates,
      connections,
    });
    registerAcceptRoutes(app, {
      ...options,
      templates,
      commits: { high: line, bulk: line },
      idempotencyMs: 1_000,
    });
    registerChangeRoutes(app, { ...options, templates });
    registerConfirmRoute(app, options);
    registerExplainRoutes(app, { ...options, templates, connections });
    registerLedgerRoutes(app, options);
    registerInboxRoutes(app, options);
    registerUserRoutes(app, options);
    registerQuietRoutes(app, options);
    registerCategoryRoutes(app, options);
  });
  const { tenantId, clock, callAsTest: call, callAsOther, close } = api;
  const contacts = {
    email: 'ada@mail.example',
    phone: '+4915123456789',
    webhook: 'https://ada.example/hook',
  };
  await call('PUT', '/v1/users/ada', { contacts });
  // The time of the tests, and sleeps that end: results are gathered for some milliseconds.
  const recording: Clock = { now: () => clock.now(), sleep };
  const recorder = new Recorder({ store, clock: recording, logger: silentLogger, wake });
  const queue = createPostgresQueue(store.engine, clock);
  const sweep = new Sweep({
    store,
    clock,
    wake,
    logger: silentLogger,
    categories: createCategories(clock),
    housekeeping: async () => {},
  });

  const see = async (id: string) => (await call('GET', `/v1/notifications/${id}`)).body;
  const claim = async (channel: string) => {
    const { rows } = await store.engine.query(
      "select distinct lane, connection from deliveries where tenant_id = $1 and channel = $2 and state = 'queued'",
      [tenantId, channel],
    );
    const turns = rows.map(({ lane, connection }) =>
      queue.claim(lane, uuidv7(clock.now()), [{ tenantId, connection, count: 100 }]),
    );
    return (await Promise.all(turns)).flatMap(({ deliveries }) => deliveries);
  };
  const record = async (claimed: Claimed[], end: Partial<Settlement> = {}) => {
    const now = clock.now();
    const shared = { detail: null, startedAt: now, latencyMs: 0, finishedAt: now };
    const inboxItem = { title: 'Hello', body: 'World', actions: [], data: {} };
    await Promise.all(
      claimed.map((each) =>
        recorder.record({
          ...shared,
          claimed: each,
          settlement: { ...SETTLED, ...end },
          outcome: end.state === undefined ? 'accepted' : 'rejected',
          ...(each.channel === 'inbox' && { inboxItem }),
        }),
      ),
    );
    await recorder.drained();
  };
  const receive = async (deliveryId: string, event: ReceiptEvent) => {
    const { rows } = await store.engine.query('select connection from deliveries where id = $1', [
      deliveryId,
    ]);
    const from = { tenantId, connection: rows[0].connection, now: clock.now() };
    const receipt = { event, deliveryId, at: clock.now(), eventKey: event } as Receipt;
    await store.transaction((db) => applyReceipts(db, from, [receipt]));
  };
  return {
    tenantId,
    clock,
    router,
    wake,
    call,
    callAsOther,
    see,
    claim,
    record,
    close,
    async notify(body) {
      const message = { title: 'Hello', body: 'World' };
      const answer = await call('POST', '/v1/notifications', { userId: 'ada', message, ...body });
      assert.equal(answer.status, 202, JSON.stringify(answer.body));
      // Turns that are brought forward are never those of the notification itself.
      clock.advance(1);
      return answer.body.id;
    },
    async story(id) {
      const { deliveries } = await see(id);
      return deliveries.map(({ step, channel, state, reason }: Record<string, string>) =>
        [step, channel, state, ...(reason ? [reason] : [])].join(' '),
      );
    },
    async route() {
      for (const priority of PRIORITIES) while ((await router.routeBatch(priority)).count > 0);
    },
    async send(channel, end) {
      const claimed = await claim(channel);
      await record(claimed, end);
      return claimed.map(({ id }) => id);
    },
    receive,
    async report(id, channel, event) {
      const { deliveries } = await see(id);
      const own = deliveries.filter((each: Claimed) => each.channel === channel);
      for (const { id: deliveryId } of own) await receive(deliveryId, event);
    },
    sweep: () => sweep.sweepOnce(),
    async heard(work) {
      const topics: string[] = [];
      const off = wake.on((topic) => topics.push(topic));
      await work();
      off();
      return topics;
    },
    findings: async () => (await reconcile(store.engine, new Date(0))).findings,
    clear: async () => {
      await store.engine.query(
        'truncate deliveries, notifications, unrouted, postponed, claims, counters, attempts, receipts, inbox_items',
      );
    },
  };
}

/** A ladder with a minute from step to step. */
export function ladder(until: string, ...channels: string[][]) {
  const steps = channels.map((each, i) => ({
    channels: each,
    ...(i < channels.length - 1 && { waitSeconds: 60 }),
  }));
  return { steps, until };
}

/** So many milliseconds from now, by the clock of the test. */
export function iso({ clock }: Laddered, aheadMs: number): string {
  return new Date(clock.now() + aheadMs).toISOString();
}
