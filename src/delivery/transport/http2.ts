import { targetOfUrl } from '../../lib/egress.ts';
import { MaskedUrl } from '../../lib/secret.ts';
import { Deadlines } from './deadlines.ts';
import { closedError, judgeFault } from './fault.ts';
import { Http2Exchange } from './http2-exchange.ts';
import { createPreparation } from './outgoing.ts';
import { Pools } from './pools.ts';
import { SessionPool } from './session-pool.ts';
import type { HttpTransport, TransportTools } from './transport.ts';

/** Apple asks to keep sessions open for as long as possible; PINGs keep them alive meanwhile. */
const IDLE_POOL_MS = 600_000;

/** HTTP/2 over long-lived, multiplexed sessions (RFC 9113): a pool of them for each connection and origin. */
export function createHttp2Transport({ guard, logger }: TransportTools): HttpTransport {
  const pools = new Pools<SessionPool>(IDLE_POOL_MS);
  const deadlines = new Deadlines();
  const prepare = createPreparation(guard);
  return {
    async send(request, options) {
      if (pools.isClosed) return judgeFault(closedError(), 'nothing-written');
      const prepared = prepare(request, options);
      if ('kind' in prepared) return prepared;
      const { origin, path, headers, body, poolKey } = prepared.outgoing;
      let pool = pools.find(poolKey);
      if (!pool) {
        const lookup = options.redirect ? undefined : guard.lookupFor(targetOfUrl(origin));
        const { connectTimeoutMs } = options;
        pool = pools.add(
          poolKey,
          new SessionPool({ origin: origin.origin, lookup, connectTimeoutMs }, logger),
        );
      }
      const outgoing = {
        method: request.method,
        path,
        isPathSecret: request.url instanceof MaskedUrl,
        headers,
        body,
      };
      return new Promise((resolve) =>
        pool.start(new Http2Exchange(outgoing, { resolve, deadlines, options })),
      );
    },
    close: () => pools.closeAll(),
  };
}
