import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

type Turns = ReturnType<typeof monitorEventLoopDelay>;

/** What is told of the turns since the last scrape, in nanoseconds. */
const FIGURES = {
  min: ['The shortest turn of the event loop since the last scrape.', (turns) => turns.min],
  max: ['The longest turn of the event loop since the last scrape.', (turns) => turns.max],
  mean: ['The mean turn of the event loop since the last scrape.', (turns) => turns.mean],
  stddev: ['The standard deviation of these turns.', (turns) => turns.stddev],
  p50: ['The 50th percentile of these turns.', (turns) => turns.percentile(50)],
  p90: ['The 90th percentile of these turns.', (turns) => turns.percentile(90)],
  p99: ['The 99th percentile of these turns.', (turns) => turns.percentile(99)],
} satisfies Record<string, [help: string, read: (turns: Turns) => number]>;

/**
 * Tells, under the names that prom-client gives them, how long turns of the event loop hold up what is due next. Each
 * turn is measured as it happens, so an idle process is not woken up to find out that it is idle, and nothing is
 * missed between two samples.
 */
export function watchEventLoop(registry: Registry): void {
  const turns = monitorEventLoopDelay({ samplePerIteration: true });
  turns.enable();
  const gauges: { gauge: Gauge; read: (turns: Turns) => number }[] = [];
  // One of them collects for all, since reading ends the period.
  const collect = () => {
    for (const { gauge, read } of gauges) gauge.set(turns.count === 0 ? 0 : read(turns) / 1e9);
    turns.reset();
  };
  for (const [figure, [help, read]] of Object.entries(FIGURES)) {
    const name = `nodejs_eventloop_lag_${figure}_seconds`;
    registry.removeSingleMetric(name);
    const gauge = new Gauge({ name, help, registers: [registry], ...(gauges.length === 0 && { collect }) });
    gauges.push({ gauge, read });
  }
}
