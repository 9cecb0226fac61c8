import { Readable } from 'node:stream';
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
  toPage,
} from '../http/index.ts';
import { isUuid, uuidv7 } from '../lib/ids.ts';
import { csvLine } from './csv.ts';
import { AUDIENCES_TOPIC, type AudienceDeps } from './deps.ts';
import {
  cancelImport,
  findImport,
  IMPORT_STATES,
  type ImportRow,
  listErrors,
  listImports,
} from './import-store.ts';
import { MAX_ERRORS } from './import-work.ts';
import { continueImport, MAX_IMPORT_BYTES, startImport } from './receive.ts';

const ERROR_PAGE = 1_000;
const UUID_CURSOR = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const Path = Exact({ id: Type.String({ maxLength: 64 }) });
const Time = Type.String({ format: 'date-time' });

const ImportAnswer = Type.Object({
  id: Type.String({ format: 'uuid' }),
  state: OneOf(IMPORT_STATES, { description: '`receiving` until the whole file is there' }),
  dryRun: Type.Boolean(),
  bytes: Type.Integer({ description: 'Of the file, stored so far; the next part begins here' }),
  progress: Type.Number({ description: 'From 0 to 1, of what is there' }),
  rows: Type.Object({
    read: Type.Integer(),
    created: Type.Integer({ description: 'Users who are new' }),
    changed: Type.Integer({ description: 'Users of whom locale, time zone or attributes changed' }),
    unchanged: Type.Integer({ description: 'With dryRun: rows that would be stored' }),
    refused: Type.Integer(),
  }),
  errorsKept: Type.Integer({ description: `Of the refused rows, at most ${MAX_ERRORS}` }),
  problem: Type.Union([Type.String(), Type.Null()]),
  createdAt: Time,
  finishedAt: Type.Union([Time, Type.Null()]),
});

const More = Type.Optional(
  Type.Boolean({ description: 'More parts follow; the last one comes without it', default: false }),
);

/** `/v1/imports`: files of users. */
export function registerImportRoutes(app: Server, deps: AudienceDeps): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'text/csv',
      (_request: unknown, payload: unknown, done: (error: null, body: unknown) => void) =>
        done(null, payload),
    );
    registerUploads(scope as unknown as Server, deps);
  });
  registerReads(app, deps);
  registerErrors(app, deps);
  registerCancel(app, deps);
}

function registerUploads(app: Server, { store, clock, wake }: AudienceDeps): void {
  app.post(
    '/v1/imports',
    {
      config: { scope: 'audiences:write' },
      bodyLimit: MAX_IMPORT_BYTES,
      schema: {
        tags: ['Imports'],
        summary: 'Import users from CSV',
        description:
          'The body is the file (`text/csv`, UTF-8, at most 1 GiB), stored as it comes and worked on in the background. The ' +
          'first line names the columns: `id`, `email`, `phone`, `contacts.<kind>`, `locale`, `timezone`, `attributes`, ' +
          '`attributes.<name>`, `attributes.<name>:number` (or `:boolean`, `:json`), `topics`. A row that is wrong is ' +
          'refused by itself.',
        consumes: ['text/csv'],
        querystring: Exact({
          dryRun: Type.Optional(Type.Boolean({ description: 'Only check the rows', default: false })),
          more: More,
        }),
        response: responses({ 202: ImportAnswer }),
      },
    },
    async ({ credential: { tenantId }, body, query: { dryRun = false, more = false } }, reply) => {
      const key = { tenantId, id: uuidv7(clock.now()) };
      const row = await startImport({ store, clock }, { key, stream: streamOf(body), isLast: !more, dryRun });
      wake.signal(AUDIENCES_TOPIC);
      return reply.code(202).send(renderImport(row));
    },
  );
  app.post(
    '/v1/imports/:id/parts',
    {
      config: { scope: 'audiences:write' },
      bodyLimit: MAX_IMPORT_BYTES,
      schema: {
        tags: ['Imports'],
        summary: 'Send more of a file',
        description:
          'For files that come in parts, or whose connection broke: goes on at byte `offset`, which is `bytes` of the import. ' +
          'A part may end anywhere; what is not a whole row is to be sent again.',
        consumes: ['text/csv'],
        params: Path,
        querystring: Exact({ offset: Type.Integer({ minimum: 0 }), more: More }),
        response: responses({ 202: ImportAnswer }),
      },
    },
    async ({ credential: { tenantId }, params, body, query: { offset, more = false } }, reply) => {
      const key = { tenantId, id: requireId(params.id) };
      const row = await continueImport(
        { store, clock },
        { key, stream: streamOf(body), isLast: !more, offset },
      );
      wake.signal(AUDIENCES_TOPIC);
      return reply.code(202).send(renderImport(row));
    },
  );
}

