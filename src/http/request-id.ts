import type { IncomingMessage } from 'node:http';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Logger } from '../lib/logger.ts';
import { parseTraceParent } from '../telemetry/index.ts';
import type { Server } from './server.ts';

export const REQUEST_ID = 'x-request-id';

// It comes back in an answer and stands in the log: nothing that could break either.
const GIVEN_ID = /^[\w.:-]{1,128}$/;

/** The id a proxy or the caller gave the request, if it is usable, or a new one. */
export function createRequestIds(clock: Clock): (request: { headers: IncomingMessage['headers'] }) => string {
  return ({ headers }) => {
    const given = headers[REQUEST_ID];
    return typeof given === 'string' && GIVEN_ID.test(given) ? given : uuidv7(clock.now());
  };
}

/**
 * Every answer carries the id of its request, and so does a line about it: `warn` for 5xx but 503, `info` for other refusals,
 * `debug` for the rest, since a line is a system call and costs as much as the request itself.
 */
export function installRequestIds(app: Server, logger: Logger): void {
  // Takes no promise: this runs for every request, before everything else.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(REQUEST_ID, request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const level = levelOf(reply.statusCode);
    if (!logger.isEnabled(level)) return done();
    const { credential } = request;
    logger[level](
      {
        requestId: request.id,
        method: request.method,
        path: request.routeOptions.url,
        status: reply.statusCode,
        latencyMs: Math.round(reply.elapsedTime),
        tenant: credential?.tenantId,
        keyId: credential?.keyId,
        trace: parseTraceParent(request.headers.traceparent)?.traceId,
      },
      'request answered',
    );
    done();
  });
}

function levelOf(status: number): 'debug' | 'info' | 'warn' {
  // 503 is said a thousand times a second when there is too much to do: no time for lines then.
  if (status >= 500 && status !== 503) return 'warn';
  return status >= 400 ? 'info' : 'debug';
}
