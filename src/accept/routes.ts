import { Type } from 'typebox';
import { Problem, responses, type Server } from '../http/index.ts';
import { PRIORITY_CODES } from '../ledger/index.ts';
import { OverloadedError } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import { routeTopic, type Wake } from '../queue/index.ts';
import type { Categories } from '../rules/index.ts';
import type { Store } from '../store/index.ts';
import { callersTrace, type Tracer } from '../telemetry/index.ts';
import type { Templates } from '../templates/index.ts';
import type { Accepted, GroupCommit } from './group-commit.ts';
import { buildRow, checkRules, checkTemplate, idempotencyKeyOf, NotificationBody } from './request.ts';
import { traced } from './trace.ts';

export interface AcceptOptions {
  clock: Clock;
  wake: Wake;
  templates: Pick<Templates, 'refusal'>;
  categories: Pick<Categories, 'forTenant'>;
  store: Pick<Store, 'api'>;
  /** High priority and the rest have lines of their own. */
  commits: { high: GroupCommit; bulk: GroupCommit };
  idempotencyMs: number;
  tracer?: Tracer;
}

const AcceptedAnswer = Type.Object({ id: Type.String({ format: 'uuid' }), status: Type.Literal('accepted') });

/** The front door. The answer 202 means: stored durably. */
export function registerAcceptRoutes(app: Server, options: AcceptOptions): void {
  app.post(
    '/v1/notifications',
    {
      config: { scope: 'notifications:write' },
      schema: {
        tags: ['Notifications'],
        summary: 'Notify a user',
        description:
          'Stored before it is answered. With an idempotency key (header `Idempotency-Key` or the body field) a repeated ' +
          'request gets the first answer and sends nothing more.',
        headers: Type.Object({
          'idempotency-key': Type.Optional(Type.String()),
          traceparent: Type.Optional(
            Type.String({ description: 'W3C Trace Context: the trace that this notification continues' }),
          ),
          tracestate: Type.Optional(Type.String()),
        }),
        body: NotificationBody,
        response: responses({ 202: AcceptedAnswer }),
      },
    },
    async (request, reply) => {
      const { tenantId, live } = request.credential;
      const now = options.clock.now();
      const { body } = request;
      checkRules(body, now);
      await checkTemplate(options.templates, tenantId, body);
      const key = idempotencyKeyOf(request.headers['idempotency-key'], body);
      const trace = callersTrace(request.headers);
      const categories = await options.categories.forTenant(options.store.api, tenantId);
      const { idempotencyMs } = options;
      const row = buildRow(body, key, { tenantId, live, now, idempotencyMs, categories, trace });
      const line = row.priority === PRIORITY_CODES.high ? options.commits.high : options.commits.bulk;
      const stored = line.add(row).catch(refuseWhenFull).then(answeredId);
      const id = await (options.tracer
        ? traced(stored, { row, trace }, { tracer: options.tracer, clock: options.clock })
        : stored);
      if (row.dueAt.getTime() <= now) options.wake.signal(routeTopic(row.priority));
      return reply.code(202).send({ id, status: 'accepted' as const });
    },
  );
}

export function answeredId(accepted: Accepted): string {
  switch (accepted.kind) {
    case 'stored':
      return accepted.id;
    case 'mismatch':
      throw new Problem(
        'idempotency.mismatch',
        'This idempotency key belongs to a request with another body',
      );
    case 'refused':
      throw new Problem('request.unprocessable', 'The database refused a value of this request', {
        cause: accepted.cause,
      });
  }
}

export function refuseWhenFull(error: unknown): never {
  if (error instanceof OverloadedError) {
    throw new Problem('service.overloaded', undefined, { retryAfterSeconds: 1, cause: error });
  }
  throw error;
}
