import {
  Exact,
  Page,
  PageQuery,
  Problem,
  parseCursor,
  responses,
  type Server,
  toPage,
} from '../http/index.ts';
import type { Store } from '../store/index.ts';
import { diffDefinitions } from './diff.ts';
import { asWritten } from './email-html.ts';
import { selectPublications } from './publication-store.ts';
import {
  DiffAnswer,
  DiffQuery,
  Publication,
  showPublication,
  showVersion,
  TemplateParams,
  VersionParams,
  VersionSummary,
} from './schema.ts';
import { selectFullVersions, selectTemplate, selectVersions } from './store.ts';

const tags = ['Templates'];
const config = { scope: 'templates:read' } as const;
const NUMBER_CURSOR = /^[1-9]\d{0,8}$/;

/** What a template was, and what was done with it. */
export function registerHistory(app: Server, store: Store): void {
  registerVersions(app, store);
  registerDiff(app, store);
  registerPublications(app, store);
}

function registerVersions(app: Server, store: Store): void {
  app.get(
    '/v1/templates/:id/versions',
    {
      config,
      schema: {
        tags,
        summary: 'List the versions of a template, newest first',
        params: TemplateParams,
        querystring: Exact(PageQuery),
        response: responses({ 200: Page(VersionSummary) }),
      },
    },
    async ({ credential: { tenantId }, params: { id }, query: { limit = 20, cursor } }) => {
      const before = parseNumber(cursor);
      const rows = await store.scoped(tenantId, async (db) => {
        if (!(await selectTemplate(db, { tenantId, id }))) throw new Problem('template.not_found');
        return selectVersions(db, { tenantId, id, before, limit: limit + 1 });
      });
      return toPage(rows, limit, (row) => String(row.version), showVersion);
    },
  );
}

function registerDiff(app: Server, store: Store): void {
  app.get(
    '/v1/templates/:id/versions/:version/diff',
    {
      config,
      schema: {
        tags,
        summary: 'Compare two versions of a template, field by field',
        params: VersionParams,
        querystring: DiffQuery,
        response: responses({ 200: DiffAnswer }),
      },
    },
    async ({ credential: { tenantId }, params: { id, version }, query }) => {
      const against = query.against ?? Math.max(1, version - 1);
      const rows = await store.scoped(tenantId, async (db) => {
        if (!(await selectTemplate(db, { tenantId, id }))) throw new Problem('template.not_found');
        return selectFullVersions(db, { tenantId, id, versions: [version, against] });
      });
      const [before, after] = [against, version].map((wanted) => {
        const found = rows.find((row) => row.version === wanted);
        if (!found) throw new Problem('template.version_not_found', `The template has no version ${wanted}`);
        return found.definition;
      });
      return { version, against, changes: diffDefinitions(asWritten(before!), asWritten(after!)) };
    },
  );
}

function registerPublications(app: Server, store: Store): void {
  app.get(
    '/v1/templates/:id/publications',
    {
      config,
      schema: {
        tags,
        summary: 'List what was published of a template, when and by which key, newest first',
        params: TemplateParams,
        querystring: Exact(PageQuery),
        response: responses({ 200: Page(Publication) }),
      },
    },
    async ({ credential: { tenantId }, params: { id }, query: { limit = 20, cursor } }) => {
      const before = parseNumber(cursor);
      const rows = await store.scoped(tenantId, async (db) => {
        if (!(await selectTemplate(db, { tenantId, id }))) throw new Problem('template.not_found');
        return selectPublications(db, { tenantId, id, before, limit: limit + 1 });
      });
      return toPage(rows, limit, (row) => String(row.number), showPublication);
    },
  );
}

function parseNumber(cursor: string | undefined): number | null {
  const key = parseCursor(cursor, NUMBER_CURSOR);
  return key === null ? null : Number(key);
}
