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
  Slug,
  toPage,
} from '../http/index.ts';
import { CHANNELS, getProvider, showPlain } from '../providers/index.ts';
import { openConnection } from './connection.ts';
import { type ChangeOptions, MASK, putConnection, removeConnection } from './connection-changes.ts';
import { type ConnectionRow, findConnection, selectConnectionPage } from './connection-store.ts';
import type { Connections } from './connections.ts';
import type { MasterKeys } from './master-key.ts';
import { addProviders } from './provider-routes.ts';
import { registerVendorTemplateRoutes } from './vendor-template-routes.ts';

export interface ConnectionRouteOptions extends ChangeOptions {
  connections: Pick<Connections, 'forget'>;
}

const SLUG = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const MAX_ORDER = 1_000;

const MAX_RATE = 100_000;
const MAX_IN_FLIGHT = 10_000;

const LimitsBody = Exact({
  ratePerSecond: Type.Optional(
    Type.Number({
      minimum: 0.01,
      maximum: MAX_RATE,
      description: 'Attempts a second, over all processes, in place of the rate that the provider declares',
    }),
  ),
  maxInFlight: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_IN_FLIGHT,
      description: 'Attempts under way at once in a process, in place of what the provider declares',
    }),
  ),
});

const ConnectionPath = Type.Object({ id: Slug('Your id of the connection') });
const ConfigObject = Type.Record(Type.String({ maxLength: 64 }), Type.Unknown());

const CountryCodes = Type.Array(Type.String({ maxLength: 2 }), {
  minItems: 1,
  maxItems: 250,
  uniqueItems: true,
});
const CountriesBody = Exact({ allow: Type.Optional(CountryCodes), deny: Type.Optional(CountryCodes) });

const ConnectionBody = Exact({
  provider: Type.String({ maxLength: 64, description: 'Which vendor: an id of GET /v1/providers' }),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  enabled: Type.Optional(Type.Boolean({ default: true })),
  priority: Type.Optional(
    Type.Integer({ minimum: 0, maximum: MAX_ORDER, default: 100, description: 'The lowest is tried first' }),
  ),
  weight: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_ORDER,
      default: 100,
      description: 'Share among equal priorities',
    }),
  ),
  app: Type.Optional(
    Type.Union([Type.String({ minLength: 1, maxLength: 200 }), Type.Null()], {
      description: 'Push: the only app whose devices it reaches',
    }),
  ),
  countries: Type.Optional(
    Type.Union([CountriesBody, Type.Null()], {
      description: 'SMS: the only countries it serves (`allow`), or those it does not serve (`deny`)',
    }),
  ),
  limits: Type.Optional(LimitsBody),
  config: Type.Unsafe<Record<string, unknown>>({
    ...ConfigObject,
    description: "The provider's fields, and `baseUrl` when its API is somewhere else",
  }),
});

const ConnectionAnswer = Type.Object({
  id: Type.String(),
  provider: Type.String(),
  channel: OneOf(CHANNELS),
  name: Type.String(),
  enabled: Type.Boolean(),
  priority: Type.Integer(),
  weight: Type.Integer(),
  app: Type.Union([Type.String(), Type.Null()]),
  countries: Type.Union([CountriesBody, Type.Null()]),
  limits: LimitsBody,
  config: Type.Unsafe<Record<string, unknown>>({
    ...ConfigObject,
    description: `Secrets are shown as "${MASK}"; sent back, that leaves them as they are`,
  }),
  version: Type.Integer({ description: 'Counts changes' }),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
  receiptsPath: Type.Optional(
    Type.String({
      description:
        'Under the public address: where the vendor may post what it reports and what users answer',
    }),
  ),
  problem: Type.Optional(Type.String({ description: 'Why it can not be used at present' })),
});

const about = (summary: string, description?: string) => ({ tags: ['Connections'], summary, description });
const read = { scope: 'connections:read' } as const;
const write = { scope: 'connections:write' } as const;

/** Connections, and the catalogue of providers that they are made from. */
export function registerConnectionRoutes(app: Server, options: ConnectionRouteOptions): void {
  addPut(app, options);
  addList(app, options);
  addGet(app, options);
  addDelete(app, options);
  addProviders(app);
  registerVendorTemplateRoutes(app, options);
}

function addPut(app: Server, options: ConnectionRouteOptions): void {
  const schema = {
    ...about(
      'Create or replace a connection',
      'Secrets that are left out keep their value; null removes one. In use within two seconds, without a restart.',
    ),
    params: ConnectionPath,
    body: ConnectionBody,
    response: responses({ 200: ConnectionAnswer, 201: ConnectionAnswer }),
  };
  app.put('/v1/connections/:id', { config: write, schema }, async (request, reply) => {
    const { tenantId } = request.credential;
    const { id } = request.params;
    const { row, created } = await putConnection(options, { tenantId, id, request: request.body });
    options.connections.forget(tenantId);
    return reply.code(created ? 201 : 200).send(show(row, options.masterKeys));
  });
}

function addList(app: Server, { store, masterKeys }: ConnectionRouteOptions): void {
  const schema = {
    ...about('List connections'),
    querystring: Exact(PageQuery),
    response: responses({ 200: Page(ConnectionAnswer) }),
  };
  app.get('/v1/connections', { config: read, schema }, async (request) => {
    const { tenantId } = request.credential;
    const { limit = 20, cursor } = request.query;
    const after = parseCursor(cursor, SLUG);
    const rows = await store.scoped(tenantId, (db) =>
      selectConnectionPage(db, { tenantId, after, limit: limit + 1 }),
    );
    return toPage(
      rows,
      limit,
      (row) => row.id,
      (row) => show(row, masterKeys),
    );
  });
}

function addGet(app: Server, { store, masterKeys }: ConnectionRouteOptions): void {
  const schema = {
    ...about('Show a connection'),
    params: ConnectionPath,
    response: responses({ 200: ConnectionAnswer }),
  };
  app.get('/v1/connections/:id', { config: read, schema }, async (request) => {
    const { tenantId } = request.credential;
    const { id } = request.params;
    const row = await store.scoped(tenantId, (db) => findConnection(db, tenantId, id));
    if (!row) throw new Problem('connection.not_found');
    return show(row, masterKeys);
  });
}

function addDelete(app: Server, options: ConnectionRouteOptions): void {
  const schema = {
    ...about('Delete a connection', 'What waits for it goes on over another connection of the channel.'),
    params: ConnectionPath,
    response: responses({ 204: Type.Null() }),
  };
  app.delete('/v1/connections/:id', { config: write, schema }, async (request, reply) => {
    const { tenantId } = request.credential;
    await removeConnection(options, tenantId, request.params.id);
    options.connections.forget(tenantId);
    return reply.code(204).send(null);
  });
}

/** The row as the API shows it: of its secrets only that they are set. */
function show(row: ConnectionRow, masterKeys: MasterKeys): Static<typeof ConnectionAnswer> {
  const opened = openConnection(row, masterKeys);
  const provider = getProvider(row.provider);
  const masked = Object.fromEntries(Object.keys(row.secrets.fields).map((field) => [field, MASK]));
  return {
    id: row.id,
    provider: row.provider,
    channel: row.channel,
    name: row.name,
    enabled: row.enabled,
    priority: row.priority,
    weight: row.weight,
    app: row.app,
    countries: row.countries,
    limits: row.limits,
    config: { ...(provider ? showPlain(provider, row.config) : row.config), ...masked },
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    ...(provider?.receipts && { receiptsPath: `/v1/receipts/${row.tenant_id}/${row.id}` }),
    ...('problem' in opened ? { problem: opened.problem } : {}),
  };
}
