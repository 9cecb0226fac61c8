import { column, type Queryable } from '../store/index.ts';
import type { CallableRow } from './endpoint.ts';
import type { Result, Settlement } from './settle.ts';

/** Endpoints that one look goes over; the next one begins behind them. */
const LOOK = 1_000;

/** Whether anybody has an enabled endpoint, or left something behind: else there is nothing to do for anyone. */
export async function hasEndpoints(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ any: boolean }>({
    name: 'webhooks_any',
    text: `select exists (select from webhook_endpoints where enabled)
      or exists (select from webhook_deliveries where due_at is not null)
      or exists (select from events where waiting) as any`,
  });
  return rows[0]!.any;
}

/**
 * Finds out who is told of the oldest events that wait, at most `limit`: a delivery for each endpoint that wants it.
 * Other processes take other events. Returns how many events and deliveries these were.
 */
export async function dealEvents(
  db: Queryable,
  now: Date,
  limit: number,
): Promise<{ events: number; deliveries: number }> {
  const { rows } = await db.query({ name: 'webhooks_deal', text: DEAL, values: [now, limit] });
  return rows[0];
}

const DEAL = `
with waiting as materialized (
  select id, tenant_id, live, type, channel, category, notification_id from events
   where waiting order by sequence limit $2 for update skip locked
), batch as materialized (
  select w.id, w.tenant_id, w.live, w.type, w.channel, coalesce(w.category, n.category) as category,
    case when n.user_id is null then '{}' else jsonb_build_object('userId', n.user_id, 'category', n.category) end as more
    from waiting w left join lateral (
      select tenant_id, user_id, category from notifications where id = w.notification_id limit 1
    ) n on n.tenant_id = w.tenant_id
), made as (
  insert into webhook_deliveries (event_id, endpoint_key, tenant_id, type, state, due_at, created_at)
  select b.id, e.key, b.tenant_id, b.type, 'pending', $1, $1
    from batch b join webhook_endpoints e on e.tenant_id = b.tenant_id and e.enabled
   where e.types && array['*', split_part(b.type, '.', 1) || '.*', b.type]
     and (e.environments = '{}' or case when b.live then 'live' else 'test' end = any(e.environments))
     and (e.channels = '{}' or b.channel is null or b.channel = any(e.channels))
     and (e.categories = '{}' or b.category is null or b.category = any(e.categories))
  on conflict (event_id, endpoint_key) do nothing
  returning 1
), dealt as (
  update events e set waiting = false, category = batch.category, data = e.data || batch.more from batch where e.id = batch.id returning 1
)
select (select count(*) from dealt)::int as events, (select count(*) from made)::int as deliveries`;

/** An endpoint for which something is due; without `id` it is there no more. */
export interface ReadyRow extends CallableRow {
  enabled: boolean;
  /** Calls behind each other that were too much for it. */
  strain: number;
  is_troubled: boolean;
  paused: boolean;
}

/** Endpoints with something due, in the order of their keys from behind `after` on; `last` is where the look ended. */
export async function loadReady(
  db: Queryable,
  now: Date,
  after: string,
): Promise<{ ready: ReadyRow[]; last: string | null }> {
  const { rows } = await db.query({ name: 'webhooks_ready', text: READY, values: [now, after] });
  const last = rows.length === LOOK ? rows.at(-1).due_key : null;
  return { ready: rows.filter((row) => row.is_due), last };
}

