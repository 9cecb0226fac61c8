import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { Exact, invalidField, Problem, responses, type Server, Slug } from '../http/index.ts';
import type { Store } from '../store/index.ts';
import { type Audience, audiencePage } from './audience.ts';
import { csvLine } from './csv.ts';
import type { AudienceDeps } from './deps.ts';
import { type ExportRow, loadExport } from './export-store.ts';
import { TopicPath } from './topic.ts';

const PAGE = 1_000;
const MAX_NAMES = 50;

const NameList = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 2_048, description }));

/** `GET /v1/users.csv`. */
export function registerExportRoutes(app: Server, { store }: Pick<AudienceDeps, 'store'>): void {
  app.get(
    '/v1/users.csv',
    {
      config: { scope: 'users:read' },
      schema: {
        tags: ['Imports'],
        summary: 'Export users as CSV',
        description:
          'All, or those of a segment or topic, as a stream that can be imported again. A cell that begins with = + - @, tab or ' +
          'line break gets an apostrophe before it, so that no spreadsheet runs it; an import takes it away.',
        produces: ['text/csv'],
        querystring: Exact({
          segment: Type.Optional(Slug('Only its members')),
          topic: Type.Optional(TopicPath),
          attributes: NameList(
            'Names with commas between them: a column for each, instead of one with all as JSON',
          ),
          contacts: NameList('Kinds with commas between them: a column for each, beside email and phone'),
        }),
        response: responses({ 200: Type.String() }),
      },
    },
    async ({ credential: { tenantId }, query: { segment, topic, attributes, contacts } }, reply) => {
      if (segment !== undefined && topic !== undefined) {
        throw invalidField('query/segment', 'or query/topic may be given, and not both');
      }
      const audience = segment !== undefined ? { segment } : topic !== undefined ? { topic } : null;
      const columns = columnsOf(namesOf(attributes, 'attributes'), namesOf(contacts, 'contacts') ?? []);
      const lines = exportLines(store, { tenantId, audience, columns });
      // A segment that is not there is told before the answer begins.
      const first = await lines.next();
      const all = async function* () {
        yield first.value as string;
        yield* lines;
      };
      reply.header('content-disposition', 'attachment; filename="users.csv"');
      return reply.type('text/csv; charset=utf-8').send(Readable.from(all(), { objectMode: false }) as never);
    },
  );
}

interface ExportColumn {
  name: string;
  cell(row: ExportRow): string;
}

/** Pages are read when the client has taken those before, each in a short transaction. */
async function* exportLines(
  store: Pick<Store, 'scoped'>,
  { tenantId, audience, columns }: { tenantId: string; audience: Audience | null; columns: ExportColumn[] },
): AsyncGenerator<string> {
  let text = csvLine(columns.map(({ name }) => name));
  for (let after: string | null = null; ; ) {
    const page = await store.scoped(tenantId, async (db) => {
      const found = await audiencePage(db, audience, { tenantId, after, limit: PAGE });
      if (!found)
        throw new Problem('segment.not_found', 'There is no such segment, or it was never complete');
      const ids = found.users.map(({ id }) => id);
      return { next: found.next, rows: await loadExport(db, tenantId, ids) };
    });
    for (const row of page.rows) text += csvLine(columns.map(({ cell }) => cell(row)));
    yield text;
    if (page.next === null) return;
    text = '';
    after = page.next;
  }
}

function columnsOf(attributes: string[] | null, contacts: string[]): ExportColumn[] {
  const contact = (name: string, kind: string) => ({
    name,
    cell: (row: ExportRow) => row.contacts?.[kind] ?? '',
  });
  return [
    { name: 'id', cell: (row) => row.external_id },
    contact('email', 'email'),
    contact('phone', 'phone'),
    ...contacts.map((kind) => contact(`contacts.${kind}`, kind)),
    { name: 'locale', cell: (row) => row.locale ?? '' },
    { name: 'timezone', cell: (row) => row.timezone ?? '' },
    ...(attributes?.map((name) => ({
      name: `attributes.${name}`,
      cell: (row: ExportRow) => showValue(row.attributes[name]),
    })) ?? [{ name: 'attributes', cell: (row: ExportRow) => JSON.stringify(row.attributes) }]),
    { name: 'topics', cell: (row) => row.topics?.join(';') ?? '' },
  ];
}

function showValue(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function namesOf(list: string | undefined, field: string): string[] | null {
  if (list === undefined) return null;
  const names = [...new Set(list.split(','))].filter(Boolean);
  if (names.length > MAX_NAMES) throw invalidField(`query/${field}`, `must be at most ${MAX_NAMES} names`);
  return names;
}
