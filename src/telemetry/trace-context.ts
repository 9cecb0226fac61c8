import { hash } from 'node:crypto';

/** What a caller's `traceparent` says (https://www.w3.org/TR/trace-context/#traceparent-header). */
export interface TraceParent {
  traceId: string;
  /** The caller's own span, under which ours are hung. */
  spanId: string;
  sampled: boolean;
}

/** A caller's trace as it travels with the stored request. */
export interface CallersTrace {
  /** A `traceparent` of version 00. */
  trace: string;
  traceState?: string;
}

// Version ff is forbidden; a version above 00 may carry more, behind another hyphen (3.2.2 and 4.3 of the standard).
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED_FLAG = 1;

const MAX_STATE_CHARS = 512;
const MAX_STATE_MEMBERS = 32;
const SIMPLE_KEY = '[a-z][a-z0-9_*/-]{0,255}';
const TENANT_KEY = '[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}';
// Printable ASCII without comma and equals sign, not ending in a space (3.3.1.3.2).
const STATE_VALUE = '[\\x20-\\x2b\\x2d-\\x3c\\x3e-\\x7e]{0,255}[\\x21-\\x2b\\x2d-\\x3c\\x3e-\\x7e]';
const STATE_MEMBER = new RegExp(`^((?:${SIMPLE_KEY})|(?:${TENANT_KEY}))=${STATE_VALUE}$`);

/** Null for anything the standard does not allow: such a header is ignored, never an error. */
export function parseTraceParent(text: unknown): TraceParent | null {
  const match = typeof text === 'string' ? TRACEPARENT.exec(text) : null;
  if (!match) return null;
  const [, version, traceId, spanId, flags, more] = match;
  if (version === '00' && more !== undefined) return null;
  return {
    traceId: traceId!,
    spanId: spanId!,
    sampled: (Number.parseInt(flags!, 16) & SAMPLED_FLAG) === SAMPLED_FLAG,
  };
}

export function formatTraceParent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

/** The list of vendors' states, tidied; undefined when it breaks the grammar or is longer than must be carried. */
export function parseTraceState(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > MAX_STATE_CHARS) return undefined;
  const members = text
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
  const keys = members.map((member) => STATE_MEMBER.exec(member)?.[1]);
  if (members.length === 0 || members.length > MAX_STATE_MEMBERS) return undefined;
  if (keys.includes(undefined) || new Set(keys).size < keys.length) return undefined;
  return members.join(',');
}

/** The trace that a request continues, or undefined: most callers send none. */
export function callersTrace(headers: {
  traceparent?: unknown;
  tracestate?: unknown;
}): CallersTrace | undefined {
  if (headers.traceparent === undefined) return undefined;
  const parent = parseTraceParent(headers.traceparent);
  if (!parent) return undefined;
  const traceState = parseTraceState(headers.tracestate);
  return { trace: formatTraceParent(parent), ...(traceState === undefined ? {} : { traceState }) };
}

/**
 * The id of a notification's trace: the caller's, or else the notification's own id without hyphens. So every process
 * knows it without being told, whoever has the one id has the other, and nothing is stored for it.
 */
export function traceIdOf(notificationId: string, trace: string | undefined): string {
  return trace === undefined ? notificationId.replaceAll('-', '') : trace.slice(3, 35);
}

/** Span ids follow from what the span is about, so that a process can name the span of another one as the parent. */
export function spanIdOf(...about: (string | number)[]): string {
  return hash('sha256', about.join('/'), 'hex').slice(0, 16);
}

/**
 * Whether `ratio` (0 to 1) of all traces takes in this one. The right 56 bits of the id are compared with a threshold,
 * as OpenTelemetry's samplers do (https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/);
 * in a UUIDv7 they are random.
 */
export function isInSample(traceId: string, ratio: number): boolean {
  return ratio > 0 && Number.parseInt(traceId.slice(-14), 16) / 2 ** 56 >= 1 - ratio;
}
