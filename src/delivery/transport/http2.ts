import type { EgressGuard } from '../../lib/egress.ts';
import { EgressRefusedError } from '../../lib/egress.ts';
import { reveal } from '../../lib/secret.ts';
import type { HttpResponse } from '../../providers/index.ts';
import { SessionPool } from './session-pool.ts';
import { type HttpTransport, judgeFault, type Sent, targetOf } from './transport.ts';

const IDLE_POOL_MS = 600_000;
const SWEEP_MS = 60_000;

/**
 * HTTP/2 over long-lived, multiplexed sessions (RFC 9113), as Apple asks for: a pool of sessions for each connection
 * and origin. `http://` origins speak h2c with prior knowledge; the guard lets allowed addresses through only.
 */
export function createHttp2Transport({ guard }: { guard: EgressGuard }): HttpTransport {
  const pools = new Map<string, SessionPool>();
  const sweep = setInterval(() => {
    const before = performance.now() - IDLE_POOL_MS;
    for (const [key, pool] of pools) {
      if (!pool.isIdleSince(before)) continue;
      pools.delete(key);
      pool.close();
    }
  }, SWEEP_MS);
  sweep.unref();

  return {
    async send(request, options): Promise<Sent<HttpResponse>> {
      const url = targetOf(reveal(request.url as string), options);
      const verdict = options.redirect ? { ok: true as const } : guard.checkUrl(url.href);
      if (!verdict.ok) return judgeFault(new EgressRefusedError(verdict.why), false);
      const key = `${options.connectionKey} ${url.origin}`;
      let pool = pools.get(key);
      if (!pool) {
        const lookup = options.redirect
          ? undefined
          : url.protocol === 'https:'
            ? guard.lookup
            : guard.plainLookup;
        pool = new SessionPool(url.origin, { lookup, connectTimeoutMs: options.connectTimeoutMs });
        pools.set(key, pool);
      }
      const headers: Record<string, string> = {
        ':method': request.method,
        ':path': url.pathname + url.search,
      };
      for (const name in request.headers) headers[name] = reveal(request.headers[name]!);
      if (options.redirect) Object.assign(headers, options.redirect.headers);
      return pool.exchange(headers, request.body, options.deadlineMs);
    },
    async close() {
      clearInterval(sweep);
      for (const pool of pools.values()) pool.close();
      pools.clear();
    },
  };
}
