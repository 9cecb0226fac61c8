import { after, afterEach, before, beforeEach } from 'node:test';
import { createHttpTransport, type HttpTransport } from '../../src/delivery/transport/index.ts';
import { type HookPeer, say, startHookPeer } from '../../src/hooks/testing.ts';
import { appendEvents, type LedgerEvent } from '../../src/ledger/index.ts';
import { FakeClock } from '../../src/lib/clock.ts';
import { createEgressGuard } from '../../src/lib/egress.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { Wake } from '../../src/queue/index.ts';
import type { Store } from '../../src/store/index.ts';
import { makeMasterKeys, makeTenant } from '../../src/tenants/testing.ts';
import { putEndpoint } from '../../src/webhooks/changes.ts';
import { WebhookLoop, type WebhookLoopOptions } from '../../src/webhooks/webhook-loop.ts';

const TABLES = ['events', 'webhook_endpoints', 'webhook_deliveries', 'webhook_attempts', 'webhook_troubles'];

type Request = Parameters<typeof putEndpoint>[1]['request'];

/** For tests: what a loop needs, on a clock that the test moves, with loopback allowed. */
export interface WebhookWorld {
  clock: FakeClock;
  transport: HttpTransport;
  tenantId: string;
  /** Another process, as far as the database can tell. */
  startLoop(rest?: Partial<WebhookLoopOptions>): WebhookLoop;
  /** Creates an endpoint and returns its secret. */
  put(id: string, request: Request, tenantId?: string): Promise<string>;
  close(): Promise<void>;
}

export async function makeWorld(store: Store): Promise<WebhookWorld> {
  const clock = new FakeClock(Math.floor(Date.now() / 1_000) * 1_000);
  const guard = createEgressGuard({ allow: ['127.0.0.1/32'] });
  const transport = createHttpTransport({ guard });
  const masterKeys = makeMasterKeys();
  const tenant = await makeTenant(store, clock.now());
  return {
    clock,
    transport,
    tenantId: tenant,
    startLoop: (rest = {}) =>
      new WebhookLoop({
        store,
        clock,
        wake: new Wake(),
        logger: silentLogger,
        masterKeys,
        transport,
        random: () => 0,
        ...rest,
      }),
    async put(id, request, tenantId = tenant) {
      const { secret } = await putEndpoint({ store, clock, masterKeys, guard }, { tenantId, id, request });
      return secret!;
    },
    close: () => transport.close(),
  };
}

/** What tests of the loop share: a world, a loop and two peers that are new for each test. */
export interface WebhookScene extends WebhookWorld {
  loop: WebhookLoop;
  peer: HookPeer;
  other: HookPeer;
  event(rest?: Partial<LedgerEvent>): LedgerEvent;
  happen(...events: LedgerEvent[]): Promise<void>;
  /** One turn, with all that follows from it. */
  run(): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at any column
  rows(sql: string): Promise<any[]>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at any column
  deliveries(): Promise<any[]>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at any column
  attempts(): Promise<any[]>;
}

/** Call it in a suite; what it returns is filled before each test. */
export function useWebhooks(store: () => Store): WebhookScene {
  const scene = {} as WebhookScene;
  before(async () => {
    const [peer, other] = await Promise.all([startHookPeer(), startHookPeer()]);
    Object.assign(scene, { peer, other });
  });
  beforeEach(async () => {
    // Tests share the database: what one left is nobody's any more.
    for (const table of TABLES) await store().engine.query(`delete from ${table}`);
    Object.assign(scene, await makeWorld(store()));
    scene.loop = scene.startLoop();
    for (const each of [scene.peer, scene.other]) {
      each.calls.length = 0;
      each.answer = say({});
    }
  });
  afterEach(() => scene.close());
  after(() => Promise.all([scene.peer.close(), scene.other.close()]));
  const rows = async (sql: string) => (await store().engine.query(sql)).rows;
  return Object.assign(scene, {
    rows,
    event: (rest: Partial<LedgerEvent> = {}): LedgerEvent => ({
      tenantId: scene.tenantId,
      live: true,
      type: 'delivery.sent',
      at: new Date(scene.clock.now()),
      channel: 'email',
      category: 'news',
      data: { deliveryId: 'd' },
      ...rest,
    }),
    happen: (...events: LedgerEvent[]) => appendEvents(store().engine, events),
    run: async () => {
      await scene.loop.step();
      await scene.loop.settled();
    },
    deliveries: () => rows('select * from webhook_deliveries order by event_id, endpoint_key'),
    attempts: () => rows('select * from webhook_attempts order by event_id, n'),
  });
}
