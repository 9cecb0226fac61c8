import type { Config } from './config/index.ts';
import { createObservingServer, registerHealth, registerMetrics, type Server } from './http/index.ts';
import type { Parts, Stop } from './parts.ts';

/** Metrics and health on a port of their own, in every role. */
export async function startObserving(config: Config, parts: Parts, stops: Stop[]): Promise<string> {
  const app = createObservingServer(parts.logger);
  observe(app, config, parts, true);
  await app.listen({ port: config.metrics.port!, host: config.host });
  stops.push(() => app.close());
  return urlOf(app, config);
}

export function urlOf(app: Server, { host }: Config): string {
  const { port } = app.server.address() as { port: number };
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Mounts health, and metrics where they have no port of their own. */
export function observe(app: Server, config: Config, parts: Parts, withMetrics: boolean): void {
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
