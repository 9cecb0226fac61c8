export { type Access, type Caller, judgeCaller } from './access.ts';
export { DEPTH_CAP, type Declaration, METRICS, type MetricKey } from './declarations.ts';
export type { AcceptFact, AttemptFact, ReceiptFact, RouteFact, Subject } from './facts.ts';
export { type LoopBeat, LoopWatch, UNWATCHED } from './loop-watch.ts';
export { createMetrics, kindOf, METRICS_TYPE, type Metrics } from './metrics.ts';
export { renderMetricsReference } from './reference.ts';
export { Tally } from './tally.ts';
export { type CallersTrace, callersTrace, parseTraceParent, traceIdOf } from './trace-context.ts';
export { startTracing, type Tracer, type TracingSettings } from './tracing.ts';
