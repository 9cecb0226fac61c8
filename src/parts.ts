import { segmentsOf } from './audiences/index.ts';
import type { Config } from './config/index.ts';
import { createLinks, linkOrigin } from './consent/index.ts';
import { createHttpTransport, type DeliveryEngine, HealthBoard, Work } from './delivery/index.ts';
import { createFlags } from './flags/index.ts';
import { createHooks, loadHooksModule } from './hooks/index.ts';
import { createEgressGuard } from './lib/egress.ts';
import type { Logger } from './lib/logger.ts';
import { createPostgresQueue, Wake } from './queue/index.ts';
import { createCategories, createRules } from './rules/index.ts';
import type { Simulator } from './simulator/index.ts';
import { type Store, samplePools } from './store/index.ts';
import { countSpans, LoopWatch, type Metrics, startTracing } from './telemetry/index.ts';
import { createTemplates } from './templates/index.ts';
import {
  bootstrapInstance,
  createConnections,
  createSeals,
  loadOrCreateMasterKey,
  rewrapDataKeys,
} from './tenants/index.ts';
import { createTracker, loadVisitsKey } from './visits/index.ts';

/** Ends one part; the parts end in the reverse order of their start. */
export type Stop = () => Promise<unknown>;

/** What several roles share. */
export type Parts = Awaited<ReturnType<typeof buildParts>>;

/** Builds what several roles share, once. */
export async function buildParts(
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
