import {
  createGroupCommit,
  purgeExpiredKeys,
  registerAcceptRoutes,
  registerChangeRoutes,
} from './accept/index.ts';
import type { Config } from './config/index.ts';
import {
  createHttpTransport,
  type DeliveryEngine,
  decideUnknown,
  HealthBoard,
  registerHealthRoutes,
  Sweep,
  startDelivery,
} from './delivery/index.ts';
import { createFlags, registerFlagRoutes } from './flags/index.ts';
import { createHooks, loadHooksModule, registerHookRoutes } from './hooks/index.ts';
import { createServer, type Server } from './http/index.ts';
import { registerInboxRoutes } from './inbox/index.ts';
import { foldCounters, ReplayLoop, registerLedgerRoutes } from './ledger/index.ts';
import { createEgressGuard } from './lib/egress.ts';
import type { Logger } from './lib/logger.ts';
import { listProviders } from './providers/index.ts';
import { createPostgresQueue, Wake } from './queue/index.ts';
import { RouteLoop, Router } from './routing/index.ts';
import { createSimulator, type Simulator } from './simulator/index.ts';
import { keepClock, openStore, type Store } from './store/index.ts';
import { createTemplates, registerTemplateRoutes } from './templates/index.ts';
import {
  bootstrapInstance,
  createAuthenticator,
  createConnections,
  type FirstKeys,
  loadOrCreateMasterKey,
  registerConnectionRoutes,
  registerKeyRoutes,
  rewrapDataKeys,
} from './tenants/index.ts';
import { receiptUrl, registerTrackingRoutes } from './tracking/index.ts';
import { registerUserRoutes } from './users/index.ts';

const PURGE_BATCH = 10_000;
const ACCEPT_CONCURRENCY = 2;
/** Under load, requests are gathered this long before they are committed together; high priority is not. */
const BULK_COMMIT_INTERVAL_MS = 3;

export interface Bellhop {
  /** Where the API listens, e.g. `http://127.0.0.1:3000`; null without the role `api`. */
  url: string | null;
  /** The keys of the very first start, to be shown once. */
  firstKeys: FirstKeys | null;
  simulatorPage: boolean;
  /** Takes no new work, finishes what is under way, closes everything. Returns how many attempts were left unfinished. */
  stop(): Promise<number>;
}

/** Ends one part; the parts end in the reverse order of their start. */
type Stop = () => Promise<unknown>;

