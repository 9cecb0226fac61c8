import { uuidv7Time } from '../lib/ids.ts';
import type { AcceptFact, AttemptFact, ReceiptFact, RouteFact, Subject } from './facts.ts';
import { parseTraceParent, spanIdOf, traceIdOf } from './trace-context.ts';

/** A finished span, before any library knows of it. */
export interface SpanRecord {
  name: 'accept' | 'route' | 'deliver' | 'receipt';
  kind: 'server' | 'internal' | 'client' | 'consumer';
  traceId: string;
  spanId: string;
  parent: { spanId: string; isRemote: boolean } | null;
  traceState: string | undefined;
  startMs: number;
  endMs: number;
  attributes: Record<string, string | number | boolean | string[]>;
  /** Why the status is an error; null leaves it unset. */
  failure: string | null;
}

type Attributes = Record<string, string | number | boolean | string[] | null>;

/** What the answers of providers call a failure, be it the last word or not. */
const FAILURES = new Set(['rejected', 'retry', 'unavailable', 'unknown']);
const FAILED_EVENTS = new Set(['bounced', 'failed', 'complained']);

export function isFailedAttempt({ outcome }: Pick<AttemptFact, 'outcome'>): boolean {
  return FAILURES.has(outcome);
}

export function isFailedReceipt({ event }: Pick<ReceiptFact, 'event'>): boolean {
  return FAILED_EVENTS.has(event);
}

export function buildAcceptSpan(fact: AcceptFact): SpanRecord {
  const { notificationId, outcome, startedAt } = fact;
  return {
    ...acceptFrame(fact),
    // A repeated request is another span of the notification that the first one made.
    ...(outcome === 'replayed' ? { spanId: spanIdOf(notificationId, 'replay', startedAt) } : {}),
    startMs: startedAt,
    endMs: fact.endedAt,
    attributes: describe(fact, {
      'http.request.method': 'POST',
      'http.route': '/v1/notifications',
      'bellhop.outcome': outcome,
      'bellhop.commit_ms': fact.commitMs,
    }),
    failure: fact.failed ? outcome : null,
  };
}

export function buildRouteSpan(fact: RouteFact): SpanRecord {
  return {
    ...routeFrame(fact),
    startMs: fact.startedAt,
    endMs: fact.endedAt,
    attributes: describe(fact, {
      'bellhop.batch': fact.batch,
      'bellhop.queued': fact.queued,
      'bellhop.skipped': fact.skipped.length > 0 ? fact.skipped : null,
    }),
    failure: fact.failure,
  };
}

export function buildAttemptSpan(fact: AttemptFact): SpanRecord {
  return {
    ...frame(fact, 'deliver', attemptSpanId(fact)),
    // What goes into the inbox does not leave this installation.
    kind: fact.channel === 'inbox' ? 'internal' : 'client',
    parent: { spanId: spanIdOf(fact.notificationId, 'route'), isRemote: false },
    startMs: fact.startedAt,
    endMs: fact.endedAt,
    attributes: describe(fact, {
      'bellhop.delivery': fact.deliveryId,
      'bellhop.attempt': fact.attempt,
      'bellhop.channel': fact.channel,
      'bellhop.provider': fact.provider,
      'bellhop.connection': fact.connection,
      'bellhop.device': fact.deviceId,
      'bellhop.platform': fact.platform,
      'bellhop.outcome': fact.outcome,
      'bellhop.state': fact.state,
      'bellhop.reason': fact.reason,
      'bellhop.code': fact.code,
    }),
    failure: isFailedAttempt(fact) ? (fact.reason ?? fact.outcome) : null,
  };
}

export function buildReceiptSpan(fact: ReceiptFact): SpanRecord {
  return {
    ...frame(fact, 'receipt', spanIdOf(fact.deliveryId, fact.event, fact.occurredAt ?? fact.startedAt)),
    kind: 'consumer',
    parent: { spanId: attemptSpanId(fact), isRemote: false },
    startMs: fact.startedAt,
    endMs: fact.endedAt,
    attributes: describe(fact, {
      'bellhop.delivery': fact.deliveryId,
      'bellhop.connection': fact.connection,
      'bellhop.event': fact.event,
      'bellhop.reason': fact.reason,
      'bellhop.code': fact.code,
      'bellhop.occurred_at': fact.occurredAt === null ? null : new Date(fact.occurredAt).toISOString(),
    }),
    failure: isFailedReceipt(fact) ? (fact.reason ?? fact.event) : null,
  };
}

/**
 * What came before a failed attempt of a trace that nobody sampled. Those spans were not exported when they ended,
 * perhaps in another process; their ids, parents and moments follow from the delivery's own row, so they are made
 * again, without a length and marked `bellhop.derived`.
 */
export function deriveEarlierSpans(fact: AttemptFact): SpanRecord[] {
  const acceptedAt = uuidv7Time(fact.notificationId);
  const attributes = describe(fact, { 'bellhop.derived': true });
  const derived = (at: number) => ({ startMs: at, endMs: at, attributes, failure: null });
  return [
    { ...acceptFrame(fact), ...derived(acceptedAt) },
    { ...routeFrame(fact), ...derived(fact.routedAt) },
  ];
}

function acceptFrame(subject: Subject) {
  const caller = parseTraceParent(subject.trace);
  return {
    ...frame(subject, 'accept', spanIdOf(subject.notificationId, 'accept')),
    kind: 'server' as const,
    parent: caller && { spanId: caller.spanId, isRemote: true },
  };
}

function routeFrame(subject: Subject) {
  return {
    ...frame(subject, 'route', spanIdOf(subject.notificationId, 'route')),
    kind: 'internal' as const,
    parent: { spanId: spanIdOf(subject.notificationId, 'accept'), isRemote: false },
  };
}

function frame({ notificationId, trace, traceState }: Subject, name: SpanRecord['name'], spanId: string) {
  return { name, traceId: traceIdOf(notificationId, trace), spanId, traceState };
}

function attemptSpanId({ deliveryId, attempt }: { deliveryId: string; attempt: number }): string {
  return spanIdOf(deliveryId, attempt);
}

function describe(subject: Subject, more: Attributes): SpanRecord['attributes'] {
  const all: Attributes = {
    'bellhop.tenant': subject.tenantId,
    'bellhop.notification': subject.notificationId,
    'bellhop.live': subject.live,
    ...more,
  };
  return Object.fromEntries(
    Object.entries(all).filter(
      (entry): entry is [string, string | number | boolean | string[]] => entry[1] !== null,
    ),
  );
}
