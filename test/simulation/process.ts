import { createGroupCommit, type GroupCommit, purgeExpiredKeys } from '../../src/accept/index.ts';
import { type DeliveryEngine, HealthBoard, Sweep, startDelivery } from '../../src/delivery/index.ts';
import { DigestLoop } from '../../src/digests/index.ts';
import { createEgressGuard } from '../../src/lib/egress.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import type { HttpRequest } from '../../src/providers/index.ts';
import { type Claimed, createPostgresQueue, Wake } from '../../src/queue/index.ts';
import { RouteLoop, Router } from '../../src/routing/index.ts';
import type { Store } from '../../src/store/index.ts';
import type { Connections } from '../../src/tenants/index.ts';
import { plainTenants } from '../support/plain-tenants.ts';
import type { Lifeline } from './lifeline.ts';
import type { SeededRandom } from './random.ts';
import type { Vendors } from './vendors.ts';

export interface ProcessOptions {
  lifeline: Lifeline;
  /** As this process sees it. */
  store: Store;
  random: SeededRandom;
  vendors: Vendors;
  connections: Pick<Connections, 'forTenants'>;
}

/** The real rooms of one process with all roles, put together as `app.ts` does it. */
export class SimulatedProcess {
  readonly lifeline: Lifeline;
  readonly store: Store;
  readonly commits: GroupCommit;
  readonly wake = new Wake();
  readonly #options: ProcessOptions;
  readonly #loop: RouteLoop;
  readonly #sweep: Sweep;
  readonly #digests: DigestLoop;
  readonly #health: HealthBoard;
  #engine: DeliveryEngine | null = null;

  constructor(options: ProcessOptions) {
    this.#options = options;
    const { lifeline, store, connections } = options;
    this.lifeline = lifeline;
    this.store = store;
    const shared = { store, clock: lifeline, logger: silentLogger, wake: this.wake };
    this.commits = createGroupCommit(store.acceptBulk, lifeline, { maxWaiting: 1_000, concurrency: 2 });
    this.#health = new HealthBoard(shared);
    const router = new Router({
      ...shared,
      connections,
      templates: noTemplates,
      ...plainTenants,
      standings: this.#health,
    });
    this.#loop = new RouteLoop(router, { ...shared, db: store.engine });
    this.#sweep = new Sweep({
      ...shared,
      categories: plainTenants.categories,
      housekeeping: () => purgeExpiredKeys(store.engine, new Date(lifeline.now()), 100),
    });
    this.#digests = new DigestLoop({ ...shared, ...plainTenants, templates: noTemplates });
  }

  async start(): Promise<void> {
    const { lifeline, store, random, connections } = this.#options;
    const underWay = new Map<string, Claimed>();
    this.#sweep.start();
    await this.#health.start();
    this.#engine = await startDelivery({
      store,
      clock: lifeline,
      logger: silentLogger,
      wake: this.wake,
      queue: createPostgresQueue(store.engine, lifeline),
      templates: noTemplates,
      ...plainTenants,
      health: this.#health,
      connections,
      guard: createEgressGuard({ allow: [] }),
      simulator: null,
      // Asked for right before each request: it tells which attempt the request belongs to.
      callbackUrl(claimed) {
        underWay.set(claimed.id, claimed);
        return `https://bellhop.example.com/receipts?delivery=${claimed.id}`;
      },
      random: (bytes) => {
        const drawn = new Uint8Array(bytes);
        random.fill(drawn);
        return drawn;
      },
      transports: this.#transports(underWay),
    });
    this.#loop.start();
    this.#digests.start();
  }

  /** As after SIGTERM. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#digests.stop();
    await this.#engine?.stop(60_000);
    await this.#health.stop();
    await this.#sweep.stop();
  }

  #transports(underWay: Map<string, Claimed>) {
    const { lifeline, vendors } = this.#options;
    const http = {
      send: (request: HttpRequest, options: Parameters<Vendors['answer']>[2]['options']) =>
        vendors.answer(underWay.get(deliveryOf(request))!, lifeline, { request, options }),
      close: async () => {},
    };
    const smtp = {
      send: () => Promise.reject(new Error('nothing here is sent by mail')),
      close: async () => {},
    };
    return { http, http2: http, smtp };
  }
}

/** Webhooks name their delivery in a header, SMS in the URL for receipts. */
function deliveryOf({ headers, body }: HttpRequest): string {
  const named = headers['webhook-id'];
  if (typeof named === 'string') return named;
  return new URL(new URLSearchParams(String(body)).get('StatusCallback')!).searchParams.get('delivery')!;
}

const noTemplates = { compiled: async () => new Map() };
