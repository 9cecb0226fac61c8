import { uuidv7Floor } from '../lib/ids.ts';
import type { Queryable } from '../store/index.ts';
import { countChanges } from './counters.ts';
import { CHANGED, tellChanges } from './events.ts';
import type { ProblemState } from './states.ts';
import { DELIVERY, type DeliveryRow } from './store.ts';

/** What an operator looks for; every field narrows. Times (RFC 3339) are those at which deliveries were made. */
export interface ProblemFilter {
  state: ProblemState;
  reason?: string;
  code?: string;
  provider?: string;
  connection?: string;
  channel?: string;
  notificationId?: string;
  /** The caller's id of the user. */
  userId?: string;
  /** Inclusive. */
  from?: string;
  /** Exclusive. */
  to?: string;
}

export interface ProblemSearch {
  tenantId: string;
  live: boolean;
  filter: ProblemFilter;
  order: 'newest' | 'oldest';
  /** Exclusive: where the search goes on; null starts at its end of the list. */
  after: string | null;
  limit: number;
  /** How many problems are looked at, at most: a filter that matches few must not read them all in one go. */
  scan?: number;
}

export interface ProblemsFound {
  rows: DeliveryRow[];
  /** Where to go on, also when nothing was found yet; null when there is nothing more. */
  next: string | null;
}

const SCAN = 10_000;

/**
 * The rows that are looked at, in order: those of one index, chosen here by the narrowest filter, since the planner
 * knows too little of a young partition to choose well. Everything else is tested on each row.
 */
function source(columns: string, search: ProblemSearch, values: unknown[]): string {
  const { tenantId, filter, after, order, scan = SCAN } = search;
  const put = (value: unknown) => `$${values.push(value)}`;
  const conditions = [`tenant_id = ${put(tenantId)}`, `problem = ${put(filter.state)}`];
  const { notificationId, userId, reason } = filter;
  // A notification has few deliveries. `offset 0` keeps them apart, or the whole list might be walked to find them.
  let from = 'deliveries';
  if (notificationId)
    from = `(select * from deliveries where notification_id = ${put(notificationId)} and tenant_id = $1 offset 0) few`;
  else if (userId !== undefined) conditions.push(`user_id = ${userOf(put(userId))}`);
  else if (reason !== undefined) conditions.push(`reason = ${put(reason)}`);
  if (filter.from) conditions.push(`id >= ${put(uuidv7Floor(Date.parse(filter.from)))}`);
  if (filter.to) conditions.push(`id < ${put(uuidv7Floor(Date.parse(filter.to)))}`);
  if (after) conditions.push(`id ${order === 'newest' ? '<' : '>'} ${put(after)}`);
  return `select ${columns} from ${from} where ${conditions.join(' and ')}
    order by id ${order === 'newest' ? 'desc' : 'asc'} limit ${put(scan)}`;
}

const userOf = (externalId: string) =>
  `(select id from users where tenant_id = $1 and external_id = ${externalId})`;

/** What is tested on each row that is looked at. */
function tested({ live, filter }: ProblemSearch, values: unknown[]): string {
  const put = (value: unknown) => `$${values.push(value)}`;
  const conditions = [`d.live = ${put(live)}`];
  for (const column of ['reason', 'code', 'provider', 'connection', 'channel'] as const) {
    if (filter[column] !== undefined) conditions.push(`d.${column} = ${put(filter[column])}`);
  }
  if (filter.userId !== undefined) conditions.push(`d.user_id = ${userOf(put(filter.userId))}`);
  return conditions.join(' and ');
}

/** Problems that match, in the order of their ids. Costs at most `scan` looked-at rows, whatever the filter. */
export async function searchProblems(db: Queryable, search: ProblemSearch): Promise<ProblemsFound> {
  const { order, limit } = search;
  const values: unknown[] = [];
  const looked = source('*', search, values);
  const { rows } = await db.query<DeliveryRow>(
    `select ${DELIVERY} from (${looked}) d where ${tested(search, values)}
      order by id ${order === 'newest' ? 'desc' : 'asc'} limit $${values.push(limit + 1)}`,
    values,
  );
  const shown = rows.slice(0, limit);
  if (rows.length > limit) return { rows: shown, next: shown.at(-1)!.id };
  return { rows: shown, next: await loadScanEnd(db, search) };
}

/** The last row that a search looked at before it gave up; null when it came to the end of the list. */
async function loadScanEnd(db: Queryable, search: ProblemSearch): Promise<string | null> {
  const values: unknown[] = [];
  const looked = source('id', search, values);
  const { rows } = await db.query<{ id: string }>(
    `select id from (${looked}) d offset $${values.push((search.scan ?? SCAN) - 1)}`,
    values,
  );
  return rows[0]?.id ?? null;
}

/** Who intervened; `key` is the id of an API key. */
export interface Actor {
  key: string;
  name: string | null;
}