function registerReads(app: Server, { store }: AudienceDeps): void {
  app.get(
    '/v1/imports',
    {
      config: { scope: 'audiences:read' },
      schema: {
        tags: ['Imports'],
        summary: 'List imports, newest first',
        querystring: Exact(PageQuery),
        response: responses({ 200: Page(ImportAnswer) }),
      },
    },
    ({ credential: { tenantId }, query: { limit = 20, cursor } }) =>
      store.scoped(tenantId, async (db) => {
        const before = parseCursor(cursor, UUID_CURSOR);
        const rows = await listImports(db, { tenantId, before, limit: limit + 1 });
        return toPage(rows, limit, (row) => row.id, renderImport);
      }),
  );
  app.get(
    '/v1/imports/:id',
    {
      config: { scope: 'audiences:read' },
      schema: {
        tags: ['Imports'],
        summary: 'How far an import has come',
        params: Path,
        response: responses({ 200: ImportAnswer }),
      },
    },
    async ({ credential: { tenantId }, params }) => {
      const key = { tenantId, id: requireId(params.id) };
      const row = await store.scoped(tenantId, (db) => findImport(db, key));
      if (!row) throw new Problem('import.not_found');
      return renderImport(row);
    },
  );
}

function registerErrors(app: Server, { store }: AudienceDeps): void {
  app.get(
    '/v1/imports/:id/errors',
    {
      config: { scope: 'audiences:read' },
      schema: {
        tags: ['Imports'],
        summary: 'Why rows were refused, as CSV',
        description: `Line of the file, field and rule; the first ${MAX_ERRORS}.`,
        produces: ['text/csv'],
        params: Path,
        response: responses({ 200: Type.String() }),
      },
    },
    async ({ credential: { tenantId }, params }, reply) => {
      const key = { tenantId, id: requireId(params.id) };
      const row = await store.scoped(tenantId, (db) => findImport(db, key));
      if (!row) throw new Problem('import.not_found');
      const pages = async function* () {
        yield csvLine(['line', 'field', 'rule']);
        for (let after = 0; ; ) {
          const errors = await store.scoped(tenantId, (db) =>
            listErrors(db, key, { after, limit: ERROR_PAGE }),
          );
          if (errors.length === 0) return;
          yield errors.map(({ line, field, rule }) => csvLine([String(line), field, rule])).join('');
          after = errors.at(-1)!.line;
        }
      };
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', 'attachment; filename="errors.csv"')
        .send(Readable.from(pages(), { objectMode: false }) as never);
    },
  );
}

function registerCancel(app: Server, { store, clock }: AudienceDeps): void {
  app.post(
    '/v1/imports/:id/cancel',
    {
      config: { scope: 'audiences:write' },
      schema: {
        tags: ['Imports'],
        summary: 'End an import; what it stored already stays',
        params: Path,
        response: responses({ 200: ImportAnswer }),
      },
    },
    ({ credential: { tenantId }, params }) =>
      store.scoped(tenantId, async (db) => {
        const key = { tenantId, id: requireId(params.id) };
        const ended = await cancelImport(db, key, new Date(clock.now()));
        if (ended) return renderImport(ended);
        const row = await findImport(db, key);
        if (!row) throw new Problem('import.not_found');
        throw new Problem('import.over', `It is ${row.state} already`);
      }),
  );
}

function streamOf(body: unknown): AsyncIterable<Buffer> {
  if (!(body instanceof Readable)) throw new Problem('import.invalid', 'The file is empty');
  return body;
}

function requireId(id: string): string {
  if (!isUuid(id)) throw new Problem('import.not_found');
  return id;
}

function renderImport(row: ImportRow) {
  const { rows_read: read, rows_created: created, rows_changed: changed, rows_refused: refused } = row;
  return {
    id: row.id,
    state: row.state,
    dryRun: row.dry_run,
    bytes: row.bytes,
    progress: row.state === 'done' ? 1 : row.chunks === 0 ? 0 : row.next_chunk / row.chunks,
    rows: { read, created, changed, unchanged: read - created - changed - refused, refused },
    errorsKept: row.errors_kept,
    problem: row.problem,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}