// One step in the index for each endpoint, however much waits for it.
const READY = `
with recursive lines as (
  (select endpoint_key, due_at, 1 as n from webhook_deliveries
    where due_at is not null and endpoint_key > $2 order by endpoint_key, due_at limit 1)
  union all
  select next.endpoint_key, next.due_at, lines.n + 1 from lines cross join lateral (
    select endpoint_key, due_at from webhook_deliveries
     where due_at is not null and endpoint_key > lines.endpoint_key order by endpoint_key, due_at limit 1
  ) next where lines.n < ${LOOK}
)
select l.endpoint_key as due_key, l.due_at <= $1 as is_due, e.tenant_id, e.id, l.endpoint_key as key, e.url, e.version,
  e.previous_until, e.secrets, coalesce(e.enabled, false) as enabled, k.wrapped, k.kek_id,
  coalesce(t.strain, 0) as strain, t.endpoint_key is not null as is_troubled,
  coalesce(t.paused_until > $1, false) as paused
from lines l
left join lateral (select * from webhook_endpoints where key = l.endpoint_key and l.due_at <= $1 limit 1) e on true
left join lateral (select * from webhook_troubles where endpoint_key = l.endpoint_key and l.due_at <= $1 limit 1) t on true
left join lateral (select wrapped, kek_id from data_keys where tenant_id = e.tenant_id
  and version = (e.secrets->>'dataKey')::integer limit 1) k on true
order by l.endpoint_key`;

/** A delivery whose call may begin. */
export interface ClaimedCall {
  tenantId: string;
  endpointKey: string;
  eventId: string;
  /** The fence: whoever was given up writes nothing. */
  attempt: number;
  tries: number;
  live: boolean;
  sequence: string;
  type: string;
  occurredAt: Date;
  data: Record<string, unknown>;
}

/**
 * Claims what is due, at most so many of each endpoint; others that claim at the same time get other rows. Whoever has
 * not written a result by `lease` is given up for lost, and the call is made again.
 */
export async function claimCalls(
  db: Queryable,
  wanted: readonly { key: string; limit: number }[],
  { now, lease }: { now: Date; lease: Date },
): Promise<ClaimedCall[]> {
  const { rows } = await db.query<ClaimedCall>({
    name: 'webhooks_claim',
    text: CLAIM,
    values: [column(wanted, ({ key }) => key), column(wanted, ({ limit }) => limit), now, lease],
  });
  return rows;
}

const CLAIM = `
with due as materialized (
  select d.event_id, d.endpoint_key from unnest($1::uuid[], $2::int[]) as line (key, n)
  cross join lateral (
    select event_id, endpoint_key from webhook_deliveries
     where endpoint_key = line.key and due_at <= $3 order by due_at limit line.n for update skip locked
  ) d
), claimed as (
  update webhook_deliveries d set state = 'sending', attempt = d.attempt + 1, due_at = $4
    from due where d.event_id = due.event_id and d.endpoint_key = due.endpoint_key
  returning d.tenant_id, d.endpoint_key, d.event_id, d.attempt, d.tries
)
select c.tenant_id as "tenantId", c.endpoint_key as "endpointKey", c.event_id as "eventId", c.attempt, c.tries,
  e.live, e.sequence, e.type, e.occurred_at as "occurredAt", e.data
from claimed c cross join lateral (select * from events where id = c.event_id limit 1) e
order by e.sequence`;

/** Ends what is due for endpoints that are disabled or gone. It can be sent again while it is in the log. */
export async function endDue(db: Queryable, keys: string[], now: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'webhooks_end_due',
    text: `update webhook_deliveries d set state = 'failed', reason = 'endpoint_disabled', due_at = null,
        finished_at = $2, failed_at = $2
      from (
        select w.event_id, w.endpoint_key from unnest($1::uuid[]) as line (key) cross join lateral (
          select event_id, endpoint_key from webhook_deliveries
           where endpoint_key = line.key and due_at <= $2 order by due_at limit $3 for update skip locked) w
      ) due where d.event_id = due.event_id and d.endpoint_key = due.endpoint_key`,
    values: [keys, now, limit],
  });
  return rowCount ?? 0;
}

