import { uuidv7 } from '../lib/ids.ts';
import { isDataError, type Queryable, type Store } from '../store/index.ts';
import { RecordScanner, readFields } from './csv.ts';
import { type ImportedUser, MAX_ATTRIBUTES_BYTES, type RowProblem, RowReader } from './import-row.ts';
import {
  claimImport,
  type ImportRow,
  insertErrors,
  postponeImport,
  saveProgress,
  takeChunk,
} from './import-store.ts';
import { selectOverfull, subscribeImported, upsertContactsOf, upsertUsers } from './imported-users.ts';

const BATCH = 1_000;
export const MAX_ERRORS = 10_000;
const AFTER_ERROR_MS = 5_000;

/**
 * Stores one chunk of the import that waits longest, in a transaction of its own, which also takes the chunk away and
 * keeps the counts: a crash repeats it or has it done, never half. One that fails waits, so that it holds up no other. Null
 * when none is due.
 */
export async function importChunk(
  store: Pick<Store, 'transaction'>,
  now: number,
): Promise<{ row: ImportRow; rows: RowCounts } | null> {
  let claimed: ImportRow | null = null;
  try {
    return await store.transaction(async (db) => {
      claimed = await claimImport(db, new Date(now));
      return claimed && storeNext(db, claimed, now);
    });
  } catch (error) {
    const failed = claimed as ImportRow | null;
    if (failed) {
      const postponed = {
        problem: 'Its rows could not be stored; trying again',
        dueAt: new Date(now + AFTER_ERROR_MS),
      };
      await store.transaction((db) => postponeImport(db, failed, postponed));
    }
    throw error;
  }
}

async function storeNext(
  db: Queryable,
  row: ImportRow,
  now: number,
): Promise<{ row: ImportRow; rows: RowCounts }> {
  const chunk = row.next_chunk < row.chunks ? await takeChunk(db, row) : null;
  const next = chunk ? await workedOn(db, row, chunk, now) : row;
  const isDone = next.next_chunk >= row.chunks;
  const isLost = !chunk && !isDone;
  const at = new Date(now);
  const saved: ImportRow = {
    ...next,
    state: isLost ? 'failed' : isDone ? 'done' : 'running',
    problem: isLost ? 'A part of the file is gone' : null,
    due_at: isLost || isDone ? null : at,
    updated_at: at,
    finished_at: isLost || isDone ? at : null,
  };
  await saveProgress(db, saved);
  return { row: saved, rows: rowsBetween(row, saved) };
}

/** Rows by what became of them. */
export type RowCounts = Record<'created' | 'changed' | 'unchanged' | 'refused', number>;

function rowsBetween(before: ImportRow, after: ImportRow): RowCounts {
  const created = after.rows_created - before.rows_created;
  const changed = after.rows_changed - before.rows_changed;
  const refused = after.rows_refused - before.rows_refused;
  const read = after.rows_read - before.rows_read;
  return { created, changed, refused, unchanged: read - created - changed - refused };
}

async function workedOn(
  db: Queryable,
  row: ImportRow,
  chunk: { first_line: number; data: Buffer },
  now: number,
): Promise<ImportRow> {
  const { users, problems, rows } = readChunk(row, chunk);
  const stored = { created: 0, changed: 0 };
  if (!row.dry_run) {
    for (let i = 0; i < users.length; i += BATCH) {
      const batch = await storeUsers(db, row.tenant_id, users.slice(i, i + BATCH), now);
      stored.created += batch.created;
      stored.changed += batch.changed;
      problems.push(...batch.problems);
    }
  }
  const kept = problems.slice(0, MAX_ERRORS - row.errors_kept);
  if (kept.length > 0) await insertErrors(db, row, kept);
  return {
    ...row,
    next_chunk: row.next_chunk + 1,
    rows_read: row.rows_read + rows,
    rows_created: row.rows_created + stored.created,
    rows_changed: row.rows_changed + stored.changed,
    rows_refused: row.rows_refused + problems.length,
    errors_kept: row.errors_kept + kept.length,
  };
}

