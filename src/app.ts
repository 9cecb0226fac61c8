import {
  createGroupCommit,
  purgeExpiredKeys,
  registerAcceptRoutes,
  registerChangeRoutes,
  registerConfirmRoute,
  registerExplainRoutes,
  registerTestRoutes,
} from './accept/index.ts';
import { AudienceLoop, registerAudienceRoutes, segmentsOf } from './audiences/index.ts';
import type { Config } from './config/index.ts';
import { createLinks, linkOrigin, registerConsentPages, registerConsentRoutes } from './consent/index.ts';
import {
  createHttpTransport,
  type DeliveryEngine,
  HealthBoard,
  policiesOf,
  purgeVendorIds,
  registerHealthRoutes,
  Sweep,
  startDelivery,
  Work,
} from './delivery/index.ts';
import { DigestLoop, registerDigestRoutes } from './digests/index.ts';
import { createFlags, registerFlagRoutes } from './flags/index.ts';
import { createHooks, loadHooksModule, registerHookRoutes } from './hooks/index.ts';
import {
  createObservingServer,
  createServer,
  registerHealth,
  registerMetrics,
  type Server,
} from './http/index.ts';
import {
  purgeInboxChanges,
  registerInboxRoutes,
  registerStreamRoute,
  registerTokenRoutes,
  Streams,
} from './inbox/index.ts';
import { foldCounters, ReplayLoop, registerLedgerRoutes } from './ledger/index.ts';
import { createEgressGuard } from './lib/egress.ts';
import type { Logger } from './lib/logger.ts';
import { registerOtpRoutes, tellOtp, tidyOtps } from './otp/index.ts';
import { listProviders } from './providers/index.ts';
import { createPostgresQueue, Wake } from './queue/index.ts';
import { startRouting } from './routing/index.ts';
import { createCategories, createRules, registerRuleRoutes, tidyCaps } from './rules/index.ts';
import { registerScheduleRoutes, ScheduleLoop, schedulesUsing } from './schedules/index.ts';
import { createSimulator, type Simulator } from './simulator/index.ts';
import { keepClock, openStore, type Store, samplePools } from './store/index.ts';
import { countSpans, createMetrics, LoopWatch, type Metrics, startTracing } from './telemetry/index.ts';
import { createTemplates, registerTemplateRoutes } from './templates/index.ts';
import {
  bootstrapInstance,
  createAllowedOrigins,
  createAuthenticator,
  createConnections,
  createSeals,
  createUserTokens,
  type FirstKeys,
  loadOrCreateMasterKey,
  looksLikeUserToken,
  registerBrowserOriginRoutes,
  registerConnectionRoutes,
  registerKeyRoutes,
  rewrapDataKeys,
} from './tenants/index.ts';
import {
  applyVisits,
  createReceiptLane,
  receiptUrl,
  registerTrackingRoutes,
  registerVisitRoutes,
  registerVisitsView,
  VisitLine,
} from './tracking/index.ts';
import { registerUserRoutes } from './users/index.ts';
import { createTracker, loadVisitsKey, registerTrackingSettings } from './visits/index.ts';
import { registerWebhookRoutes, WebhookLoop } from './webhooks/index.ts';

const PURGE_BATCH = 10_000;
/** Of unknown keys, and of links that do not open, before an address is answered 429. */
const FAILURES_PER_SECOND_PER_ADDRESS = 20;
/** Whoever was away for longer reads the inbox anew. */
const INBOX_CHANGES_KEPT_MS = 24 * 3_600_000;
const ACCEPT_CONCURRENCY = 2;
/** A collector that is slow may hold up the end of the process for so long, and no longer than attempts may. */
const LAST_SPANS_MS = 3_000;
/** Under load, requests are gathered this long before they are committed together; high priority is not. */
const BULK_COMMIT_INTERVAL_MS = 1;

