import {
  createGroupCommit,
  purgeExpiredKeys,
  registerAcceptRoutes,
  registerChangeRoutes,
} from './accept/index.ts';
import type { Config } from './config/index.ts';
import { type DeliveryEngine, Sweep, startDelivery } from './delivery/index.ts';
import { createServer, type Server } from './http/index.ts';
import { registerInboxRoutes } from './inbox/index.ts';
import { registerLedgerRoutes } from './ledger/index.ts';
import { createEgressGuard } from './lib/egress.ts';
import type { Logger } from './lib/logger.ts';
import { listProviders } from './providers/index.ts';
import { createPostgresQueue, Wake } from './queue/index.ts';
import { RouteLoop, Router } from './routing/index.ts';
import { createSimulator, type Simulator } from './simulator/index.ts';
import { openStore, type Store } from './store/index.ts';
import { startTracing } from './telemetry/index.ts';
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
/** A collector that is slow may hold up the end of the process for so long, and no longer than attempts may. */
const LAST_SPANS_MS = 3_000;

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
  const stops: Stop[] = [() => store.close()];
  let left = 0;
  const stop = async () => {
    for (const step of stops.splice(0).reverse()) {
      await step().catch((error) => logger.error({ error }, 'stopping went on after an error'));
    }
    return left;
  };
  try {
    const parts = await buildParts(config, logger, store, version);
    stops.push(async () => parts.tracer?.close(Math.min(config.drainMs, LAST_SPANS_MS)));
    stops.push(() => parts.wake.close());
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
async function buildParts(config: Config, logger: Logger, store: Store, version: string) {
  const { clock } = store;
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
  return {
    store,
    clock,
    logger,
    wake,
    masterKeys,
    firstKeys,
    queue: createPostgresQueue(store.engine, clock),
    templates: createTemplates({ store, clock }),
    connections: createConnections({ store, clock, masterKeys, logger }),
    guard: createEgressGuard({ allow: config.egressAllow }),
    tracer: await startTracing(config.tracing, { clock, logger, version }),
    simulator: null as Simulator | null,
  };
}

async function startSweeper({ store, clock, wake, logger, tracer }: Parts): Promise<Stop> {
  const housekeeping = () => purgeExpiredKeys(store.engine, new Date(clock.now()), PURGE_BATCH);
  const sweep = new Sweep({ store, clock, wake, logger, housekeeping, tracer });
  if (store.kind === 'embedded') await sweep.takeOverAll();
  sweep.start();
  return () => sweep.stop();
}

function startRouter({ store, clock, wake, logger, templates, connections, tracer }: Parts): Stop {
  const router = new Router({ store, clock, logger, templates, connections, tracer });
  const loop = new RouteLoop(router, { db: store.engine, clock, wake, logger });
  loop.start();
  return () => loop.stop();
}

/** Every process that delivers plays the providers for its own test attempts, on free loopback ports. */
async function startWorker(config: Config, parts: Parts, stops: Stop[]): Promise<DeliveryEngine> {
  const { store, clock, logger, wake, queue, templates, connections, guard, tracer } = parts;
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
    templates,
    connections,
    guard,
    tracer,
    simulator: { ...address, show: (preview) => simulator.show(preview) },
    callbackUrl: (claimed) => (publicUrl && claimed.live ? receiptUrl(publicUrl, claimed) : undefined),
  });
}

async function startApi(config: Config, parts: Parts, version: string, stops: Stop[]): Promise<string> {
  const { store, clock, wake, logger, templates, connections, masterKeys, tracer } = parts;
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
    bulk: createGroupCommit(store.acceptBulk, clock, line),
  };
  const { idempotencyMs, publicUrl } = config;
  registerAcceptRoutes(app, { clock, wake, templates, commits, idempotencyMs, tracer });
  registerChangeRoutes(app, { store, templates, clock, wake });
  registerLedgerRoutes(app, { store, clock, wake });
  registerUserRoutes(app, { store, clock });
  registerInboxRoutes(app, { store, clock });
  registerTemplateRoutes(app, { store, clock, templates });
  registerKeyRoutes(app, { store, clock, authenticator });
  registerConnectionRoutes(app, { store, clock, connections, masterKeys });
  await registerTrackingRoutes(app, { store, clock, logger, connections, publicUrl, tracer });
  registerHealth(app, store);
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

function registerHealth(app: Server, store: Store): void {
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