/** What stands in a chunk; blank lines are no rows. Pure. */
export function readChunk(
  { columns }: Pick<ImportRow, 'columns'>,
  { first_line, data }: { first_line: number; data: Buffer },
): { users: ImportedUser[]; problems: RowProblem[]; rows: number } {
  const reader = new RowReader(columns!);
  const scanner = new RecordScanner();
  const users: ImportedUser[] = [];
  const problems: RowProblem[] = [];
  let line = first_line;
  for (let from = 0; from < data.length; ) {
    const end = scanner.endOf(data, from, true)!;
    const read = readFields(data, from, end);
    if ('problem' in read) problems.push({ line, field: '', rule: read.problem });
    else if (read.fields.length > 1 || read.fields[0] !== '') {
      const row = reader.read(read.fields, line);
      if ('rule' in row) problems.push(row);
      else users.push(row);
    }
    for (let at = from; at < end; at++) if (data[at] === 0x0a) line++;
    from = end;
  }
  return { users, problems, rows: users.length + problems.length };
}

interface StoredUsers {
  created: number;
  changed: number;
  problems: RowProblem[];
}

/** Stores a batch. If the database refuses it, its halves are tried, until only the culprits are left out. */
async function storeUsers(
  db: Queryable,
  tenantId: string,
  rows: readonly ImportedUser[],
  now: number,
): Promise<StoredUsers> {
  await db.query('savepoint batch');
  try {
    const stored = await storeBatch(db, tenantId, rows, now);
    await db.query('release savepoint batch');
    return stored;
  } catch (error) {
    if (!isDataError(error)) throw error;
    await db.query('rollback to savepoint batch');
  }
  if (rows.length === 1) {
    const problem = { line: rows[0]!.line, field: '', rule: 'could not be stored' };
    return { created: 0, changed: 0, problems: [problem] };
  }
  const middle = rows.length >> 1;
  const first = await storeUsers(db, tenantId, rows.slice(0, middle), now);
  const second = await storeUsers(db, tenantId, rows.slice(middle), now);
  return {
    created: first.created + second.created,
    changed: first.changed + second.changed,
    problems: [...first.problems, ...second.problems],
  };
}

async function storeBatch(
  db: Queryable,
  tenantId: string,
  rows: readonly ImportedUser[],
  now: number,
): Promise<StoredUsers> {
  const at = new Date(now);
  const once = onceEach(rows);
  const overfull = await selectOverfull(db, tenantId, once.users);
  const refused = [...once.refused, ...rows.filter((row) => overfull.has(row.externalId))];
  const users = once.users
    .filter(({ externalId }) => !overfull.has(externalId))
    .map((user) => ({ ...user, id: uuidv7(now) }));
  const isNew = new Set(users.map(({ id }) => id));
  const written = await upsertUsers(db, tenantId, users, at);
  await upsertContactsOf(db, tenantId, users, at);
  await subscribeImported(db, tenantId, users, at);
  const created = written.filter((id) => isNew.has(id)).length;
  const rule = `must have at most ${MAX_ATTRIBUTES_BYTES} bytes as JSON with those there are`;
  const problems = [...new Set(refused)].map(({ line }) => ({ line, field: 'attributes', rule }));
  return { created, changed: written.length - created, problems };
}

/**
 * A user who comes twice is written once: what is said last counts, and what it leaves out stays, unless that is too much for
 * one user. In the order of ids.
 */
function onceEach(rows: readonly ImportedUser[]): { users: ImportedUser[]; refused: ImportedUser[] } {
  const byId = new Map<string, ImportedUser>();
  const refused: ImportedUser[] = [];
  for (const row of rows) {
    const known = byId.get(row.externalId);
    const next = known ? merged(known, row) : row;
    if (known && Buffer.byteLength(JSON.stringify(next.attributes)) > MAX_ATTRIBUTES_BYTES) refused.push(row);
    else byId.set(row.externalId, next);
  }
  return { users: [...byId.values()].sort((a, b) => (a.externalId < b.externalId ? -1 : 1)), refused };
}

function merged(first: ImportedUser, last: ImportedUser): ImportedUser {
  const kinds = new Set(last.contacts.map(({ kind }) => kind));
  return {
    ...first,
    ...last,
    attributes: { ...first.attributes, ...last.attributes },
    contacts: [...first.contacts.filter(({ kind }) => !kinds.has(kind)), ...last.contacts],
    topics: [...new Set([...first.topics, ...last.topics])],
  };
}
