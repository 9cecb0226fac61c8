import { Type } from 'typebox';
import {
  Exact,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  Slug,
  toPage,
} from '../http/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import { parseAnswer } from './answer.ts';
import { callHook, type HookTransport, type Reply } from './call.ts';
import { type Changed, type ChangeOptions, putHook, removeHook, rotateSecret } from './changes.ts';
import { buildSample } from './event.ts';
import { type Hook, openHook } from './hook.ts';
import type { Hooks } from './hooks.ts';
import { HookAnswer, HookBody, overlapMsOf, RotateBody, showHook, TestAnswer } from './schema.ts';
import { findHook, selectHookPage } from './store.ts';

export interface HookRouteOptions extends ChangeOptions {
  hooks: Pick<Hooks, 'forget'>;
  /** For test calls. */
  transport: HookTransport;
}

const SLUG = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const HookPath = Type.Object({ id: Slug('Your id of the hook') });
const about = (summary: string, description?: string) => ({ tags: ['Hooks'], summary, description });
const read = { scope: 'hooks:read' } as const;
const write = { scope: 'hooks:write' } as const;

export function registerHookRoutes(app: Server, options: HookRouteOptions): void {
  addPut(app, options);
  addList(app, options);
  addGet(app, options);
  addDelete(app, options);
  addRotate(app, options);
  addTest(app, options);
}

function addPut(app: Server, options: HookRouteOptions): void {
  const schema = {
    ...about(
      'Create or replace a hook',
      'A secret that is left out stays, or is made for a new hook and shown this once. In use within two seconds.',
    ),
    params: HookPath,
    body: HookBody,
    response: responses({ 200: HookAnswer, 201: HookAnswer }),
  };
  app.put('/v1/hooks/:id', { config: write, schema }, async (request, reply) => {
    const { tenantId } = request.credential;
    const changed = await putHook(options, { tenantId, id: request.params.id, request: request.body });
    options.hooks.forget(tenantId);
    return reply.code(changed.created ? 201 : 200).send(show(changed, options));
  });
}

function addList(app: Server, { store, masterKeys }: HookRouteOptions): void {
  const schema = {
    ...about('List hooks', 'In the order in which they are called.'),
    querystring: Exact(PageQuery),
    response: responses({ 200: Page(HookAnswer) }),
  };
  app.get('/v1/hooks', { config: read, schema }, async (request) => {
    const { tenantId } = request.credential;
    const { limit = 20, cursor } = request.query;
    const after = parseCursor(cursor, SLUG);
    const rows = await store.scoped(tenantId, (db) =>
      selectHookPage(db, { tenantId, after, limit: limit + 1 }),
    );
    return toPage(
      rows,
      limit,
      (row) => row.id,
      (row) => showHook(row, openHook(row, masterKeys)),
    );
  });
}

function addGet(app: Server, options: HookRouteOptions): void {
  const schema = {
    ...about('Show a hook'),
    params: HookPath,
    response: responses({ 200: HookAnswer }),
  };
  app.get('/v1/hooks/:id', { config: read, schema }, async (request) => {
    const row = await load(options, request.credential.tenantId, request.params.id);
    return showHook(row, openHook(row, options.masterKeys));
  });
}

function addDelete(app: Server, options: HookRouteOptions): void {
  const schema = {
    ...about('Delete a hook', 'It is not called any more within two seconds.'),
    params: HookPath,
    response: responses({ 204: Type.Null() }),
  };
  app.delete('/v1/hooks/:id', { config: write, schema }, async (request, reply) => {
    const { tenantId } = request.credential;
    await removeHook(options, tenantId, request.params.id);
    options.hooks.forget(tenantId);
    return reply.code(204).send(null);
  });
}

function addRotate(app: Server, options: HookRouteOptions): void {
  const schema = {
    ...about("Replace a hook's secret", 'Until the overlap ends, calls carry the signatures of both.'),
    params: HookPath,
    body: RotateBody,
    response: responses({ 200: HookAnswer }),
  };
  const preValidation = async (request: { body: unknown }) => {
    request.body ??= {};
  };
  app.post('/v1/hooks/:id/rotate', { config: write, schema, preValidation }, async (request) => {
    const { tenantId } = request.credential;
    const { secret } = request.body;
    const change = { tenantId, id: request.params.id, overlapMs: overlapMsOf(request.body), secret };
    const changed = await rotateSecret(options, change);
    options.hooks.forget(tenantId);
    return show(changed, options);
  });
}

function addTest(app: Server, options: HookRouteOptions): void {
  const schema = {
    ...about('Call a hook with a sample', 'Once, from here, with `test: true` in its data; nothing is sent.'),
    params: HookPath,
    response: responses({ 200: TestAnswer }),
  };
  app.post('/v1/hooks/:id/test', { config: write, schema }, async (request) => {
    const row = await load(options, request.credential.tenantId, request.params.id);
    const hook = openHook(row, options.masterKeys);
    const startedAt = options.clock.now();
    const type = hook.moment === 'pre-send' ? 'delivery.pre_send' : 'delivery.post_send';
    const callId = `test_${uuidv7(startedAt)}`;
    const reply = await callHook(options, hook, { event: buildSample(type, startedAt), callId });
    return { ...judge(hook, reply), latencyMs: Math.round(options.clock.now() - startedAt) };
  });
}

/** What the reply would have meant for a message. */
function judge(hook: Hook, reply: Reply) {
  const { status } = reply;
  if ('failed' in reply) return { ok: false, status, problem: reply.failed };
  if (hook.moment === 'post-send') return { ok: true, status };
  const sample = { channel: 'push' as const, content: { title: 'A sample', body: 'Nothing is sent.' } };
  const read = parseAnswer(reply.value ?? { verdict: 'send' }, sample);
  return 'problem' in read
    ? { ok: false, status, problem: read.problem }
    : { ok: true, status, verdict: read.verdict.kind };
}

async function load({ store }: HookRouteOptions, tenantId: string, id: string) {
  const row = await store.scoped(tenantId, (db) => findHook(db, tenantId, id));
  if (!row) throw new Problem('hook.not_found');
  return row;
}

function show({ row, secret }: Changed, { masterKeys }: HookRouteOptions) {
  return showHook(row, openHook(row, masterKeys), secret);
}
