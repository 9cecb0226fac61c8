import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { AcceptFact, AttemptFact, ReceiptFact, RouteFact, Subject } from './facts.ts';
import { SpanQueue } from './span-queue.ts';
import type { SpanRecord } from './spans.ts';
import {
  buildAcceptSpan,
  buildAttemptSpan,
  buildReceiptSpan,
  buildRouteSpan,
  deriveEarlierSpans,
  isFailedAttempt,
  isFailedReceipt,
} from './spans.ts';
import { isInSample, parseTraceParent, traceIdOf } from './trace-context.ts';

/**
 * Tells a collector how a notification went: accept → route → deliver → receipt, one trace each. Rooms call it when a
 * step is over; where tracing is off there is no tracer at all. Nothing here waits or throws.
 *
 * Which spans are exported is decided when they end: those of sampled traces (the caller's flag, or else a share of
 * the trace ids), of high priority, and of what failed or was repeated. Routing gets a span per notification, not one
 * per batch with links: the notifications of a batch belong to different traces, which are sampled apart, and a span
 * can hang in one tree only; the batch is an attribute.
 */
export interface Tracer {
  accepted(fact: AcceptFact): void;
  routed(fact: RouteFact): void;
  attempted(fact: AttemptFact): void;
  received(fact: ReceiptFact): void;
  /** Spans since the start: taken by the collector, and lost. */
  readonly counts: { exported: number; dropped: number };
  /** Sends what waits, for at most `timeoutMs`. */
  close(timeoutMs: number): Promise<void>;
}

export interface TracingSettings {
  endpoint: string;
  headers: Record<string, string>;
  /** The share of traces to keep, 0 to 1, where the caller does not say. */
  sample: number;
}

/** Notifications whose earlier spans were made again are remembered, so that several failures make them once. */
const MAX_DERIVED = 1_000;

/** Loads what tracing needs, or nothing and answers undefined when it is not set up. */
export async function startTracing(
  settings: TracingSettings | undefined,
  tools: { clock: Clock; logger: Logger; version: string },
): Promise<Tracer | undefined> {
  if (!settings) return undefined;
  const { createOtlpSender } = await import('./otlp.ts');
  const send = createOtlpSender({ ...settings, version: tools.version });
  return createTracer(new SpanQueue({ send, clock: tools.clock, logger: tools.logger }), settings.sample);
}

export function createTracer(queue: Pick<SpanQueue, 'add' | 'counts' | 'close'>, sample: number): Tracer {
  const derived = new Set<string>();
  const isKept = (subject: Subject) => subject.urgent || isSampled(subject, sample);
  const addIf = (keep: boolean, build: () => SpanRecord) => {
    if (keep) queue.add(build());
  };
  return {
    accepted: (fact) => addIf(fact.failed || isKept(fact), () => buildAcceptSpan(fact)),
    routed: (fact) => addIf(fact.failure !== null || isKept(fact), () => buildRouteSpan(fact)),
    attempted(fact) {
      const kept = isKept(fact);
      if (!kept && !isFailedAttempt(fact) && fact.attempt === 1) return;
      if (!kept && remember(derived, fact.notificationId))
        for (const span of deriveEarlierSpans(fact)) queue.add(span);
      queue.add(buildAttemptSpan(fact));
    },
    received: (fact) => addIf(isFailedReceipt(fact) || isKept(fact), () => buildReceiptSpan(fact)),
    get counts() {
      return queue.counts;
    },
    close: (timeoutMs) => queue.close(timeoutMs),
  };
}

/** The caller's word counts; where he said nothing, a share of the traces is kept. */
function isSampled({ notificationId, trace }: Subject, sample: number): boolean {
  if (trace !== undefined) return parseTraceParent(trace)?.sampled ?? false;
  return isInSample(traceIdOf(notificationId, undefined), sample);
}

/** False when it was known already. */
function remember(known: Set<string>, id: string): boolean {
  if (known.has(id)) return false;
  known.add(id);
  if (known.size > MAX_DERIVED) known.delete(known.values().next().value!);
  return true;
}
