import { startApi } from './api.ts';
import type { Config } from './config/index.ts';
import type { Logger } from './lib/logger.ts';
import { startObserving } from './observing.ts';
import { buildParts, type Stop } from './parts.ts';
import { startSweeper, startWorker } from './roles.ts';
import { startRouting } from './routing/index.ts';
import { keepClock, openStore } from './store/index.ts';
import { createMetrics } from './telemetry/index.ts';
import type { FirstKeys } from './tenants/index.ts';

/** A collector that is slow may hold up the end of the process for so long, and no longer than attempts may. */
const LAST_SPANS_MS = 3_000;

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