export interface Bellhop {
  /** Where the API listens, e.g. `http://127.0.0.1:3000`; null without the role `api`. */
  url: string | null;
  /** Where metrics and health have a port of their own; null without one. */
  metricsUrl: string | null;
  /** Resolves, with its name, when a loop stands still: the process should end and be started afresh. */
  stuck: Promise<string>;
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
  const metrics = createMetrics();
  metrics.info.set({ version }, 1);
  if (config.metrics.mode !== 'off') metrics.watchProcess();
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
    const parts = await buildParts(config, { logger, store, metrics, version });
    stops.push(async () => parts.tracer?.close(Math.min(config.drainMs, LAST_SPANS_MS)));
    stops.push(() => parts.wake.close());
    parts.watch.start();
    stops.push(async () => parts.watch.stop());
    stops.push(() => parts.hooks.close());
    await parts.health.start();
    stops.push(() => parts.health.stop());
    if (config.roles.has('sweeper')) stops.push(await startSweeper(parts));
    if (config.roles.has('worker')) {
      const engine = await startWorker(config, parts, stops);
      parts.engine = engine;
      stops.push(async () => {
        left = await engine.stop(config.drainMs);
      });
    }
    if (config.roles.has('router')) stops.push(startRouting({ ...parts, standings: parts.health }));
    const metricsUrl = config.metrics.port === null ? null : await startObserving(config, parts, stops);
    const url = config.roles.has('api') ? await startApi(config, parts, version, stops) : null;
    return {
      url,
      metricsUrl,
      stuck: parts.stuck,
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
async function buildParts(
  config: Config,
  { logger, store, metrics, version }: { logger: Logger; store: Store; metrics: Metrics; version: string },
) {
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
    metrics,
    module,
  });
  const { promise: stuck, resolve: onStuck } = Promise.withResolvers<string>();
  const parts = {
    store,
    clock,
    logger,
    metrics,
    watch: new LoopWatch({ logger, metrics, limitMs: config.stuckMs, onStuck }),
    stuck,
    work: new Work({
      store,
      clock,
      overdueMs: config.overdueMs,
      isOpen: (tenantId, connection): boolean => parts.engine?.isOpen(tenantId, connection) ?? false,
    }),
    engine: null as DeliveryEngine | null,
    wake,
    masterKeys,
    flags,
    categories: createCategories(clock),
    rules: createRules(clock, { segmentsOf }),
    links: createLinks({ store, clock, masterKeys, origin: linkOrigin(config.publicUrl) }),
    tracker: createTracker({
      clock,
      key: await loadVisitsKey({ store, masterKeys, logger }),
      origin: linkOrigin(config.publicUrl),
    }),
    hooks,
    hookTransport,
    firstKeys,
    queue: createPostgresQueue(store.engine, clock, store.engineHigh),
    templates: createTemplates({ store, clock }),
    seals: createSeals({ masterKeys }),
    connections: createConnections({ store, clock, masterKeys, logger }),
    health: new HealthBoard({ store, clock, logger, wake, isAlone: store.kind === 'embedded' }),
    guard,
    tracer: await startTracing(config.tracing, { clock, logger, version }),
    simulator: null as Simulator | null,
  };
  metrics.beforeScrape(() => parts.work.sample(metrics));
  metrics.beforeScrape(() => samplePools(store, metrics));
  if (parts.tracer) metrics.beforeScrape(countSpans(parts.tracer, metrics));
  return parts;
}

async function startSweeper(parts: Parts): Promise<Stop> {
  const { store, clock, wake, logger, categories, metrics, tracer, watch } = parts;
  const housekeeping = async () => {
    const now = new Date(clock.now());
    await purgeExpiredKeys(store.engine, now, PURGE_BATCH);
    await purgeVendorIds(store.engine, now, PURGE_BATCH);
    await purgeInboxChanges(store.engine, new Date(now.getTime() - INBOX_CHANGES_KEPT_MS), PURGE_BATCH);
    await tidyCaps({ store, clock });
    await tidyOtps({ store, clock });
    await foldCounters(store.engine, now);
  };
  const sweep = new Sweep({
    store,
    categories,
    clock,
    wake,
    logger,
    housekeeping,
    metrics,
    tracer,
    beat: watch.watch('sweep'),
  });
  if (store.kind === 'embedded') await sweep.takeOverAll();
  sweep.start();
  const replays = new ReplayLoop({ store, clock, wake, logger });
  replays.start();
  const beat = watch.watch('schedules');
  const schedules = new ScheduleLoop({ store, clock, wake, logger, categories, metrics, beat });
  schedules.start();
  const digests = new DigestLoop({ ...parts, beat: watch.watch('digests') });
  digests.start();
  const audiences = new AudienceLoop({ store, clock, wake, logger, metrics, beat: watch.watch('audiences') });
  audiences.start();
  const webhooks = new WebhookLoop({
    ...parts,
    transport: parts.hookTransport,
    beat: watch.watch('webhooks'),
  });
  webhooks.start();
  const stopping = [sweep, replays, schedules, digests, audiences, webhooks];
  return () => Promise.all(stopping.map((loop) => loop.stop()));
}

