import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as a collector gets it (OTLP/HTTP, JSON encoding), its attributes as a plain object. */
export interface CollectedSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  traceState: string | undefined;
  startMs: number;
  endMs: number;
  status: { code: number; message?: string };
  attributes: Record<string, unknown>;
}

export interface Collector {
  endpoint: string;
  spans: CollectedSpan[];
  /** All that was posted, as text. */
  posted(): string;
  /** The spans of one trace once there are so many of them. */
  ofTrace(traceId: string): CollectedSpan[];
  close(): Promise<void>;
}

/** Takes traces on loopback as an OpenTelemetry collector does (https://opentelemetry.io/docs/specs/otlp/#otlphttp). */
export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  let posted = '';
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    posted += body;
    if (request.url !== '/v1/traces' || request.headers['content-type'] !== 'application/json') {
      response.writeHead(404).end();
      return;
    }
    spans.push(...parseExport(body));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    posted: () => posted,
    ofTrace: (traceId) => spans.filter((span) => span.traceId === traceId),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function parseExport(body: string): CollectedSpan[] {
  // biome-ignore lint/suspicious/noExplicitAny: the message of another project, read by hand
  const { resourceSpans } = JSON.parse(body) as any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  return resourceSpans.flatMap(({ scopeSpans }: any) =>
    // biome-ignore lint/suspicious/noExplicitAny: see above
    scopeSpans.flatMap(({ spans }: any) => spans.map(parseSpan)),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: see above
function parseSpan(span: any): CollectedSpan {
  const { name, kind, traceId, spanId, parentSpanId, traceState, status } = span;
  return {
    ...{ name, kind, traceId, spanId, parentSpanId, traceState, status },
    startMs: Number(BigInt(span.startTimeUnixNano) / 1_000_000n),
    endMs: Number(BigInt(span.endTimeUnixNano) / 1_000_000n),
    attributes: Object.fromEntries(
      span.attributes.map(({ key, value }: { key: string; value: object }) => [key, Object.values(value)[0]]),
    ),
  };
}
