import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Server } from './server.ts';

/** The tenants who let web pages of this origin call for their users. */
export type AllowedOrigins = (origin: string) => ReadonlySet<string> | Promise<ReadonlySet<string>>;

const METHODS = 'GET, POST, PUT, PATCH, DELETE';
const HEADERS = 'authorization, content-type, last-event-id';
const EXPOSED = 'x-request-id, retry-after';
/** What browsers believe of a preflight. */
const PREFLIGHT_SECONDS = 600;

/**
 * Cross-origin requests (https://fetch.spec.whatwg.org/#http-cors-protocol) to routes for tokens of users. There are no
 * cookies, so a page can do no more than its token says; a preflight carries none, and is answered when any tenant
 * allows the origin. The answer itself is shown to pages that the token's own tenant allows.
 */
export function installCors(app: Server, allowedOrigins: AllowedOrigins): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers;
    const { userScope, isForBrowsers } = request.routeOptions.config;
    // Requests of servers carry no origin, and this runs for every one of them.
    if (origin === undefined || !(userScope || isForBrowsers)) return done();
    Promise.resolve(allowedOrigins(origin)).then((tenants) => {
      // Refusals are shown too, or no page could tell an old token from a network that is down.
      show(reply, origin, tenants);
      done();
    }, done);
  });
  // Not for every request: where only keys are taken, nothing of this is in the way.
  app.addHook('onRoute', (route) => {
    if (route.config?.userScope) route.preParsing = keepFromOthers;
  });
  app.options('/v1/*', { schema: { hide: true } }, async (request, reply) => {
    const { origin = '' } = request.headers;
    const isAllowed = isPreflight(request) && (await allowedOrigins(origin)).size > 0;
    if (!isAllowed) return reply.header('vary', 'origin').code(403).send();
    return reply
      .headers({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': METHODS,
        'access-control-allow-headers': HEADERS,
        'access-control-max-age': PREFLIGHT_SECONDS,
        vary: 'origin',
      })
      .code(204)
      .send();
  });
}

/** Runs once it is known who calls. */
function keepFromOthers(
  request: FastifyRequest,
  reply: FastifyReply,
  _payload: unknown,
  done: (error: null) => void,
): void {
  if (request.headers.origin !== undefined && request.credential.user)
    keepAnswerFrom(reply, request.credential.tenantId);
  done(null);
}

/** Takes the answer from a page that this tenant does not allow. */
export function keepAnswerFrom(reply: FastifyReply, tenantId: string): void {
  const { tenants } = reply as FastifyReply & { tenants?: ReadonlySet<string> };
  if (tenants && !tenants.has(tenantId)) reply.removeHeader('access-control-allow-origin');
}

function isPreflight({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

function show(reply: FastifyReply, origin: string, tenants: ReadonlySet<string>): void {
  (reply as FastifyReply & { tenants?: ReadonlySet<string> }).tenants = tenants;
  reply.header('vary', 'origin');
  if (tenants.size === 0) return;
  reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', EXPOSED);
}
