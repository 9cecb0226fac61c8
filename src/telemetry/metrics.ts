import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Declaration, METRICS, type MetricKey } from './declarations.ts';
import { watchEventLoop } from './event-loop.ts';

type Instrument<D> = D extends { type: infer T; labels: readonly (infer L extends string)[] }
  ? T extends 'counter'
    ? Counter<L>
    : T extends 'gauge'
      ? Gauge<L>
      : Histogram<L>
  : never;

/** The instruments of one process, by the names of the declarations. */
export type Metrics = { readonly [Key in MetricKey]: Instrument<(typeof METRICS)[Key]> } & {
  /** The text that Prometheus reads; asks all that registered with `beforeScrape` first. */
  render(): Promise<string>;
  /** Sets gauges just in time. What fails leaves its gauges as they were; the scrape goes on. */
  beforeScrape(sample: () => Promise<void> | void): void;
  /** Adds what prom-client knows of the process: CPU, memory, garbage collection, event-loop delay. */
  watchProcess(): void;
};

/** Content-Type of `render()`. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;
/** prom-client's own watch over the event loop wakes up as often as it is told; ours needs no timer. */
const NEVER_MS = 2_147_483_647;

/** A registry of its own, so that nothing is shared between instances in one process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const samples: (() => Promise<void> | void)[] = [];
  const instruments = Object.fromEntries(
    Object.entries(METRICS).map(([key, declaration]) => [key, createInstrument(declaration, registry)]),
  ) as unknown as Omit<Metrics, 'render' | 'beforeScrape' | 'watchProcess'>;
  return Object.assign(instruments, {
    async render() {
      await Promise.allSettled(samples.map(async (sample) => sample()));
      return registry.metrics();
    },
    beforeScrape: (sample: () => Promise<void> | void) => void samples.push(sample),
    watchProcess() {
      collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
      watchEventLoop(registry);
    },
  });
}

function createInstrument({ type, name, help, labels, buckets }: Declaration, registry: Registry) {
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'counter') return new Counter(options);
  if (type === 'gauge') return new Gauge(options);
  return new Histogram({ ...options, buckets: [...buckets!] });
}

/** Live or test, as a label. */
export function kindOf(live: boolean): 'live' | 'test' {
  return live ? 'live' : 'test';
}