/** Writes results behind their fences, each with its line in the log. Returns the fences that held. */
export async function writeResults(
  db: Queryable,
  results: readonly { result: Result; settlement: Settlement }[],
): Promise<Set<string>> {
  const date = (ms: number | null) => (ms === null ? null : new Date(ms));
  const { rows } = await db.query<{ fence: string }>({
    name: 'webhooks_results',
    text: RESULTS,
    values: [
      column(results, ({ result }) => result.claimed.eventId),
      column(results, ({ result }) => result.claimed.endpointKey),
      column(results, ({ result }) => result.claimed.attempt),
      column(results, ({ settlement }) => settlement.state),
      column(results, ({ settlement }) => settlement.tries),
      column(results, ({ settlement }) => date(settlement.dueAt)),
      column(results, ({ result }) => result.verdict.outcome),
      column(results, ({ result }) => result.verdict.reason),
      column(results, ({ result }) => result.verdict.status),
      column(results, ({ result }) => result.verdict.answer),
      column(results, ({ result }) => result.latencyMs),
      column(results, ({ result }) => date(result.startedAt)),
      column(results, ({ result }) => date(result.finishedAt)),
    ],
  });
  return new Set(rows.map(({ fence }) => fence));
}

const RESULTS = `
with ended as materialized (
  select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::int[], $6::timestamptz[], $7::text[], $8::text[],
    $9::int[], $10::text[], $11::int[], $12::timestamptz[], $13::timestamptz[]) as r (event_id, endpoint_key, attempt, state,
    tries, due_at, outcome, reason, status, answer, latency_ms, started_at, finished_at)
), mine as materialized (
  select r.*, d.tenant_id from ended r join webhook_deliveries d on d.event_id = r.event_id
     and d.endpoint_key = r.endpoint_key and d.attempt = r.attempt and d.state = 'sending'
   order by d.event_id, d.endpoint_key for update of d
), written as (
  update webhook_deliveries d set state = r.state, tries = r.tries, due_at = r.due_at, reason = r.reason, status = r.status,
    finished_at = case when r.state <> 'pending' then r.finished_at end,
    failed_at = case when r.state = 'failed' then r.finished_at end
   from mine r where d.event_id = r.event_id and d.endpoint_key = r.endpoint_key
), logged as (
  insert into webhook_attempts (event_id, endpoint_key, n, tenant_id, outcome, reason, status, latency_ms, answer, started_at)
  select event_id, endpoint_key, attempt, tenant_id, outcome, reason, status, latency_ms, answer, started_at from mine
  on conflict (event_id, endpoint_key, n) do nothing
)
select event_id || '/' || endpoint_key || '/' || attempt as fence from mine`;

export function fenceOf({ eventId, endpointKey, attempt }: ClaimedCall): string {
  return `${eventId}/${endpointKey}/${attempt}`;
}

/**
 * Forgets of whom was told what happened before `bound` (the smallest id of a moment), and how. What waits to be told
 * stays. Returns whether there may be more.
 */
export async function purgeDeliveries(db: Queryable, bound: string, limit: number): Promise<boolean> {
  const { rows } = await db.query<{ n: number }>({
    name: 'webhooks_purge_deliveries',
    text: `with old as (
        delete from webhook_deliveries where (event_id, endpoint_key) in (
          select event_id, endpoint_key from webhook_deliveries where event_id < $1 and due_at is null
           order by event_id, endpoint_key limit $2 for update skip locked)
        returning event_id, endpoint_key
      ), attempts as (
        delete from webhook_attempts a using old where a.event_id = old.event_id and a.endpoint_key = old.endpoint_key
      )
      select count(*)::int as n from old`,
    values: [bound, limit],
  });
  return rows[0]!.n >= limit;
}

/** Forgets what happened before `bound` and is told to nobody any more. Returns whether there may be more. */
export async function purgeEvents(db: Queryable, bound: string, limit: number): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'webhooks_purge_events',
    text: `delete from events where id in (
      select id from events e where id < $1 and not waiting
         and not exists (select from webhook_deliveries d where d.event_id = e.id)
       order by id limit $2 for update skip locked)`,
    values: [bound, limit],
  });
  return (rowCount ?? 0) >= limit;
}
