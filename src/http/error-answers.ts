import type { ErrorObject } from 'ajv';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../lib/logger.ts';
import { type Metrics, parseTraceParent } from '../telemetry/index.ts';
import { type ErrorCode, Problem } from './errors.ts';
import { REQUEST_ID } from './request-id.ts';
import type { Server } from './server.ts';
import { describeValidation } from './validation.ts';

const OVERLOADED_RETRY_AFTER_SECONDS = 1;

// Fastify's own errors, by their documented codes (https://fastify.dev/docs/latest/Reference/Errors).
const FASTIFY_ERRORS: Record<string, ErrorCode> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request.malformed',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'request.malformed',
  FST_ERR_CTP_INVALID_JSON_BODY: 'request.malformed',
  FST_ERR_BAD_URL: 'request.invalid',
  FST_ERR_MAX_PARAM_LENGTH: 'request.invalid',
};

// SQLSTATE classes and socket codes that mean the database is away, not that we made a mistake.
const DATABASE_AWAY = /^(08|53|57P0|ECONN|EPIPE|ENOTFOUND|ETIMEDOUT|EAI_AGAIN)/;
// What the driver says without a code: a connection that could not be had, broke, or is closed already.
const DATABASE_AWAY_TEXT =
  /^(timeout exceeded when trying to connect|Connection terminated|Client (has encountered|was closed).* not queryable)/;

export function installErrorAnswers(app: Server, logger: Logger, metrics?: Metrics): void {
  app.setErrorHandler((error: FastifyError & { code?: string }, request, reply) => {
    const problem = toProblem(error);
    metrics?.refusals.inc({ part: partOf(request.method, request.routeOptions.url), code: problem.code });
    if (problem.status >= 500 && problem.code !== 'service.overloaded') {
      logger.error(
        {
          error,
          path: request.routeOptions.url,
          method: request.method,
          requestId: request.id,
          tenant: request.credential?.tenantId,
          trace: parseTraceParent(request.headers.traceparent)?.traceId,
        },
        'request failed',
      );
    }
    return answer(reply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    metrics?.refusals.inc({ part: 'api', code: 'route.not_found' });
    return answer(
      reply,
      new Problem('route.not_found', `${request.method} ${request.url.split('?')[0]} does not exist`),
    );
  });
}

/** The front door and the vendors' door are watched apart from the rest. */
function partOf(method: string, route: string | undefined): string {
  if (method === 'POST' && route === '/v1/notifications') return 'accept';
  return route?.startsWith('/v1/receipts/') ? 'receipts' : 'api';
}

/** What the router itself refuses (an address that is no address) never reaches the error handler. */
export function answerFrameworkError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  // The hooks that name every other answer do not run for it.
  reply.header(REQUEST_ID, request.id);
  answer(reply, toProblem(error));
}

function toProblem(error: FastifyError & { code?: string }): Problem {
  if (error instanceof Problem) return error;
  if (error.validation?.[0]) {
    const found = describeValidation(error.validation[0] as ErrorObject, error.validationContext ?? 'body');
    return new Problem('request.invalid', `${found.field} ${found.rule}`, { errors: [found] });
  }
  const code = error.code ?? '';
  if (FASTIFY_ERRORS[code]) return new Problem(FASTIFY_ERRORS[code], undefined, { cause: error });
  if (DATABASE_AWAY.test(code) || DATABASE_AWAY_TEXT.test(error.message)) {
    return new Problem('service.unavailable', undefined, {
      retryAfterSeconds: OVERLOADED_RETRY_AFTER_SECONDS,
      cause: error,
    });
  }
  return new Problem('service.internal', undefined, { cause: error });
}

function answer(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds);
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}
