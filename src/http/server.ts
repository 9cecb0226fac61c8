import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../telemetry/index.ts';
import { installAuthentication } from './authentication.ts';
import { installJsonBody } from './body.ts';
import { type AllowedOrigins, installCors } from './cors.ts';
import type { Authenticate, Credential, Scope, UserScope } from './credential.ts';
import { answerFrameworkError, installErrorAnswers } from './error-answers.ts';
import { registerReferencePage } from './reference-page.ts';
import { createRequestIds, installRequestIds } from './request-id.ts';
import { createSerializerCompiler } from './serialization.ts';
import { createValidatorCompiler, installTextCheck } from './validation.ts';

/** The server as the rooms see it: routes declare TypeBox schemas and get typed requests. */
export type Server = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; present on every route that has a `scope`. */
    credential: Credential;
  }
  interface FastifyContextConfig {
    /** The scope that an API key needs. A route with neither this nor `userScope` is public. */
    scope?: Scope;
    /** The scope that the token of a user needs; without it no such token opens the route. */
    userScope?: UserScope;
    /** Whether a ticket may stand in the address, in place of the header. */
    takesTicket?: boolean;
    /** Public, and called from web pages. */
    isForBrowsers?: boolean;
  }
}

export interface ServerOptions {
  authenticate: Authenticate;
  clock: Clock;
  logger: Logger;
  version: string;
  /** Bytes of a request body. */
  bodyLimit: number;
  /** Requests per second for one API key; 0 is no limit. */
  requestsPerSecondPerKey: number;
  /** Failed authentications per second from one address before it is answered 429. */
  authFailuresPerSecondPerAddress: number;
  trustProxy: boolean | string;
  metrics?: Metrics;
  /** Web pages that may call; none without it. */
  allowedOrigins?: AllowedOrigins;
}

// S15: a client that trickles its headers or body is cut off instead of holding a socket.
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
// Node looks for such clients every 30 s unless told.
const CHECK_TIMEOUTS_EVERY_MS = 2_000;

/** Builds the HTTP server without listening. Rooms add their routes; `ready()` then compiles everything once. */
export async function createServer(options: ServerOptions): Promise<Server> {
  const app = Fastify({
    logger: false,
    bodyLimit: options.bodyLimit,
    requestTimeout: REQUEST_TIMEOUT_MS,
    trustProxy: options.trustProxy,
    forceCloseConnections: 'idle',
    frameworkErrors: answerFrameworkError,
    genReqId: createRequestIds(options.clock),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 512 },
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CHECK_TIMEOUTS_EVERY_MS },
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as Server;
  app.setValidatorCompiler(createValidatorCompiler());
  app.setSerializerCompiler(createSerializerCompiler());
  installJsonBody(app);
  installErrorAnswers(app, options.logger, options.metrics);
  installRequestIds(app, options.logger);
  if (options.allowedOrigins) installCors(app, options.allowedOrigins);
  installAuthentication(app, options);
  installTextCheck(app);
  await app.register(swagger, { openapi: openapiInfo(options.version), stripBasePath: false });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  registerReferencePage(app);
  return app;
}

function openapiInfo(version: string) {
  return {
    openapi: '3.1.0' as const,
    info: {
      title: 'Bellhop',
      version,
      description:
        'Tell users things through every channel. Errors are problem details (RFC 9457) with a stable `code`; ' +
        'lists are paged by an opaque `cursor`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    components: { securitySchemes: { apiKey: { type: 'http' as const, scheme: 'bearer' } } },
    security: [{ apiKey: [] }],
  };
}
