import {
  createTraceState,
  type HrTime,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { SpanRecord } from './spans.ts';

// Only tracing.ts imports this file, and only when tracing is on: the libraries take time and memory to load.

/** One export, the exporter's own repeated tries included. */
const TIMEOUT_MS = 5_000;

const KINDS: Record<SpanRecord['kind'], SpanKind> = {
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
};

export interface OtlpOptions {
  /** Base address of the collector (http or https); spans go to `/v1/traces` below it. */
  endpoint: string;
  headers: Record<string, string>;
  version: string;
}

/** Sends spans by OTLP over HTTP, as JSON; rejects when the collector did not take them. */
export function createOtlpSender(options: OtlpOptions): (spans: SpanRecord[]) => Promise<void> {
  const exporter = new OTLPTraceExporter({
    url: tracesUrl(options.endpoint),
    headers: options.headers,
    timeoutMillis: TIMEOUT_MS,
  });
  const toReadable = spanReader(options.version);
  return (spans) =>
    new Promise((resolve, reject) => {
      exporter.export(spans.map(toReadable), ({ error, code }) => {
        // ExportResultCode.SUCCESS, of a package that we do not depend on ourselves.
        if (code === 0) resolve();
        else reject(error ?? new Error('the collector refused the spans'));
      });
    });
}

/** The usual convention: the endpoint is a base, unless it names the path itself. */
export function tracesUrl(endpoint: string): string {
  const base = endpoint.replace(/\/+$/, '');
  return base.endsWith('/v1/traces') ? base : `${base}/v1/traces`;
}

function spanReader(version: string): (record: SpanRecord) => ReadableSpan {
  // The exporter groups by identity and reads the attributes, nothing more.
  const resource = {
    attributes: { 'service.name': 'bellhop', 'service.version': version },
  } as unknown as ReadableSpan['resource'];
  const instrumentationScope = { name: 'bellhop', version };
  const none = {
    links: [],
    events: [],
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
  return (record) => {
    // Whatever is exported counts as sampled: without the flag some collectors would drop it again.
    const shared = { traceId: record.traceId, traceFlags: TraceFlags.SAMPLED };
    const traceState = record.traceState === undefined ? undefined : createTraceState(record.traceState);
    const context: SpanContext = { ...shared, spanId: record.spanId, traceState };
    return {
      ...none,
      name: record.name,
      kind: KINDS[record.kind],
      spanContext: () => context,
      parentSpanContext: record.parent ? { ...shared, ...record.parent } : undefined,
      startTime: hrTime(record.startMs),
      endTime: hrTime(record.endMs),
      duration: hrTime(record.endMs - record.startMs),
      status:
        record.failure === null
          ? { code: SpanStatusCode.UNSET }
          : { code: SpanStatusCode.ERROR, message: record.failure },
      attributes: record.attributes,
      ended: true,
      resource,
      instrumentationScope,
    };
  };
}

function hrTime(ms: number): HrTime {
  return [Math.floor(ms / 1_000), Math.round((ms % 1_000) * 1e6)];
}