/** Builds a whole Bellhop from its settings and starts the roles it has. The only place that knows all rooms. */
export async function startBellhop(config: Config, logger: Logger, version: string): Promise<Bellhop> {
  const store = await openStore({
    databaseUrl: config.databaseUrl,
    dataDir: config.dataDir,
    poolSize: config.databasePool,
  });
  const stopClock = keepClock(store);
  const stops: Stop[] = [
    async () => {
      stopClock();
      await store.close();
    },
  ];
  let left = 0;
  const stop = async () => {
    for (const step of stops.splice(0).reverse()) {
      await step().catch((error) => logger.error({ error }, 'stopping went on after an error'));
    }
    return left;
  };
  try {
    const parts = await buildParts(config, logger, store);
    stops.push(() => parts.wake.close());
    stops.push(() => parts.hooks.close());
    await parts.health.start();
    stops.push(() => parts.health.stop());
    if (config.roles.has('sweeper')) stops.push(await startSweeper(parts));
    if (config.roles.has('worker')) {
      const engine = await startWorker(config, parts, stops);
      stops.push(async () => {
        left = await engine.stop(config.drainMs);
      });
    }
    if (config.roles.has('router')) stops.push(startRouter(parts));
    const url = config.roles.has('api') ? await startApi(config, parts, version, stops) : null;
    return {
      url,
      firstKeys: parts.firstKeys,
      simulatorPage: config.simulatorPage && parts.simulator !== null,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Parts = Awaited<ReturnType<typeof buildParts>>;

/** What several roles share. */
async function buildParts(config: Config, logger: Logger, store: Store) {
  const { clock } = store;
  const module = config.hooksModule ? await loadHooksModule(config.hooksModule) : null;
  const wake = new Wake();
  if (config.databaseUrl) await wake.connect(config.databaseUrl, logger);
  const { dataDir, bootstrapKey } = config;
  const masterKeys = await loadOrCreateMasterKey({
    store,
    value: config.masterKey,
    previousValues: config.previousMasterKeys,
    dataDir,
  });
  await rewrapDataKeys(store, masterKeys);
  const { firstKeys } = await bootstrapInstance({ store, clock, dataDir, bootstrapKey });
  const guard = createEgressGuard({ allow: config.egressAllow });
  const flags = createFlags({ clock, settings: config.flags });
  const hookTransport = createHttpTransport({ guard });
  const hooks = createHooks({
    clock,
    logger,
    masterKeys,
    flags,
    transport: hookTransport,
    module,
  });
  return {
    store,
    clock,
    logger,
    wake,
    masterKeys,
    flags,
    hooks,
    hookTransport,
    firstKeys,
    queue: createPostgresQueue(store.engine, clock),
    highQueue: createPostgresQueue(store.engineHigh, clock),
    templates: createTemplates({ store, clock }),
    connections: createConnections({ store, clock, masterKeys, logger }),
    health: new HealthBoard({ store, clock, logger }),
    guard,
    simulator: null as Simulator | null,
  };
}

async function startSweeper({ store, clock, wake, logger }: Parts): Promise<Stop> {
  const housekeeping = async () => {
    const now = new Date(clock.now());
    await purgeExpiredKeys(store.engine, now, PURGE_BATCH);
    await foldCounters(store.engine, now);
  };
  const sweep = new Sweep({ store, clock, wake, logger, housekeeping });
  if (store.kind === 'embedded') await sweep.takeOverAll();
  sweep.start();
  const replays = new ReplayLoop({ store, clock, wake, logger });
  replays.start();
  return () => Promise.all([sweep.stop(), replays.stop()]);
}

function startRouter({ store, clock, wake, logger, templates, connections, health }: Parts): Stop {
  const router = new Router({ store, clock, logger, templates, connections, standings: health });
  const loop = new RouteLoop(router, { db: store.engine, clock, wake, logger });
  loop.start();
  return () => loop.stop();
}

/** Every process that delivers plays the providers for its own test attempts, on free loopback ports. */
async function startWorker(config: Config, parts: Parts, stops: Stop[]): Promise<DeliveryEngine> {
  const {
    store,
    clock,
    logger,
    wake,
    queue,
    highQueue,
    templates,
    connections,
    hooks,
    flags,
    guard,
    health,
  } = parts;
  const simulator = createSimulator({
    providers: listProviders(),
    clock,
    logger,
    hint: config.bootstrapKey ? undefined : `${config.dataDir}/credentials.json`,
  });
  const address = await simulator.listen();
  parts.simulator = simulator;
  stops.push(async () => simulator.close());
  const { publicUrl } = config;
  return startDelivery({
    store,
    clock,
    logger,
    wake,
    queue,
    highQueue,
    limits: {
      maxInFlight: config.maxInFlight,
      rates: { providers: config.providerRates, tenants: config.tenantRates },
    },
    templates,
    connections,
    hooks,
    flags,
    guard,
    health,
    simulator: { ...address, show: (preview) => simulator.show(preview) },
    callbackUrl: (claimed) => (publicUrl && claimed.live ? receiptUrl(publicUrl, claimed) : undefined),
  });
}

async function startApi(config: Config, parts: Parts, version: string, stops: Stop[]): Promise<string> {
  const { store, clock, wake, logger, templates, connections, masterKeys } = parts;
  const authenticator = createAuthenticator({ store, clock, logger, bootstrapKey: config.bootstrapKey });
  const app = await createServer({
    authenticate: authenticator,
    clock,
    logger,
    version,
    bodyLimit: config.bodyLimit,
    requestsPerSecondPerKey: config.keyRateLimit,
    authFailuresPerSecondPerAddress: 20,
    trustProxy: config.trustProxy,
  });
  const line = {
    maxWaiting: config.acceptQueue,
    concurrency: store.kind === 'embedded' ? 1 : ACCEPT_CONCURRENCY,
  };
  const commits = {
    high: createGroupCommit(store.acceptHigh, clock, line),
    bulk: createGroupCommit(store.acceptBulk, clock, { ...line, intervalMs: BULK_COMMIT_INTERVAL_MS }),
  };
  registerAcceptRoutes(app, { clock, wake, templates, commits, idempotencyMs: config.idempotencyMs });
  registerChangeRoutes(app, { store, templates, clock, wake });
  registerLedgerRoutes(app, { store, clock, wake, decideUnknown });
  registerUserRoutes(app, { store, clock });
  registerInboxRoutes(app, { store, clock });
  registerTemplateRoutes(app, { store, clock, templates });
  registerKeyRoutes(app, { store, clock, authenticator });
  registerConnectionRoutes(app, { store, clock, connections, masterKeys });
  const { hooks, flags, guard, hookTransport: transport, health } = parts;
  registerHookRoutes(app, { store, clock, hooks, masterKeys, guard, transport });
  registerFlagRoutes(app, { store, clock, flags, settings: config.flags });
  registerHealthRoutes(app, { clock, connections, health });
  await registerTrackingRoutes(app, { store, clock, connections, publicUrl: config.publicUrl, health });
  registerProbes(app, store);
  if (config.simulatorPage && parts.simulator) mountSimulator(app, parts.simulator);
  const usage = new AbortController();
  const saving = authenticator.run(usage.signal);
  stops.push(async () => {
    await app.close();
    await Promise.all([commits.high.drained(), commits.bulk.drained()]);
    usage.abort();
    await saving;
  });
  await app.listen({ port: config.port, host: config.host });
  const { port } = app.server.address() as { port: number };
  return `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
}

function registerProbes(app: Server, store: Store): void {
  const hidden = { schema: { hide: true } };
  app.get('/health/live', hidden, () => ({ status: 'ok' }));
  app.get('/health/ready', hidden, async () => {
    await store.api.query('select 1');
    return { status: 'ok', store: store.kind };
  });
}

/** The page is served by this server too, so that a newcomer needs one address only. */
function mountSimulator(app: Server, simulator: Simulator): void {
  const handle = (
    request: { raw: Parameters<Simulator['handle']>[0] },
    reply: { hijack(): unknown; raw: Parameters<Simulator['handle']>[1] },
  ) => {
    reply.hijack();
    simulator.handle(request.raw, reply.raw, '/simulator');
  };
  app.register(async (scope) => {
    // The page reads its own bodies.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request: unknown, _payload: unknown, done: (error: null) => void) =>
      done(null),
    );
    for (const url of ['/simulator', '/simulator/*']) scope.all(url, { schema: { hide: true } }, handle);
  });
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/simulator'));
}
