import { type Static, Type } from 'typebox';
import {
  Exact,
  OneOf,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  toPage,
} from '../http/index.ts';
import { EVENT_TYPES } from '../ledger/index.ts';
import { WEBHOOKS } from '../queue/index.ts';
import { LAST_ID } from '../store/index.ts';
import { renderPayload } from './call.ts';
import { findEndpoint } from './endpoint-store.ts';
import {
  findLogged,
  type LoggedAttempt,
  type LoggedRow,
  resend,
  resendFailed,
  selectAttempts,
  selectLog,
} from './log-store.ts';
import { about, EndpointPath, loadEndpoint, read, type WebhookRouteOptions, write } from './route-deps.ts';

const STATES = ['pending', 'sending', 'delivered', 'failed'] as const;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A request that takes longer is better asked twice. */
const MOST_RESENT = 10_000;
const RESEND_BATCH = 1_000;

const Time = Type.String({ format: 'date-time' });
const OrNull = <T extends Type.TSchema>(type: T) => Type.Union([type, Type.Null()]);
const EventPath = Type.Object({
  ...EndpointPath.properties,
  eventId: Type.String({ format: 'uuid', description: 'The `webhook-id` of the calls' }),
});

const LoggedAnswer = Type.Object({
  eventId: Type.String(),
  type: Type.String(),
  state: OneOf(STATES),
  reason: OrNull(Type.String()),
  status: OrNull(Type.Integer({ description: 'HTTP status of the last answer' })),
  tries: Type.Integer({ description: 'Calls that failed, since it was last sent by hand' }),
  nextTryAt: OrNull(Time),
  createdAt: Time,
  finishedAt: OrNull(Time),
});
const AttemptAnswer = Type.Object({
  n: Type.Integer(),
  outcome: Type.String(),
  reason: OrNull(Type.String()),
  status: OrNull(Type.Integer()),
  latencyMs: Type.Integer(),
  answer: OrNull(Type.String({ description: 'The first KiB' })),
  startedAt: Time,
});
const DetailAnswer = Type.Object({
  ...LoggedAnswer.properties,
  payload: Type.Object({}, { additionalProperties: true }),
  attempts: Type.Array(AttemptAnswer),
});
const ResentAnswer = Type.Object({
  resent: Type.Integer(),
  hasMore: Type.Boolean({ description: 'Ask again for the rest' }),
});

export function registerLogRoutes(app: Server, options: WebhookRouteOptions): void {
  addLog(app, options);
  addDetail(app, options);
  addResend(app, options);
  addRecover(app, options);
}

function addLog(app: Server, options: WebhookRouteOptions): void {
  const schema = {
    ...about('List what an endpoint was told', 'The latest event first; kept for 30 days.'),
    params: EndpointPath,
    querystring: Exact({
      ...PageQuery,
      state: Type.Optional(OneOf(STATES)),
      type: Type.Optional(OneOf(EVENT_TYPES)),
    }),
    response: responses({ 200: Page(LoggedAnswer) }),
  };
  app.get('/v1/webhook-endpoints/:id/deliveries', { config: read, schema }, async (request) => {
    const { tenantId } = request.credential;
    const { limit = 20, cursor, state = null, type = null } = request.query;
    const before = parseCursor(cursor, UUID) ?? LAST_ID;
    const { key } = await loadEndpoint(options, tenantId, request.params.id);
    const rows = await options.store.scoped(tenantId, (db) =>
      selectLog(db, { tenantId, key, before, state, type, limit: limit + 1 }),
    );
    return toPage(rows, limit, (row) => row.event_id, showLogged);
  });
}

