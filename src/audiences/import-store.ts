import { LAST_ID, type Queryable } from '../store/index.ts';
import type { Column, RowProblem } from './import-row.ts';

export const IMPORT_STATES = ['receiving', 'waiting', 'running', 'done', 'failed', 'cancelled'] as const;
export type ImportState = (typeof IMPORT_STATES)[number];

export interface ImportKey {
  tenantId: string;
  id: string;
}

export interface ImportRow {
  tenant_id: string;
  id: string;
  state: ImportState;
  dry_run: boolean;
  columns: Column[] | null;
  bytes: number;
  lines: number;
  chunks: number;
  next_chunk: number;
  rows_read: number;
  rows_created: number;
  rows_changed: number;
  rows_refused: number;
  errors_kept: number;
  problem: string | null;
  due_at: Date | null;
  created_at: Date;
  updated_at: Date;
  finished_at: Date | null;
}

const IMPORT = `tenant_id, id, state, dry_run, columns, bytes, lines, chunks, next_chunk, rows_read, rows_created,
  rows_changed, rows_refused, errors_kept, problem, due_at, created_at, updated_at, finished_at`;

export async function insertImport(
  db: Queryable,
  { tenantId, id }: ImportKey,
  { dryRun, now }: { dryRun: boolean; now: Date },
): Promise<ImportRow> {
  const { rows } = await db.query<ImportRow>(
    `insert into imports (tenant_id, id, state, dry_run, created_at, updated_at)
     values ($1, $2, 'receiving', $3, $4, $4) returning ${IMPORT}`,
    [tenantId, id, dryRun, now],
  );
  return rows[0]!;
}

/** How many a tenant has that are not finished, up to `limit`. */
export async function countUnfinished(db: Queryable, tenantId: string, limit: number): Promise<number> {
  const { rows } = await db.query(
    `select count(*) as n from (
       select 1 from imports where tenant_id = $1 and finished_at is null limit $2
     ) unfinished`,
    [tenantId, limit],
  );
  return rows[0].n;
}

export async function findImport(db: Queryable, { tenantId, id }: ImportKey): Promise<ImportRow | null> {
  const { rows } = await db.query<ImportRow>(
    `select ${IMPORT} from imports where tenant_id = $1 and id = $2`,
    [tenantId, id],
  );
  return rows[0] ?? null;
}

/** Newest first; the page starts behind the id `before`. */
export async function listImports(
  db: Queryable,
  query: { tenantId: string; before: string | null; limit: number },
): Promise<ImportRow[]> {
  const { rows } = await db.query<ImportRow>(
    `select ${IMPORT} from imports
      where tenant_id = $1 and id < $2
      order by id desc limit $3`,
    [query.tenantId, query.before ?? LAST_ID, query.limit],
  );
  return rows;
}

/** The next part of a file: a chunk of whole records, or the heading. */
export interface Received {
  /** Bytes and lines of the file that were stored before: whoever else appended meanwhile is found out. */
  offset: number;
  bytes: number;
  lines: number;
  columns: Column[] | null;
  data: Buffer | null;
  now: Date;
}

/** Appends to a file that is being received. Null when it is not, or more than `offset` bytes are there. */
export async function appendToImport(
  db: Queryable,
  { tenantId, id }: ImportKey,
  part: Received,
): Promise<ImportRow | null> {
  const { rows } = await db.query<ImportRow>(
    `with received as (
       update imports set bytes = bytes + $4, lines = lines + $5, columns = coalesce($6::jsonb, columns),
         chunks = chunks + case when $7::bytea is null then 0 else 1 end, updated_at = $8
       where tenant_id = $1 and id = $2 and bytes = $3 and state = 'receiving'
       returning ${IMPORT}
     ), stored as (
       insert into import_chunks (tenant_id, import_id, n, first_line, data)
         select tenant_id, id, chunks - 1, lines - $5 + 1, $7::bytea from received where $7::bytea is not null
     )
     select * from received`,
    [
      tenantId,
      id,
      part.offset,
      part.bytes,
      part.lines,
      part.columns && JSON.stringify(part.columns),
      part.data,
      part.now,
    ],
  );
  return rows[0] ?? null;
}

/** All of the file is there: it waits to be worked on. */
export async function completeImport(
  db: Queryable,
  { tenantId, id }: ImportKey,
  now: Date,
): Promise<ImportRow | null> {
  const { rows } = await db.query<ImportRow>(
    `update imports set state = 'waiting', due_at = $3, updated_at = $3
      where tenant_id = $1 and id = $2 and state = 'receiving' returning ${IMPORT}`,
    [tenantId, id, now],
  );
  return rows[0] ?? null;
}

