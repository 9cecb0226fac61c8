import { Type } from 'typebox';
import {
  Exact,
  invalidField,
  OneOf,
  Page,
  PageQuery,
  parseCursor,
  responses,
  SCOPES,
  type Server,
  Timestamp,
  toPage,
} from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import type { Authenticator } from './authenticator.ts';
import { checkGrant, createKey, listKeys, type NewApiKey, revokeKey, rotateKey } from './keys.ts';

export interface KeyRouteOptions {
  store: Store;
  clock: Clock;
  authenticator: Pick<Authenticator, 'forget'>;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DEFAULT_OVERLAP_SECONDS = 3_600;
const MAX_OVERLAP_SECONDS = 30 * 86_400;

const NullableTime = (description: string) =>
  Type.Union([Type.String({ format: 'date-time' }), Type.Null()], { description });

const ApiKeyAnswer = {
  id: Type.String({ format: 'uuid' }),
  name: Type.String(),
  live: Type.Boolean(),
  hint: Type.String({ description: 'How the key begins and ends' }),
  scopes: Type.Array(OneOf(SCOPES)),
  createdAt: Type.String({ format: 'date-time' }),
  expiresAt: NullableTime('The key is refused from this moment on'),
  lastUsedAt: NullableTime('To the minute'),
  revokedAt: NullableTime('When the key was revoked'),
};
const NewKeyAnswer = Type.Object({
  ...ApiKeyAnswer,
  key: Type.String({ description: 'The key itself, shown this once' }),
});
const KeyPath = Type.Object({ id: Type.String({ format: 'uuid' }) });

const KeyBody = Exact({
  name: Type.String({ minLength: 1, maxLength: 100, description: 'What the key is for' }),
  live: Type.Boolean({ description: 'A test key reaches the simulator only' }),
  scopes: Type.Array(OneOf(SCOPES), { minItems: 1, maxItems: SCOPES.length }),
  expiresAt: Type.Optional(Timestamp),
});

const RotateBody = Exact({
  overlapSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_OVERLAP_SECONDS,
      default: DEFAULT_OVERLAP_SECONDS,
      description: 'How long the old key goes on working',
    }),
  ),
});

const about = (summary: string, description?: string) => ({ tags: ['API keys'], summary, description });
const config = { scope: 'keys:write' } as const;

/** A key hands out only what it has itself, and manages only keys that it could have made. */
export function registerKeyRoutes(app: Server, options: KeyRouteOptions): void {
  addCreate(app, options);
  addList(app, options);
  addRotate(app, options);
  addRevoke(app, options);
}

function addCreate(app: Server, options: KeyRouteOptions): void {
  const schema = { ...about('Create a key'), body: KeyBody, response: responses({ 201: NewKeyAnswer }) };
  app.post('/v1/keys', { config, schema }, async (request, reply) => {
    const { credential: caller, body } = request;
    const { name, live, scopes } = body;
    checkGrant(caller, { live, scopes });
    const expiresAt = parseExpiry(body.expiresAt, options.clock.now());
    const key = await createKey(options, { tenantId: caller.tenantId, name, live, scopes, expiresAt });
    return reply.code(201).send(show(key));
  });
}

function addList(app: Server, options: KeyRouteOptions): void {
  const schema = {
    ...about('List keys', 'Newest first, revoked and expired ones too.'),
    querystring: Exact(PageQuery),
    response: responses({ 200: Page(Type.Object(ApiKeyAnswer)) }),
  };
  app.get('/v1/keys', { config, schema }, async (request) => {
    const { limit = 20, cursor } = request.query;
    const { tenantId } = request.credential;
    const keys = await listKeys(options, { tenantId, before: parseCursor(cursor, UUID), limit: limit + 1 });
    return toPage(
      keys,
      limit,
      (key) => key.id,
      (key) => key,
    );
  });
}

function addRotate(app: Server, options: KeyRouteOptions): void {
  const schema = {
    ...about('Replace a key', 'Makes a key with the same rights; the old one ends after the overlap.'),
    params: KeyPath,
    body: RotateBody,
    response: responses({ 201: NewKeyAnswer }),
  };
  const preValidation = async (request: { body: unknown }) => {
    request.body ??= {};
  };
  app.post('/v1/keys/:id/rotate', { config, schema, preValidation }, async (request, reply) => {
    const { credential: caller, body } = request;
    const { id } = request.params;
    const overlapMs = (body.overlapSeconds ?? DEFAULT_OVERLAP_SECONDS) * 1000;
    const key = await rotateKey(options, { tenantId: caller.tenantId, id, caller, overlapMs });
    options.authenticator.forget(id);
    return reply.code(201).send(show(key));
  });
}

function addRevoke(app: Server, options: KeyRouteOptions): void {
  const schema = {
    ...about('Revoke a key', 'It is refused from now on (by other processes within 5 seconds).'),
    params: KeyPath,
    response: responses({ 204: Type.Null() }),
  };
  app.delete('/v1/keys/:id', { config, schema }, async (request, reply) => {
    const { credential: caller } = request;
    const { id } = request.params;
    await revokeKey(options, { tenantId: caller.tenantId, id, caller });
    options.authenticator.forget(id);
    return reply.code(204).send(null);
  });
}

function parseExpiry(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  const expiresAt = Date.parse(text);
  if (!(expiresAt > now)) throw invalidField('/expiresAt', 'must be in the future');
  return expiresAt;
}

function show(key: NewApiKey) {
  return { ...key, key: key.key.reveal() };
}