function addDetail(app: Server, options: WebhookRouteOptions): void {
  const schema = {
    ...about('Show what an endpoint was told of one event', 'With the payload and every call.'),
    params: EventPath,
    response: responses({ 200: DetailAnswer }),
  };
  app.get('/v1/webhook-endpoints/:id/deliveries/:eventId', { config: read, schema }, async (request) => {
    const { tenantId } = request.credential;
    const { id, eventId } = request.params;
    const { key } = await loadEndpoint(options, tenantId, id);
    return options.store.scoped(tenantId, async (db) => {
      const logKey = { tenantId, key, eventId };
      const row = await findLogged(db, logKey);
      if (!row) throw new Problem('webhook.delivery_not_found');
      const attempts = await selectAttempts(db, logKey);
      const payload = renderPayload({ ...row, occurredAt: row.occurred_at });
      return { ...showLogged(row), payload, attempts: attempts.map(showAttempt) };
    });
  });
}

function addResend(app: Server, options: WebhookRouteOptions): void {
  const schema = {
    ...about(
      'Tell an endpoint of an event once more',
      'From now on, whatever became of it before, with the same `webhook-id` and as many tries as at first.',
    ),
    params: EventPath,
    response: responses({ 202: LoggedAnswer }),
  };
  app.post(
    '/v1/webhook-endpoints/:id/deliveries/:eventId/resend',
    { config: write, schema },
    async (request, reply) => {
      const { tenantId } = request.credential;
      const { id, eventId } = request.params;
      const row = await options.store.scoped(tenantId, async (db) => {
        const logKey = { tenantId, key: await openLine(db, tenantId, id), eventId };
        if (!(await findLogged(db, logKey))) throw new Problem('webhook.delivery_not_found');
        if (!(await resend(db, logKey, new Date(options.clock.now()))))
          throw new Problem('webhook.being_sent');
        return (await findLogged(db, logKey))!;
      });
      options.wake.signal(WEBHOOKS);
      return reply.code(202).send(showLogged(row));
    },
  );
}

function addRecover(app: Server, options: WebhookRouteOptions): void {
  const schema = {
    ...about(
      'Tell an endpoint once more of all that was given up',
      `Since a moment; at most ${MOST_RESENT} events a request.`,
    ),
    params: EndpointPath,
    body: Exact({ since: Time }),
    response: responses({ 202: ResentAnswer }),
  };
  app.post('/v1/webhook-endpoints/:id/recover', { config: write, schema }, async (request, reply) => {
    const { tenantId } = request.credential;
    const since = new Date(request.body.since);
    const now = new Date(options.clock.now());
    let resent = 0;
    let last = RESEND_BATCH;
    while (last === RESEND_BATCH && resent < MOST_RESENT) {
      last = await options.store.scoped(tenantId, async (db) => {
        const key = await openLine(db, tenantId, request.params.id);
        return resendFailed(db, { tenantId, key }, { now, since, limit: RESEND_BATCH });
      });
      resent += last;
    }
    if (resent > 0) options.wake.signal(WEBHOOKS);
    return reply.code(202).send({ resent, hasMore: last === RESEND_BATCH });
  });
}

/** The key of an endpoint that is called at present. */
async function openLine(
  db: Parameters<typeof findEndpoint>[0],
  tenantId: string,
  id: string,
): Promise<string> {
  const row = await findEndpoint(db, tenantId, id);
  if (!row) throw new Problem('webhook.not_found');
  if (!row.enabled) throw new Problem('webhook.disabled', 'Enable it first: PUT it anew');
  return row.key;
}

function showLogged(row: LoggedRow): Static<typeof LoggedAnswer> {
  return {
    eventId: row.event_id,
    type: row.type,
    state: row.state,
    reason: row.reason,
    status: row.status,
    tries: row.tries,
    nextTryAt: row.state === 'pending' ? row.due_at!.toISOString() : null,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}

function showAttempt(row: LoggedAttempt): Static<typeof AttemptAnswer> {
  return {
    n: row.n,
    outcome: row.outcome,
    reason: row.reason,
    status: row.status,
    latencyMs: row.latency_ms,
    answer: row.answer,
    startedAt: row.started_at.toISOString(),
  };
}
