import type { Pool as Connections, Dispatcher } from 'undici';
import { type EgressGuard, targetOfUrl } from '../../lib/egress.ts';
import { onDemand } from '../../lib/on-demand.ts';
import type { HttpRequest } from '../../providers/index.ts';
import { Deadlines } from './deadlines.ts';
import { Exchange, type ExchangeOptions } from './exchange.ts';
import { closedError, codedError, type Evidence, judgeFault } from './fault.ts';
import { createPreparation, type Outgoing } from './outgoing.ts';
import { type Pool, Pools } from './pools.ts';
import type { HttpTransport, SendOptions, TransportTools } from './transport.ts';

const undici = onDemand<typeof import('undici')>('undici');

const MAX_CONNECTIONS = 128;
/**
 * Shorter than what servers use (60 s and more are common), since a request that meets their close on its way ends as
 * unknown. A shorter time that a server announces (`Keep-Alive: timeout=5`) is kept to.
 */
const KEEP_ALIVE_MS = 15_000;
const IDLE_POOL_MS = 120_000;

/**
 * HTTP/1.1 over keep-alive connections, a pool for each connection and origin. Redirects are not followed: no vendor's
 * API has them, and they could lead anywhere. Compression is not asked for.
 */
export function createHttpTransport({ guard }: TransportTools): HttpTransport {
  const pools = new Pools<HttpPool>(IDLE_POOL_MS);
  const deadlines = new Deadlines();
  const prepare = createPreparation(guard);
  return {
    async send(request, options) {
      if (pools.isClosed) return judgeFault(closedError(), 'nothing-written');
      const prepared = prepare(request, options);
      if ('kind' in prepared) return prepared;
      const { outgoing } = prepared;
      const pool =
        pools.find(outgoing.poolKey) ??
        pools.add(outgoing.poolKey, new HttpPool(outgoing.origin, options, guard));
      return new Promise((resolve) => pool.start(request.method, outgoing, { resolve, deadlines, options }));
    },
    close: () => pools.closeAll(),
  };
}

class HttpPool implements Pool {
  readonly #connections: Connections;
  #usedAt = performance.now();

  constructor(origin: URL, options: SendOptions, guard: EgressGuard) {
    const { Pool: Connections } = undici();
    this.#connections = new Connections(origin.origin, {
      connections: Math.min(options.maxInFlight, MAX_CONNECTIONS),
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      // The exchange's own deadline covers both.
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
      connect: {
        timeout: options.connectTimeoutMs,
        minVersion: 'TLSv1.2',
        ...(options.redirect ? {} : { lookup: guard.lookupFor(targetOfUrl(origin)) }),
      },
    });
  }

  start(method: HttpRequest['method'], { path, headers, body }: Outgoing, options: ExchangeOptions): void {
    this.#usedAt = performance.now();
    const request = { path, method, headers, body: Buffer.from(body) };
    this.#connections.dispatch(request, new HttpExchange(options));
  }

  isIdleSince(moment: number): boolean {
    return this.#usedAt <= moment && this.#connections.stats.size === 0;
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  destroy(): void {
    void this.#connections.destroy(closedError());
  }
}

/** https://undici.nodejs.org/#/docs/api/Dispatcher?id=dispatcherdispatchoptions-handler */
class HttpExchange extends Exchange implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | null = null;

  /**
   * undici calls this in the same turn in which it writes the request to a connected socket, and not before: the place
   * where it publishes `undici:client:sendHeaders`, but for this request alone.
   */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    // What was given up while it waited is not written, and what was written is not written again.
    if (this.isSettled || this.#controller)
      controller.abort(codedError('ERR_NOT_SENT', 'it is not to be sent'));
    else this.#controller = controller;
  }

  onResponseStart(_: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    this.receiveHead(status, plainHeaders(headers));
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    this.receiveBody(chunk);
  }

  onResponseEnd(): void {
    this.receiveEnd();
  }

  onResponseError(_: unknown, error: Error): void {
    this.fail(error);
  }

  protected evidence(): Evidence {
    return this.#controller ? 'maybe-written' : 'nothing-written';
  }

  protected cancel(): void {
    this.#controller?.abort(codedError('ERR_GIVEN_UP', 'the exchange is settled'));
  }
}

/** Lower-case names; repeated headers joined (RFC 9110, 5.3). */
function plainHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    plain[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return plain;
}
