import Fastify, { type FastifyRequest } from 'fastify';
import type { Logger } from '../lib/logger.ts';
import { type Access, judgeCaller, METRICS_TYPE, type Metrics } from '../telemetry/index.ts';
import { installErrorAnswers } from './error-answers.ts';
import { Problem } from './errors.ts';
import type { Server } from './server.ts';

/** What a health check answers, and whether it is good news. */
export interface HealthReport {
  ok: boolean;
  [fact: string]: unknown;
}

export interface HealthChecks {
  /** Whether this process can serve: rejects when the database does not answer. */
  ready(): Promise<HealthReport>;
  /** Whether work gets done. */
  work(): Promise<HealthReport>;
}

/** `GET /health/live|ready|work`: for supervisors and load balancers, so without a key. */
export function registerHealth(app: Server, checks: HealthChecks): void {
  const hidden = { schema: { hide: true } };
  app.get('/health/live', hidden, () => ({ status: 'ok' }));
  for (const name of ['ready', 'work'] as const) {
    app.get(`/health/${name}`, hidden, async (_request, reply) => {
      const { ok, ...facts } = await checks[name]();
      return reply.code(ok ? 200 : 503).send({ status: ok ? 'ok' : 'unwell', ...facts });
    });
  }
}

/** `GET /metrics` in the text format of Prometheus, for those whom `access` welcomes. */
export function registerMetrics(app: Server, metrics: Metrics, access: Access): void {
  if (access.mode === 'off') return;
  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    const judgement = judgeCaller(access, {
      address: request.ip,
      forwarded: isForwarded(request),
      authorization: request.headers.authorization,
    });
    switch (judgement) {
      case 'welcome':
        return reply.type(METRICS_TYPE).send(await metrics.render());
      case 'hidden':
        throw new Problem('route.not_found', 'GET /metrics does not exist');
      case 'token-missing':
        throw new Problem('auth.missing', 'Send BELLHOP_METRICS_TOKEN as "Authorization: Bearer <token>"');
      case 'token-wrong':
        throw new Problem('auth.invalid', 'This is not the token of BELLHOP_METRICS_TOKEN');
    }
  });
}

/** A proxy that is trusted was already looked through: then the address is the caller's own. */
function isForwarded({ headers, ip, socket }: FastifyRequest): boolean {
  const marked = headers.forwarded ?? headers['x-forwarded-for'] ?? headers['x-real-ip'] ?? headers.via;
  return marked !== undefined && ip === socket.remoteAddress;
}

/** A server for metrics and health alone, for processes without the API or networks of their own. */
export function createObservingServer(logger: Logger): Server {
  const app = Fastify({ logger: false, forceCloseConnections: true }) as unknown as Server;
  installErrorAnswers(app, logger);
  return app;
}
