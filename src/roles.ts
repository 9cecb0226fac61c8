import { purgeExpiredKeys } from './accept/index.ts';
import { AudienceLoop } from './audiences/index.ts';
import type { Config } from './config/index.ts';
import { type DeliveryEngine, purgeVendorIds, Sweep, startDelivery } from './delivery/index.ts';
import { DigestLoop } from './digests/index.ts';
import { purgeInboxChanges } from './inbox/index.ts';
import { foldCounters, ReplayLoop } from './ledger/index.ts';
import { tidyOtps } from './otp/index.ts';
import type { Parts, Stop } from './parts.ts';
import { listProviders } from './providers/index.ts';
import { tidyCaps } from './rules/index.ts';
import { ScheduleLoop } from './schedules/index.ts';
import { createSimulator } from './simulator/index.ts';
import { receiptUrl } from './tracking/index.ts';
import { WebhookLoop } from './webhooks/index.ts';

const PURGE_BATCH = 10_000;
/** Whoever was away for longer reads the inbox anew. */
const INBOX_CHANGES_KEPT_MS = 24 * 3_600_000;

/** What is done for all processes by whichever gets to it: what is due later, what a dead process left, what is old. */
export async function startSweeper(parts: Parts): Promise<Stop> {
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
export async function startWorker(config: Config, parts: Parts, stops: Stop[]): Promise<DeliveryEngine> {
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
