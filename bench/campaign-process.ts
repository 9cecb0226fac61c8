import { loadConfig } from '../src/config/index.ts';
import { createHttpTransport, HealthBoard, startDelivery } from '../src/delivery/index.ts';
import { createFlags } from '../src/flags/index.ts';
import { createHooks } from '../src/hooks/index.ts';
import { createEgressGuard } from '../src/lib/egress.ts';
import { createLogger } from '../src/lib/logger.ts';
import { createPostgresQueue, Wake } from '../src/queue/index.ts';
import { Router } from '../src/routing/index.ts';
import { createCategories, createRules } from '../src/rules/index.ts';
import { openStore } from '../src/store/index.ts';
import { createTemplates } from '../src/templates/index.ts';
import { createConnections, loadOrCreateMasterKey } from '../src/tenants/index.ts';
import { type CampaignPlan, runCampaign } from './campaign-driver.ts';
import { NullProvider } from './null-provider.ts';

/** The worker of a campaign, with a provider that costs nothing. Run as a child process with Bellhop's settings. */
const config = loadConfig();
const logger = createLogger('error', process.stderr);
const wake = new Wake();
await wake.connect(config.databaseUrl!, logger);
const store = await openStore({ databaseUrl: config.databaseUrl, migrate: false });
const { clock } = store;
const { masterKey: value, dataDir } = config;
const masterKeys = await loadOrCreateMasterKey({ store, value, previousValues: [], dataDir });
const guard = createEgressGuard({ allow: config.egressAllow });
const flags = createFlags({ clock, settings: config.flags });
const hookTransport = createHttpTransport({ guard });
const hooks = createHooks({ clock, logger, masterKeys, flags, transport: hookTransport, module: null });
const templates = createTemplates({ store, clock });
const connections = createConnections({ store, clock, masterKeys, logger });
const health = new HealthBoard({ store, clock, logger });
await health.start();
const provider = new NullProvider((probe) => process.send!({ probe, atMs: monotonicMs() }));
const categories = createCategories(clock);
const engine = await startDelivery({
  store,
  clock,
  logger,
  wake,
  queue: createPostgresQueue(store.engine, clock, store.engineHigh),
  templates,
  connections,
  hooks,
  flags,
  categories,
  guard,
  health,
  simulator: null,
  callbackUrl: () => undefined,
  transports: provider.transports,
});
const router = new Router({
  store,
  clock,
  logger,
  templates,
  connections,
  categories,
  rules: createRules(clock),
  standings: health,
});

process.on('message', async (plan: CampaignPlan) => {
  process.send!({ result: await runCampaign({ store, wake, router, provider }, plan) });
});
process.on('disconnect', async () => {
  await engine.stop(5_000);
  await Promise.all([health.stop(), hooks.close(), wake.close()]);
  await store.close();
  process.exit(0);
});
process.send!({ port: 0 });

/** The same clock in every process of the machine. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
