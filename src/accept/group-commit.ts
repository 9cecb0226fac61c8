import type { Pool } from 'pg';
import { Batcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import { isDataError, type Queryable } from '../store/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import { countCommit } from './counts.ts';
import { type AcceptedRow, insertAccepted, keyName, loadKeyHolders, loadStoredIds } from './store.ts';

/** What became of one request. */
export type Accepted =
  /** Stored by this request, or by an earlier one with the same idempotency key and the same body. */
  | { kind: 'stored'; id: string; replayed: boolean }
  /** The key belongs to a request with another body. */
  | { kind: 'mismatch' }
  /** The database refused this row; the rest of its group is not affected. */
  | { kind: 'refused'; cause: unknown };

export interface GroupCommit {
  add(row: AcceptedRow): Promise<Accepted>;
  readonly waiting: number;
  drained(): Promise<void>;
}

const MAX_GROUP = 500;
const MAX_KEY_RACES = 3;

// The connection broke: whether the commit happened is not known. 08 and 57P0x are PostgreSQL's, the rest Node's.
const CONNECTION_ERROR = /^(08|57P0|ECONN|EPIPE|ETIMEDOUT)/;

/** Requests that arrive while a commit is under way join the next one. */
export function createGroupCommit(
  pool: Pool,
  clock: Clock,
  options: { maxWaiting: number; concurrency: number; intervalMs?: number; line?: string; metrics?: Metrics },
): GroupCommit {
  const batcher = new Batcher<AcceptedRow, Accepted>({
    async flush(rows) {
      const startedAt = performance.now();
      const answers = await store(pool, clock, rows);
      countCommit(options, { rows, answers, ms: performance.now() - startedAt });
      return answers;
    },
    maxBatch: MAX_GROUP,
    concurrency: options.concurrency,
    maxWaiting: options.maxWaiting,
    intervalMs: options.intervalMs,
  });
  return {
    add: (row) => batcher.add(row),
    get waiting() {
      return batcher.waiting;
    },
    drained: () => batcher.drained(),
  };
}

/** Stores rows; requests with one key are answered together, by the first of them. */
async function store(db: Queryable, clock: Clock, rows: AcceptedRow[]): Promise<Accepted[]> {
  const first = new Map<string, AcceptedRow>();
  for (const row of rows) {
    if (row.key && !first.has(nameOf(row))) first.set(nameOf(row), row);
  }
  const unique = rows.filter((row) => !row.key || first.get(nameOf(row)) === row);
  const answers = await storeUnique(db, clock, unique);
  return rows.map((row) => {
    const answer = answers.get(row.id);
    if (answer) return answer;
    const leader = first.get(nameOf(row))!;
    return sameAnswer(row, leader, answers.get(leader.id)!);
  });
}

function sameAnswer(row: AcceptedRow, leader: AcceptedRow, answer: Accepted): Accepted {
  if (answer.kind !== 'stored') return answer;
  return row.key!.fingerprint.equals(leader.key!.fingerprint)
    ? { ...answer, replayed: true }
    : { kind: 'mismatch' };
}

async function storeUnique(db: Queryable, clock: Clock, rows: AcceptedRow[]): Promise<Map<string, Accepted>> {
  const answers = new Map<string, Accepted>();
  let open = rows;
  for (let tries = 0; open.length > 0; tries++) {
    const stored = await insertOrSplit(db, clock, open, answers);
    for (const id of stored) answers.set(id, { kind: 'stored', id, replayed: false });
    open = open.filter((row) => !answers.has(row.id));
    if (open.length > 0) open = await answerByHolders(db, open, answers);
    // A key that was taken at the insert and gone at the look-up expired in between: try to take it again.
    if (tries >= MAX_KEY_RACES && open.length > 0) throw new Error('idempotency keys keep changing hands');
  }
  return answers;
}

/** Answers rows whose key is taken; returns those whose key nobody holds any more. */
async function answerByHolders(
  db: Queryable,
  rows: AcceptedRow[],
  answers: Map<string, Accepted>,
): Promise<AcceptedRow[]> {
  const holders = await loadKeyHolders(
    db,
    rows.map((row) => ({ tenantId: row.tenantId, live: row.live, hash: row.key!.hash })),
  );
  const gone: AcceptedRow[] = [];
  for (const row of rows) {
    const holder = holders.get(nameOf(row));
    if (!holder) gone.push(row);
    else if (!holder.fingerprint.equals(row.key!.fingerprint)) answers.set(row.id, { kind: 'mismatch' });
    else
      answers.set(row.id, {
        kind: 'stored',
        id: holder.notificationId,
        replayed: holder.notificationId !== row.id,
      });
  }
  return gone;
}

/** One statement for all; when the data of some row is refused, halves are tried until only the culprit fails. */
async function insertOrSplit(
  db: Queryable,
  clock: Clock,
  rows: AcceptedRow[],
  answers: Map<string, Accepted>,
): Promise<Set<string>> {
  try {
    return await insertAccepted(db, byKey(rows), new Date(clock.now()));
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    if (CONNECTION_ERROR.test(code) || /Connection terminated/.test((error as Error).message)) {
      return resolveAmbiguous(db, rows, error);
    }
    if (!isDataError(error)) throw error;
    if (rows.length === 1) {
      answers.set(rows[0]!.id, { kind: 'refused', cause: error });
      return new Set();
    }
    const middle = rows.length >> 1;
    const left = await insertOrSplit(db, clock, rows.slice(0, middle), answers);
    const right = await insertOrSplit(db, clock, rows.slice(middle), answers);
    return new Set([...left, ...right]);
  }
}

/** The answer to a COMMIT got lost: the ids tell whether it happened. All are stored, or none. */
async function resolveAmbiguous(db: Queryable, rows: AcceptedRow[], cause: unknown): Promise<Set<string>> {
  const stored = await loadStoredIds(
    db,
    rows.map((row) => row.id),
  );
  if (stored.size === 0) throw cause;
  return stored;
}

function byKey(rows: AcceptedRow[]): AcceptedRow[] {
  return rows.toSorted((a, b) =>
    a.key && b.key ? Buffer.compare(a.key.hash, b.key.hash) : a.key ? 1 : b.key ? -1 : 0,
  );
}

function nameOf(row: AcceptedRow): string {
  return keyName(row.tenantId, row.live, row.key!.hash);
}
