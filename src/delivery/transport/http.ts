import { channel } from 'node:diagnostics_channel';
import { Agent, type Dispatcher } from 'undici';
import { type EgressGuard, EgressRefusedError } from '../../lib/egress.ts';
import { reveal } from '../../lib/secret.ts';
import type { HttpRequest, HttpResponse } from '../../providers/index.ts';
import {
  type HttpTransport,
  judgeFault,
  MAX_ANSWER_BYTES,
  type SendOptions,
  type Sent,
  targetOf,
} from './transport.ts';

const MAX_CONNECTIONS = 128;
const KEEP_ALIVE_MS = 30_000;
const IDLE_POOL_MS = 300_000;

/** The evidence of one exchange: false as long as the peer can have seen nothing. */
interface Exchange {
  bytesOut: boolean;
}

// undici publishes this right before the first byte of a request is written to its socket; before it, a failure
// (DNS, connect, TLS, a full pool) means that the peer saw nothing. An exchange is known by its body, a buffer of its own.
// https://undici.nodejs.org/#/docs/api/DiagnosticsChannel
const SEND_HEADERS = 'undici:client:sendHeaders';

interface Pool {
  agent: Agent;
  usedAt: number;
}

/** HTTP/1.1 over keep-alive pools, one for each connection. Redirects are not followed: a vendor's API has none. */
export function createHttpTransport({ guard }: { guard: EgressGuard }): HttpTransport {
  const pools = new Map<string, Pool>();
  const exchanges = new WeakMap<object, Exchange>();
  const onHeaders = (message: unknown) => {
    const { body } = (message as { request: { body: unknown } }).request;
    const exchange = typeof body === 'object' && body !== null ? exchanges.get(body) : undefined;
    if (exchange) exchange.bytesOut = true;
  };
  const sendHeaders = channel(SEND_HEADERS);
  sendHeaders.subscribe(onHeaders);
  const sweep = setInterval(() => closeIdle(pools), IDLE_POOL_MS);
  sweep.unref();

  return {
    async send(request, options): Promise<Sent<HttpResponse>> {
      const url = targetOf(reveal(request.url as string), options);
      const verdict = options.redirect ? { ok: true as const } : guard.checkUrl(url.href);
      if (!verdict.ok) return judgeFault(new EgressRefusedError(verdict.why), false);
      const body = Buffer.from(request.body);
      // Without a body there is nothing to know the exchange by, so nothing is proved.
      const exchange: Exchange = { bytesOut: body.length === 0 };
      exchanges.set(body, exchange);
      try {
        const agent = poolOf(pools, guard, url, options);
        return { kind: 'reply', reply: await exchangeOnce(agent, { url, request, body, options }) };
      } catch (error) {
        return judgeFault(error as Error, exchange.bytesOut);
      }
    },
    async close() {
      clearInterval(sweep);
      sendHeaders.unsubscribe(onHeaders);
      await Promise.allSettled([...pools.values()].map(({ agent }) => agent.destroy()));
      pools.clear();
    },
  };
}

async function exchangeOnce(
  agent: Agent,
  { url, request, body, options }: { url: URL; request: HttpRequest; body: Buffer; options: SendOptions },
): Promise<HttpResponse> {
  const headers: Record<string, string> = { ...options.redirect?.headers };
  for (const [name, value] of Object.entries(request.headers)) headers[name] = reveal(value);
  const answer = await agent.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: request.method,
    headers,
    body: body.length === 0 ? null : body,
    signal: AbortSignal.timeout(options.deadlineMs),
    headersTimeout: options.deadlineMs,
    bodyTimeout: options.deadlineMs,
  });
  return {
    status: answer.statusCode,
    headers: joinHeaders(answer.headers),
    body: await readBody(answer.body),
  };
}

/** Once the status is here the vendor has decided: a body that breaks off afterwards is read as far as it came. */
async function readBody(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_ANSWER_BYTES) break;
    }
  } catch {}
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString('utf8');
}

function joinHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

function poolOf(pools: Map<string, Pool>, guard: EgressGuard, url: URL, options: SendOptions): Agent {
  const key = `${options.connectionKey} ${url.origin}`;
  const known = pools.get(key);
  if (known) {
    known.usedAt = performance.now();
    return known.agent;
  }
  const agent = new Agent({
    connections: Math.min(options.maxInFlight, MAX_CONNECTIONS),
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: {
      timeout: options.connectTimeoutMs,
      minVersion: 'TLSv1.2',
      ...(options.redirect ? {} : { lookup: url.protocol === 'https:' ? guard.lookup : guard.plainLookup }),
    },
  });
  pools.set(key, { agent, usedAt: performance.now() });
  return agent;
}

function closeIdle(pools: Map<string, Pool>): void {
  const before = performance.now() - IDLE_POOL_MS;
  for (const [key, { agent, usedAt }] of pools) {
    if (usedAt > before) continue;
    pools.delete(key);
    void agent.close();
  }
}
