import { LAST_ID, type Queryable } from '../store/index.ts';
import type { Actor, ProblemFilter } from './problem-store.ts';

export type ReplayState = 'running' | 'done' | 'cancelled';

/** A replay by filter, which runs in the background. */
export interface ReplayRow {
  id: string;
  tenant_id: string;
  live: boolean;
  filter: ProblemFilter;
  rate_per_second: number;
  max_deliveries: number | null;
  state: ReplayState;
  cursor: string | null;
  next_due_at: Date;
  replayed: number;
  requested_by: Actor;
  created_at: Date;
  finished_at: Date | null;
}

const REPLAY = `id, tenant_id, live, filter, rate_per_second, max_deliveries, state, cursor, next_due_at, replayed,
  requested_by, created_at, finished_at`;

export type NewReplay = Pick<
  ReplayRow,
  | 'id'
  | 'tenant_id'
  | 'live'
  | 'filter'
  | 'rate_per_second'
  | 'max_deliveries'
  | 'requested_by'
  | 'created_at'
>;

export async function insertReplay(db: Queryable, replay: NewReplay): Promise<ReplayRow> {
  const { rows } = await db.query<ReplayRow>(
    `insert into replays (id, tenant_id, live, filter, rate_per_second, max_deliveries, requested_by, state, next_due_at,
       created_at)
     values ($1, $2, $3, $4, $5, $6, $7, 'running', $8, $8) returning ${REPLAY}`,
    [
      replay.id,
      replay.tenant_id,
      replay.live,
      JSON.stringify(replay.filter),
      replay.rate_per_second,
      replay.max_deliveries,
      JSON.stringify(replay.requested_by),
      replay.created_at,
    ],
  );
  return rows[0]!;
}

export async function loadReplay(
  db: Queryable,
  tenantId: string,
  live: boolean,
  id: string,
): Promise<ReplayRow | null> {
  const { rows } = await db.query<ReplayRow>(
    `select ${REPLAY} from replays where id = $1 and tenant_id = $2 and live = $3`,
    [id, tenantId, live],
  );
  return rows[0] ?? null;
}

/** Newest first; `before` is exclusive. */
export async function listReplays(
  db: Queryable,
  tenantId: string,
  live: boolean,
  { before, limit }: { before: string | null; limit: number },
): Promise<ReplayRow[]> {
  const { rows } = await db.query<ReplayRow>(
    `select ${REPLAY} from replays
      where tenant_id = $1 and live = $2 and id < $3 order by id desc limit $4`,
    [tenantId, live, before ?? LAST_ID, limit],
  );
  return rows;
}

/** Ends a running replay; what it queued already is sent all the same. Null when it was over. */
export async function cancelReplay(
  db: Queryable,
  tenantId: string,
  live: boolean,
  { id, now }: { id: string; now: Date },
): Promise<ReplayRow | null> {
  const { rows } = await db.query<ReplayRow>(
    `update replays set state = 'cancelled', finished_at = $4
      where id = $1 and tenant_id = $2 and live = $3 and state = 'running' returning ${REPLAY}`,
    [id, tenantId, live, now],
  );
  return rows[0] ?? null;
}

/** Whether any replay may queue more by `horizon`: a look without a transaction, for the many times when none may. */
export async function hasRunningReplay(db: Queryable, horizon: Date): Promise<boolean> {
  const { rows } = await db.query({
    name: 'ledger_has_running_replay',
    text: 'select exists (select 1 from replays where finished_at is null and next_due_at < $1) as "hasRunning"',
    values: [horizon],
  });
  return rows[0].hasRunning;
}

/** Locks a running replay that may queue more by `horizon`; others pass it over until the transaction ends. */
export async function lockRunningReplay(db: Queryable, horizon: Date): Promise<ReplayRow | null> {
  const { rows } = await db.query<ReplayRow>(
    `select ${REPLAY} from replays where finished_at is null and next_due_at < $1
      order by next_due_at limit 1 for update skip locked`,
    [horizon],
  );
  return rows[0] ?? null;
}

/** How far a replay has come; the caller holds its lock. */
export async function saveProgress(
  db: Queryable,
  tenantId: string,
  progress: Pick<ReplayRow, 'id' | 'cursor' | 'next_due_at' | 'replayed' | 'state' | 'finished_at'>,
): Promise<void> {
  const { id, cursor, next_due_at, replayed, state, finished_at } = progress;
  await db.query(
    `update replays set cursor = $3, next_due_at = $4, replayed = $5, state = $6, finished_at = $7
      where id = $1 and tenant_id = $2`,
    [id, tenantId, cursor, next_due_at, replayed, state, finished_at],
  );
}