/** Every process that delivers plays the providers for its own test attempts, on free loopback ports. */
async function startWorker(config: Config, parts: Parts, stops: Stop[]): Promise<DeliveryEngine> {
  const { store, clock, logger, wake, queue, templates, connections, hooks, flags, categories, guard } =
    parts;
  const { health, metrics, tracer, watch } = parts;
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
    limits: {
      maxInFlight: config.maxInFlight,
      rates: { providers: config.providerRates, tenants: config.tenantRates },
    },
    templates,
    connections,
    hooks,
    flags,
    categories,
    links: parts.links.areOffered ? parts.links : undefined,
    tracker: parts.tracker,
    seals: parts.seals,
    guard,
    metrics,
    tracer,
    watch,
    health,
    simulator: { ...address, show: (preview) => simulator.show(preview) },
    callbackUrl: (claimed) => (publicUrl && claimed.live ? receiptUrl(publicUrl, claimed) : undefined),
  });
}

async function startApi(config: Config, parts: Parts, version: string, stops: Stop[]): Promise<string> {
  const { store, clock, wake, logger, templates, categories, connections, masterKeys, metrics, tracer } =
    parts;
  const authenticator = createAuthenticator({ store, clock, logger, bootstrapKey: config.bootstrapKey });
  const tokens = createUserTokens({ store, clock, masterKeys });
  const app = await createServer({
    authenticate: (token) => (looksLikeUserToken(token) ? tokens.authenticate(token) : authenticator(token)),
    allowedOrigins: createAllowedOrigins({ store, clock }),
    clock,
    logger,
    version,
    bodyLimit: config.bodyLimit,
    requestsPerSecondPerKey: config.keyRateLimit,
    authFailuresPerSecondPerAddress: FAILURES_PER_SECOND_PER_ADDRESS,
    trustProxy: config.trustProxy,
    metrics,
  });
  const line = {
    maxWaiting: config.acceptQueue,
    concurrency: store.kind === 'embedded' ? 1 : ACCEPT_CONCURRENCY,
  };
  const commits = {
    high: createGroupCommit(store.acceptHigh, clock, { ...line, line: 'high', metrics }),
    bulk: createGroupCommit(store.acceptBulk, clock, {
      ...line,
      line: 'bulk',
      metrics,
      intervalMs: Math.max(BULK_COMMIT_INTERVAL_MS, store.gatherMs),
    }),
  };
  metrics.beforeScrape(() => {
    for (const [name, commit] of Object.entries(commits))
      metrics.acceptWaiting.set({ line: name }, commit.waiting);
  });
  const { idempotencyMs, publicUrl } = config;
  registerAcceptRoutes(app, { store, clock, wake, templates, categories, commits, idempotencyMs, tracer });
  registerChangeRoutes(app, { store, templates, clock, wake });
  registerConfirmRoute(app, { store, clock, wake });
  registerLedgerRoutes(app, { store, clock, wake, loadPolicy: policiesOf(categories) });
  registerScheduleRoutes(app, { store, templates, clock, wake });
  registerDigestRoutes(app, { store });
  registerOtpRoutes(app, { ...parts, onEvent: tellOtp });
  registerUserRoutes(app, { store, clock });
  registerAudienceRoutes(app, { store, clock, wake });
  registerInboxRoutes(app, { store, clock, wake });
  const streams = new Streams({ store, clock, logger, wake, metrics, random: Math.random });
  registerStreamRoute(app, { store, streams });
  registerTokenRoutes(app, {
    store,
    clock,
    tokens,
    failuresPerSecondPerAddress: FAILURES_PER_SECOND_PER_ADDRESS,
  });
  registerBrowserOriginRoutes(app, { store, clock });
  registerTemplateRoutes(app, { store, clock, templates, usesOf: schedulesUsing });
  registerKeyRoutes(app, { store, clock, authenticator });
  registerConnectionRoutes(app, { store, clock, connections, masterKeys });
  const { hooks, flags, guard, hookTransport: transport, health } = parts;
  registerRuleRoutes(app, { store, clock, categories, rules: parts.rules });
  registerTestRoutes(app, { store, clock, wake, categories, commits });
  registerExplainRoutes(app, { ...parts, standings: health });
  registerHookRoutes(app, { store, clock, hooks, masterKeys, guard, transport });
  registerWebhookRoutes(app, { store, clock, wake, masterKeys, guard, transport });
  registerFlagRoutes(app, { store, clock, flags, settings: config.flags });
  registerConsentRoutes(app, { store, clock, links: parts.links });
  const failuresPerSecondPerAddress = FAILURES_PER_SECOND_PER_ADDRESS;
  await registerConsentPages(app, { ...parts, failuresPerSecondPerAddress });
  registerHealthRoutes(app, { clock, connections, health });
  const lane = createReceiptLane({ ...parts, maxWaiting: config.receipts.maxPosts });
  await registerTrackingRoutes(app, { ...parts, publicUrl, transport, lane, limits: config.receipts });
  await registerVisits(app, parts, stops);
  observe(app, config, parts, config.metrics.port === null);
  if (config.simulatorPage && parts.simulator) mountSimulator(app, parts.simulator);
  const usage = new AbortController();
  const saving = authenticator.run(usage.signal);
  stops.push(async () => {
    await app.close();
    await Promise.all([commits.high.drained(), commits.bulk.drained(), lane.drained()]);
    usage.abort();
    await saving;
  });
  await app.listen({ port: config.port, host: config.host });
  return urlOf(app, config);
}

