export type { AcceptFact, AttemptFact, ReceiptFact, RouteFact, Subject } from './facts.ts';
export { type CallersTrace, callersTrace, parseTraceParent, traceIdOf } from './trace-context.ts';
export { startTracing, type Tracer, type TracingSettings } from './tracing.ts';
