import { Type } from 'typebox';
import { Exact, Page, PageQuery, parseCursor, responses, type Server, toPage } from '../http/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import { WEBHOOKS } from '../queue/index.ts';
import { callEndpoint } from './call.ts';
import { type Changed, putEndpoint, removeEndpoint, rotateSecret } from './changes.ts';
import { openEndpoint } from './endpoint.ts';
import { selectEndpointPage } from './endpoint-store.ts';
import { registerLogRoutes } from './log-routes.ts';
import { about, EndpointPath, loadEndpoint, read, type WebhookRouteOptions, write } from './route-deps.ts';
import { EndpointAnswer, EndpointBody, overlapMsOf, RotateBody, showEndpoint, TestAnswer } from './schema.ts';

const SLUG = /^[a-z0-9][a-z0-9_-]{0,63}$/;
export function registerWebhookRoutes(app: Server, options: WebhookRouteOptions): void {
  addPut(app, options);
  addList(app, options);
  addGet(app, options);
  addDelete(app, options);
  addRotate(app, options);
  addTest(app, options);
  registerLogRoutes(app, options);
}

function addPut(app: Server, options: WebhookRouteOptions): void {
  const schema = {
    ...about(
      'Create or replace a webhook endpoint',
      'A secret that is left out stays, or is made for a new endpoint and shown this once. It is told what happens from now on; an endpoint that was disabled is enabled by it, unless `enabled` is false.',
    ),
    params: EndpointPath,
    body: EndpointBody,
    response: responses({ 200: EndpointAnswer, 201: EndpointAnswer }),
  };
  app.put('/v1/webhook-endpoints/:id', { config: write, schema }, async (request, reply) => {
    const { tenantId } = request.credential;
    const changed = await putEndpoint(options, { tenantId, id: request.params.id, request: request.body });
    options.wake.signal(WEBHOOKS);
    return reply.code(changed.created ? 201 : 200).send(show(changed));
  });
}

function addList(app: Server, { store }: WebhookRouteOptions): void {
  const schema = {
    ...about('List webhook endpoints'),
    querystring: Exact(PageQuery),
    response: responses({ 200: Page(EndpointAnswer) }),
  };
  app.get('/v1/webhook-endpoints', { config: read, schema }, async (request) => {
    const { tenantId } = request.credential;
    const { limit = 20, cursor } = request.query;
    const after = parseCursor(cursor, SLUG);
    const rows = await store.scoped(tenantId, (db) =>
      selectEndpointPage(db, { tenantId, after, limit: limit + 1 }),
    );
    return toPage(
      rows,
      limit,
      (row) => row.id,
      (row) => showEndpoint(row),
    );
  });
}

function addGet(app: Server, options: WebhookRouteOptions): void {
  const schema = {
    ...about('Show a webhook endpoint', 'Also whether it fails at present, and whether it was disabled.'),
    params: EndpointPath,
    response: responses({ 200: EndpointAnswer }),
  };
  app.get('/v1/webhook-endpoints/:id', { config: read, schema }, async (request) =>
    showEndpoint(await loadEndpoint(options, request.credential.tenantId, request.params.id)),
  );
}

function addDelete(app: Server, options: WebhookRouteOptions): void {
  const schema = {
    ...about('Delete a webhook endpoint', 'What was not sent yet is not sent any more.'),
    params: EndpointPath,
    response: responses({ 204: Type.Null() }),
  };
  app.delete('/v1/webhook-endpoints/:id', { config: write, schema }, async (request, reply) => {
    await removeEndpoint(options, request.credential.tenantId, request.params.id);
    return reply.code(204).send(null);
  });
}

function addRotate(app: Server, options: WebhookRouteOptions): void {
  const schema = {
    ...about(
      'Replace the secret of a webhook endpoint',
      'Until the overlap ends, calls carry the signatures of both.',
    ),
    params: EndpointPath,
    body: RotateBody,
    response: responses({ 200: EndpointAnswer }),
  };
  const preValidation = async (request: { body: unknown }) => {
    request.body ??= {};
  };
  app.post('/v1/webhook-endpoints/:id/rotate', { config: write, schema, preValidation }, async (request) => {
    const { tenantId } = request.credential;
    const { secret } = request.body;
    const change = { tenantId, id: request.params.id, overlapMs: overlapMsOf(request.body), secret };
    return show(await rotateSecret(options, change));
  });
}

function addTest(app: Server, options: WebhookRouteOptions): void {
  const schema = {
    ...about(
      'Call a webhook endpoint with a sample',
      'Once, from here, with an event `webhook.test`; it is not in the log. Works for a disabled endpoint too.',
    ),
    params: EndpointPath,
    response: responses({ 200: TestAnswer }),
  };
  app.post('/v1/webhook-endpoints/:id/test', { config: write, schema }, async (request) => {
    const row = await loadEndpoint(options, request.credential.tenantId, request.params.id);
    const now = options.clock.now();
    const data = { endpointId: row.id, live: request.credential.live, test: true };
    const verdict = await callEndpoint(options.transport, openEndpoint(row, options.masterKeys), {
      id: `test_${uuidv7(now)}`,
      payload: { type: 'webhook.test', version: 1, timestamp: new Date(now).toISOString(), data },
      now,
    });
    const { outcome, status, reason, answer } = verdict;
    const latencyMs = Math.round(options.clock.now() - now);
    return { ok: outcome === 'delivered', status, reason, answer, latencyMs };
  });
}

function show({ row, secret }: Changed) {
  return showEndpoint(row, secret);
}
