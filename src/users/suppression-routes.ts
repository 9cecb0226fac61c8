import { Type } from 'typebox';
import {
  Exact,
  invalidField,
  OneOf,
  Page,
  PageQuery,
  parseCursor,
  responses,
  type Server,
  toPage,
} from '../http/index.ts';
import { parseContactAddress } from './contact-address.ts';
import type { UserRoutesDeps } from './route-deps.ts';
import {
  deleteSuppression,
  findSuppression,
  listSuppressions,
  type SuppressionRow,
  suppressContacts,
} from './suppression-store.ts';

const KINDS = ['email', 'phone'] as const;

const SuppressionAnswer = Type.Object({
  kind: Type.String(),
  address: Type.String(),
  reason: Type.String(),
  source: Type.String({
    description: '`api`, `stop` (an answer to a text message), or the connection that reported it',
  }),
  createdAt: Type.String({ format: 'date-time' }),
});

const Address = Type.String({ minLength: 1, maxLength: 512 });
const CURSOR = /^[a-z0-9_-]+ [^\u0000]+$/;

/** Addresses of a tenant that are never written to again, whoever's contact they are. */
export function registerSuppressionRoutes(app: Server, deps: UserRoutesDeps): void {
  registerList(app, deps);
  registerPut(app, deps);
  registerDelete(app, deps);
}

function registerList(app: Server, { store }: UserRoutesDeps): void {
  app.get(
    '/v1/suppressions',
    {
      config: { scope: 'users:read' },
      schema: {
        tags: ['Suppressions'],
        summary: 'List suppressed addresses',
        querystring: Exact({ ...PageQuery, kind: Type.Optional(OneOf(KINDS)) }),
        response: responses({ 200: Page(SuppressionAnswer) }),
      },
    },
    ({ credential: { tenantId }, query: { limit = 20, cursor, kind = null } }) =>
      store.scoped(tenantId, async (db) => {
        const [afterKind = '', ...rest] = parseCursor(cursor, CURSOR)?.split(' ') ?? [];
        const after = { kind: afterKind, address: rest.join(' ') };
        const rows = await listSuppressions(db, { tenantId, kind, after, limit: limit + 1 });
        return toPage(rows, limit, (row) => `${row.kind} ${row.address}`, renderSuppression);
      }),
  );
}

function registerPut(app: Server, { store, clock }: UserRoutesDeps): void {
  app.put(
    '/v1/suppressions',
    {
      config: { scope: 'users:write' },
      schema: {
        tags: ['Suppressions'],
        summary: 'Suppress an address',
        body: Exact({
          kind: OneOf(KINDS),
          address: Address,
          reason: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
        }),
        response: responses({ 200: SuppressionAnswer }),
      },
    },
    ({ credential: { tenantId }, body: { kind, address, reason = 'manual' } }) => {
      const key = { tenantId, kind, address: parseAddress('/address', kind, address) };
      return store.scoped(tenantId, async (db) => {
        await suppressContacts(db, clock.now(), [{ ...key, reason, source: 'api' }]);
        return renderSuppression((await findSuppression(db, key))!);
      });
    },
  );
}

function registerDelete(app: Server, { store }: UserRoutesDeps): void {
  app.delete(
    '/v1/suppressions',
    {
      config: { scope: 'users:write' },
      schema: {
        tags: ['Suppressions'],
        summary: 'Remove an address from the list',
        description:
          'Succeeds whether or not it was listed. In the query the "+" of a phone number is written `%2B`.',
        querystring: Exact({ kind: OneOf(KINDS), address: Address }),
        response: responses({ 204: Type.Null() }),
      },
    },
    async ({ credential: { tenantId }, query }, reply) => {
      const address = parseAddress('query/address', query.kind, query.address);
      await store.scoped(tenantId, (db) => deleteSuppression(db, { tenantId, kind: query.kind, address }));
      return reply.code(204).send(null);
    },
  );
}

function parseAddress(field: string, kind: string, text: string): string {
  const parsed = parseContactAddress(kind, text);
  if ('problem' in parsed) throw invalidField(field, parsed.problem);
  return parsed.address;
}

function renderSuppression({ created_at, ...row }: SuppressionRow) {
  return { ...row, createdAt: created_at.toISOString() };
}