/** Ends an import that is not finished; what it stored stays. Null when it is. Its chunks are deleted. */
export async function cancelImport(
  db: Queryable,
  { tenantId, id }: ImportKey,
  now: Date,
): Promise<ImportRow | null> {
  const { rows } = await db.query<ImportRow>(
    `with ended as (
       update imports set state = 'cancelled', due_at = null, finished_at = $3, updated_at = $3
         where tenant_id = $1 and id = $2 and finished_at is null returning ${IMPORT}
     ), gone as (
       delete from import_chunks c using ended where c.tenant_id = $1 and c.import_id = ended.id
     )
     select * from ended`,
    [tenantId, id, now],
  );
  return rows[0] ?? null;
}

/** Locks the import that waits longest for its next chunk; other processes pass it over until the transaction ends. */
export async function claimImport(db: Queryable, now: Date): Promise<ImportRow | null> {
  const { rows } = await db.query<ImportRow>({
    name: 'imports_claim',
    text: `select ${IMPORT} from imports where due_at is not null and due_at <= $1
      order by due_at limit 1 for update skip locked`,
    values: [now],
  });
  return rows[0] ?? null;
}

/** Takes a chunk off the store. */
export async function takeChunk(
  db: Queryable,
  { tenant_id, id, next_chunk }: Pick<ImportRow, 'tenant_id' | 'id' | 'next_chunk'>,
): Promise<{ first_line: number; data: Buffer } | null> {
  const { rows } = await db.query<{ first_line: number; data: Buffer }>(
    'delete from import_chunks where tenant_id = $1 and import_id = $2 and n = $3 returning first_line, data',
    [tenant_id, id, next_chunk],
  );
  return rows[0] ?? null;
}

/** Lets an import that is not over wait, and says why. */
export async function postponeImport(
  db: Queryable,
  { tenant_id, id }: Pick<ImportRow, 'tenant_id' | 'id'>,
  { problem, dueAt }: { problem: string; dueAt: Date },
): Promise<void> {
  await db.query(
    'update imports set problem = $3, due_at = $4 where tenant_id = $1 and id = $2 and due_at is not null',
    [tenant_id, id, problem, dueAt],
  );
}

/** How far an import has come; the caller holds its lock. */
export async function saveProgress(db: Queryable, row: ImportRow): Promise<void> {
  await db.query(
    `update imports set state = $3, next_chunk = $4, rows_read = $5, rows_created = $6, rows_changed = $7,
       rows_refused = $8, errors_kept = $9, problem = $10, due_at = $11, updated_at = $12, finished_at = $13
     where tenant_id = $1 and id = $2`,
    [
      row.tenant_id,
      row.id,
      row.state,
      row.next_chunk,
      row.rows_read,
      row.rows_created,
      row.rows_changed,
      row.rows_refused,
      row.errors_kept,
      row.problem,
      row.due_at,
      row.updated_at,
      row.finished_at,
    ],
  );
}

export async function insertErrors(
  db: Queryable,
  { tenant_id, id }: Pick<ImportRow, 'tenant_id' | 'id'>,
  errors: readonly RowProblem[],
): Promise<void> {
  await db.query(
    `insert into import_errors (tenant_id, import_id, line, field, rule)
     select $1, $2, line, field, rule from unnest($3::bigint[], $4::text[], $5::text[]) as t (line, field, rule)
     on conflict do nothing`,
    [
      tenant_id,
      id,
      errors.map(({ line }) => line),
      errors.map(({ field }) => field),
      errors.map(({ rule }) => rule),
    ],
  );
}

/** By line; the page starts behind the line `after`. */
export async function listErrors(
  db: Queryable,
  { tenantId, id }: ImportKey,
  { after, limit }: { after: number; limit: number },
): Promise<RowProblem[]> {
  const { rows } = await db.query<RowProblem>(
    `select line, field, rule from import_errors
      where tenant_id = $1 and import_id = $2 and line > $3 order by line limit $4`,
    [tenantId, id, after, limit],
  );
  return rows;
}

/** Forgets imports that nothing happened to for long; at most `limit`. Returns how many. */
export async function purgeImports(
  db: Queryable,
  { before, unfinishedBefore, limit }: { before: Date; unfinishedBefore: Date; limit: number },
): Promise<number> {
  const { rowCount } = await db.query(
    `delete from imports where (tenant_id, id) in (
       select tenant_id, id from imports
         where updated_at <= $2 and (updated_at <= $1 or state = 'receiving')
         order by updated_at limit $3)`,
    [before, unfinishedBefore, limit],
  );
  return rowCount ?? 0;
}
