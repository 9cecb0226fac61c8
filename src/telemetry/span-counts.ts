import type { Metrics } from './metrics.ts';
import type { Tracer } from './tracing.ts';

/** The tracer keeps its own counts: what they grew by since the last scrape is added. */
export function countSpans(tracer: Tracer, metrics: Metrics): () => void {
  let known = { exported: 0, dropped: 0 };
  return () => {
    const { exported, dropped } = tracer.counts;
    metrics.spansExported.inc(exported - known.exported);
    metrics.spansDropped.inc(dropped - known.dropped);
    known = { exported, dropped };
  };
}
