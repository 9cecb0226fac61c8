import { Type } from 'typebox';
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
import { VENDOR_TEMPLATE_STATES } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';
import type { ConnectionRouteOptions } from './connection-routes.ts';
import { findConnection } from './connection-store.ts';
import {
  deleteVendorTemplate,
  saveVendorTemplates,
  selectVendorTemplates,
  type VendorTemplateRow,
} from './vendor-template-store.ts';

const LIST = '/v1/connections/:id/vendor-templates';
const ONE = `${LIST}/:template`;
/** JSON as we write it, and no other: what does not parse, or holds a NUL, would be an error of ours. */
const AFTER = /^\["(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u(?!0000)[0-9a-f]{4})*","[A-Za-z_-]{0,16}"\]$/;

const ConnectionPath = Exact({ id: Slug('Your id of the connection') });
const TemplatePath = Exact({
  ...ConnectionPath.properties,
  template: Type.String({
    minLength: 1,
    maxLength: 512,
    pattern: '^[^\\u0000]*$',
    description: "The vendor's id or name of the text",
  }),
});
const Language = Type.String({
  pattern: '^[A-Za-z_-]{2,16}$',
  description: 'As the vendor writes it; without it, all languages of the text',
});
const Reason = Type.String({ minLength: 1, maxLength: 1_000 });
const Body = Exact({
  language: Type.Optional(Language),
  state: OneOf(VENDOR_TEMPLATE_STATES),
  reason: Type.Optional(Reason),
});
const Answer = Type.Object({
  id: Type.String(),
  language: Type.Union([Type.String(), Type.Null()]),
  state: OneOf(VENDOR_TEMPLATE_STATES),
  reason: Type.Union([Type.String(), Type.Null()]),
  updatedAt: Type.String({ format: 'date-time' }),
});

const about = (summary: string, description?: string) => ({ tags: ['Connections'], summary, description });

/** What is known of the texts that a connection's vendor keeps and approves. */
export function registerVendorTemplateRoutes(app: Server, options: ConnectionRouteOptions): void {
  addList(app, options);
  addPut(app, options);
  addDelete(app, options);
}

function addList(app: Server, { store }: ConnectionRouteOptions): void {
  const schema = {
    ...about("List what is known of a vendor's approved texts"),
    params: ConnectionPath,
    querystring: Exact(PageQuery),
    response: responses({ 200: Page(Answer) }),
  };
  app.get(LIST, { config: { scope: 'connections:read' }, schema }, async (request) => {
    const { tenantId } = request.credential;
    const { limit = 20, cursor } = request.query;
    const last = parseCursor(cursor, AFTER);
    const after: [string, string] | null = last === null ? null : JSON.parse(last);
    const connection = request.params.id;
    const rows = await store.scoped(tenantId, async (db) => {
      await requireConnection(db, tenantId, connection);
      return selectVendorTemplates(db, { tenantId, connection, after, limit: limit + 1 });
    });
    return toPage(rows, limit, ({ id, language }) => JSON.stringify([id, language]), show);
  });
}

function addPut(app: Server, { store, clock, connections }: ConnectionRouteOptions): void {
  const schema = {
    ...about(
      'Tell whether a vendor approved one of its texts',
      'What is not `approved` is not sent: its deliveries fail at once, in words. Vendors that post changes change it, too.',
    ),
    params: TemplatePath,
    body: Body,
    response: responses({ 200: Answer }),
  };
  app.put(ONE, { config: { scope: 'connections:write' }, schema }, async (request) => {
    const { tenantId } = request.credential;
    const { id: connection, template: id } = request.params;
    const now = new Date(clock.now());
    await store.scoped(tenantId, async (db) => {
      await requireConnection(db, tenantId, connection);
      await saveVendorTemplates(db, { tenantId, connection, now }, [{ ...request.body, id }]);
    });
    connections.forget(tenantId);
    const { language = '', state, reason = null } = request.body;
    return show({ id, language, state, reason, updatedAt: now });
  });
}

function addDelete(app: Server, { store, connections }: ConnectionRouteOptions): void {
  const schema = {
    ...about("Forget what is known of a vendor's text", 'It is sent again, whatever the vendor says to it.'),
    params: TemplatePath,
    querystring: Exact({ language: Type.Optional(Language) }),
    response: responses({ 204: Type.Null() }),
  };
  app.delete(ONE, { config: { scope: 'connections:write' }, schema }, async (request, reply) => {
    const { tenantId } = request.credential;
    const { id: connection, template: id } = request.params;
    const { language = '' } = request.query;
    const found = await store.scoped(tenantId, (db) =>
      deleteVendorTemplate(db, { tenantId, connection, id, language }),
    );
    if (!found) throw new Problem('connection.vendor_template_not_found');
    connections.forget(tenantId);
    return reply.code(204).send(null);
  });
}

async function requireConnection(db: Queryable, tenantId: string, id: string): Promise<void> {
  if (!(await findConnection(db, tenantId, id))) throw new Problem('connection.not_found');
}

function show({ id, language, state, reason, updatedAt }: VendorTemplateRow) {
  return { id, language: language || null, state, reason, updatedAt: updatedAt.toISOString() };
}