/** Links, pictures and beacons; what is known of visits when the process ends is still written down. */
async function registerVisits(app: Server, parts: Parts, stops: Stop[]): Promise<void> {
  const { store, clock, metrics } = parts;
  const line = new VisitLine({ ...parts, apply: (visits) => applyVisits(parts, visits) });
  metrics.beforeScrape(() => metrics.visitsWaiting.set(line.waiting));
  stops.push(() => line.close());
  const failuresPerSecondPerAddress = FAILURES_PER_SECOND_PER_ADDRESS;
  await registerVisitRoutes(app, { ...parts, line, failuresPerSecondPerAddress });
  registerTrackingSettings(app, { store, clock, tracker: parts.tracker });
  registerVisitsView(app, { store });
}

/** Metrics and health on a port of their own, in every role. */
async function startObserving(config: Config, parts: Parts, stops: Stop[]): Promise<string> {
  const app = createObservingServer(parts.logger);
  observe(app, config, parts, true);
  await app.listen({ port: config.metrics.port!, host: config.host });
  stops.push(() => app.close());
  return urlOf(app, config);
}

function urlOf(app: Server, { host }: Config): string {
  const { port } = app.server.address() as { port: number };
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function observe(app: Server, config: Config, parts: Parts, withMetrics: boolean): void {
  const { store, work, watch, metrics } = parts;
  if (withMetrics) registerMetrics(app, metrics, config.metrics);
  registerHealth(app, {
    async ready() {
      await store.api.query('select 1');
      return { ok: true, store: store.kind };
    },
    async work() {
      const loops = Object.fromEntries([...watch.ages()].map(([loop, ms]) => [loop, Math.round(ms) / 1000]));
      return { ...(await work.health()), loopSeconds: loops };
    },
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