/** The name of the key that asks, for the trace. */
export async function loadActor(db: Queryable, tenantId: string, keyId: string): Promise<Actor> {
  const { rows } = await db.query<{ name: string }>(
    'select name from api_keys where tenant_id = $1 and id::text = $2',
    [tenantId, keyId],
  );
  return { key: keyId, name: rows[0]?.name ?? null };
}

/** What somebody did to a delivery, as it is kept with it. */
export interface Intervention {
  /** RFC 3339. */
  at: string;
  action: 'replay' | 'settle';
  /** The state before. */
  was: string;
  /** The reason before. */
  because: string | null;
  /** The state that was chosen. */
  as: string;
  by: Actor;
  note?: string;
  /** The background replay that it was part of. */
  replay?: string;
}

/** Appends to the trace and keeps the last 50: replaying in a loop must not grow a row without end. */
const TRACE = (entry: string) =>
  `(case when jsonb_array_length(interventions) >= 50 then interventions - 0 else coalesce(interventions, '[]') end)
    || jsonb_build_array(${entry}::jsonb || jsonb_build_object('was', state, 'because', reason))`;

export interface Replay {
  ids: string[];
  /** When each of them is due. */
  dueAt: Date[];
  expiresAt: Date;
  /** Without what the row itself knows. */
  entry: Omit<Intervention, 'was' | 'because'>;
}

/** Queues dead or failed deliveries again with a fresh retry budget. Returns the ids and lanes that were. */
export async function replayDeliveries(
  db: Queryable,
  tenantId: string,
  live: boolean,
  replay: Replay,
): Promise<{ id: string; lane: string }[]> {
  const { rows } = await db.query<{ id: string; lane: string }>(
    `with picked as (
       select id, problem from deliveries where id = any($1::uuid[]) and tenant_id = $2 and live = $3
          and problem in ('dead', 'failed') order by id for update
     ), replayed as (
       update deliveries d set state = 'queued', due_at = r.due_at, expires_at = greatest(expires_at, $5), retries = 0,
         problem = null, finished_at = null, cancel_requested = false,
         choice = case when choice ? 'step' then jsonb_build_object('step', choice->'step') end, interventions = ${TRACE('$6')}
        from unnest($1::uuid[], $4::timestamptz[]) as r (id, due_at) join picked on picked.id = r.id
       where d.id = r.id
       returning d.id, d.lane, d.tenant_id, d.live, d.created_at, d.channel, picked.problem as state, -1 as n
     ), counted as (
       ${countChanges('replayed')}
     )
     select id, lane from replayed`,
    [replay.ids, tenantId, live, replay.dueAt, replay.expiresAt, JSON.stringify(replay.entry)],
  );
  return rows;
}

export interface SettleByHand {
  ids: string[];
  as: 'sent' | 'failed' | 'queued';
  now: Date;
  expiresAt: Date;
  entry: Omit<Intervention, 'was' | 'because'>;
}

/** Gives unknown deliveries the outcome that somebody found out; `queued` sends them again over the same connection. */
export async function settleDeliveries(
  db: Queryable,
  tenantId: string,
  live: boolean,
  { ids, as, now, expiresAt, entry }: SettleByHand,
): Promise<{ id: string; lane: string }[]> {
  const { rows } = await db.query<{ id: string; lane: string }>(
    `with settled as (
     update deliveries d set state = $4, reason = 'settled_by_operator', decide_at = null, interventions = ${TRACE('$7')},
        problem = case when $4 = 'failed' then $4 end,
        due_at = case when $4 = 'queued' then $5::timestamptz end,
        choice = case when $4 = 'queued' then coalesce(choice, '{}') || '{"pinned": true}' else choice end,
        finished_at = case when $4 <> 'queued' then $5::timestamptz end,
        retries = case when $4 = 'queued' then 0 else retries end,
        cancel_requested = case when $4 = 'queued' then false else cancel_requested end,
        expires_at = case when $4 = 'queued' then greatest(expires_at, $6) else expires_at end
      where id in (
        select id from deliveries where id = any($1::uuid[]) and tenant_id = $2 and live = $3
          and problem = 'unknown' order by id for update)
      returning ${CHANGED}, d.lane
     ), changes as (
       select tenant_id, live, created_at, channel, state, 1 as n from settled
       union all select tenant_id, live, created_at, channel, 'unknown', -1 from settled
     ), counted as (
       ${countChanges('changes')}
     ), told as (
       ${tellChanges('settled', '$5::timestamptz')}
     )
     select id, lane from settled`,
    [ids, tenantId, live, as, now, expiresAt, JSON.stringify(entry)],
  );
  return rows;
}

/** The states of deliveries, to say why some were refused. */
export async function loadStates(
  db: Queryable,
  tenantId: string,
  live: boolean,
  ids: string[],
): Promise<Map<string, string>> {
  const { rows } = await db.query<{ id: string; state: string }>(
    'select id, state from deliveries where id = any($1::uuid[]) and tenant_id = $2 and live = $3',
    [ids, tenantId, live],
  );
  return new Map(rows.map(({ id, state }) => [id, state]));
}
