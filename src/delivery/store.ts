import { CHANGED, countChanges, isProblem, tellChanges } from '../ledger/index.ts';
import type { InboxItem } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import { column, type Queryable } from '../store/index.ts';
import type { Settlement } from './settle.ts';

/** The end of one attempt, ready to be written. */
export interface Result {
  claimed: Claimed;
  settlement: Settlement;
  /** The kind of outcome, or the verdict that came before any call (`cancelled`, `expired`, `skipped`). */
  outcome: string;
  /** Facts for the provider log; never secrets or content. */
  detail: Record<string, unknown> | null;
  /** Set when a hook did more than to agree: such an attempt is logged even if it simply succeeded. */
  hookReason?: string;
  startedAt: number;
  latencyMs: number;
  finishedAt: number;
  inboxItem?: InboxItem;
}

/**
 * Writes results behind their fences: a row changes only if it is still `sending` with the attempt's number, so a
 * worker that was given up writes nothing. Returns the ids that changed. A retry of a delivery whose cancelling was
 * asked for meanwhile becomes `cancelled`.
 */
export async function writeResults(db: Queryable, results: Result[]): Promise<Set<string>> {
  const successes = results.filter(isSuccess);
  const others = results.filter((result) => !isSuccess(result));
  const written = successes.length > 0 ? await writeSuccesses(db, successes) : new Set<string>();
  if (others.length === 0) return written;
  return written.union(await writeOthers(db, others));
}

function isSuccess({ settlement }: Result): boolean {
  return settlement.state === 'sent' && settlement.choice === null && settlement.code === null;
}

/** Nearly all results, and they say little: a statement with four columns instead of sixteen. */
async function writeSuccesses(db: Queryable, results: Result[]): Promise<Set<string>> {
  const sorted = results.toSorted(byId);
  const { rows } = await db.query({
    name: 'delivery_successes',
    text: WRITE_SUCCESSES,
    values: [
      column(sorted, (r) => r.claimed.id),
      column(sorted, (r) => r.claimed.attempt),
      column(sorted, (r) => r.settlement.providerMessageId),
      column(sorted, (r) => new Date(r.finishedAt)),
      sorted[0]!.claimed.id,
      sorted.at(-1)!.claimed.id,
    ],
  });
  return new Set(rows.map((row) => row.id));
}

// The place of a row's id among the sorted ids of the batch, by binary search: a join with `unnest` compares all rows
// with each other where the plan was made while the table was small.
const NTH = 'width_bucket(d.id, $1::uuid[])';

const WRITE_SUCCESSES = `
with written as (
update deliveries d set
  state = 'sent', reason = null, code = null, problem = null, finished_at = ($4::timestamptz[])[${NTH}],
  provider_message_id = coalesce(($3::text[])[${NTH}], d.provider_message_id)
where d.id = any($1::uuid[]) and d.id between $5::uuid and $6::uuid
  and d.attempt = ($2::int[])[${NTH}] and d.state = 'sending'
returning ${CHANGED}, 1 as n
), counted as (
${countChanges('written')}
), told as (
${tellChanges('written')}
)
select id from written`;

function byId(a: Result, b: Result): number {
  return a.claimed.id < b.claimed.id ? -1 : 1;
}

async function writeOthers(db: Queryable, results: Result[]): Promise<Set<string>> {
  const sorted = results.toSorted(byId);
  const date = (ms: number | null) => (ms === null ? null : new Date(ms));
  const { rows } = await db.query({
    name: 'delivery_results',
    text: WRITE_RESULTS,
    values: [
      column(sorted, (r) => r.claimed.id),
      column(sorted, (r) => r.claimed.attempt),
      column(sorted, (r) => r.settlement.state),
      column(sorted, (r) => r.settlement.reason),
      column(sorted, (r) => r.settlement.code),
      column(sorted, (r) => date(r.settlement.dueAt)),
      column(sorted, (r) => date(r.settlement.decideAt)),
      column(sorted, (r) => r.settlement.retries),
      column(sorted, (r) => r.settlement.moveTo?.connection ?? r.claimed.connection),
      column(sorted, (r) => r.settlement.moveTo?.provider ?? r.claimed.provider),
      column(sorted, (r) => r.settlement.providerMessageId),
      column(sorted, (r) => new Date(r.finishedAt)),
      column(sorted, (r) => (isProblem(r.settlement.state) ? r.settlement.state : null)),
      sorted[0]!.claimed.id,
      sorted.at(-1)!.claimed.id,
      column(sorted, (r) => (r.settlement.choice ? JSON.stringify(r.settlement.choice) : null)),
    ],
  });
  return new Set(rows.map((row) => row.id));
}

const WRITE_RESULTS = `
with written as (
update deliveries d set
  (state, reason, code, due_at, decide_at, retries, connection, provider, provider_message_id, finished_at, problem, choice) = (
    select case when r.is_over then 'cancelled' else r.state end,
      ($4::text[])[nth], ($5::text[])[nth], case when not d.cancel_requested then ($6::timestamptz[])[nth] end,
      ($7::timestamptz[])[nth], ($8::int[])[nth], ($9::text[])[nth], ($10::text[])[nth],
      coalesce(($11::text[])[nth], d.provider_message_id),
      case when r.state <> 'queued' or r.is_over then ($12::timestamptz[])[nth] end,
      ($13::text[])[nth], coalesce(($16::jsonb[])[nth], d.choice)
    from (select ${NTH} as nth) place
    cross join lateral (select ($3::text[])[nth] as state, ($3::text[])[nth] = 'queued' and d.cancel_requested as is_over) r
  )
where d.id = any($1::uuid[]) and d.id between $14::uuid and $15::uuid
  and d.attempt = ($2::int[])[${NTH}] and d.state = 'sending'
returning ${CHANGED}, 1 as n
), counted as (
${countChanges('written')}
), told as (
${tellChanges('written')}
)
select id from written`;

/** The log of attempts that did not simply succeed. */
export async function insertAttempts(db: Queryable, results: Result[]): Promise<void> {
  if (results.length === 0) return;
  await db.query(
    `insert into attempts (delivery_id, n, tenant_id, connection, provider, outcome, reason, code, detail, started_at, latency_ms)
     select * from unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
       $9::jsonb[], $10::timestamptz[], $11::int[])
     on conflict (delivery_id, n) do nothing`,
    [
      results.map((r) => r.claimed.id),
      results.map((r) => r.claimed.attempt),
      results.map((r) => r.claimed.tenantId),
      results.map((r) => r.claimed.connection),
      results.map((r) => r.claimed.provider),
      results.map((r) => r.outcome),
      results.map((r) => r.settlement.reason ?? r.hookReason ?? null),
      results.map((r) => r.settlement.code),
      results.map((r) => (r.detail ? JSON.stringify(r.detail) : null)),
      results.map((r) => new Date(r.startedAt)),
      results.map((r) => r.latencyMs),
    ],
  );
}

/** Forgets claims whose results are all written. */
export async function deleteClaims(db: Queryable, ids: string[]): Promise<void> {
  await db.query({
    name: 'delivery_delete_claims',
    text: 'delete from claims where id = any($1::uuid[])',
    values: [ids],
  });
}

/** Ends a worker that has nothing under way any more. */
export async function deleteWorker(db: Queryable, id: string): Promise<void> {
  await db.query(
    'delete from workers where id = $1 and not exists (select 1 from claims where worker_id = $1)',
    [id],
  );
}

/**
 * Proof of life; called every few seconds. `isNew` when the worker was not on record: new, or given up for dead.
 * `alive` workers have a heartbeat since `aliveSince`, this one included.
 */
export async function saveHeartbeat(
  db: Queryable,
  worker: { id: string; host: string; startedAt: Date },
  { now, aliveSince }: { now: Date; aliveSince: Date },
): Promise<{ isNew: boolean; alive: number }> {
  // xmax is 0 in a row that was inserted, not updated. A beat that hung must not make the worker look older.
  const { rows } = await db.query({
    name: 'save heartbeat',
    text: `with beat as (
        insert into workers as w (id, host, started_at, heartbeat_at) values ($1, $2, $3, $4)
        on conflict (id) do update set heartbeat_at = greatest(w.heartbeat_at, excluded.heartbeat_at)
        returning xmax = 0 as "isNew"
      )
      select "isNew", 1 + (select count(*)::int from workers where id <> $1 and heartbeat_at >= $5) as alive from beat`,
    values: [worker.id, worker.host, worker.startedAt, now, aliveSince],
  });
  return rows[0];
}

/** Drops what expired while its connection could not be used; nobody claims it, so nobody else would notice. */
export async function expireWaiting(
  db: Queryable,
  slice: { lane: string; tenantId: string; connection: string },
  now: Date,
  limit: number,
): Promise<number> {
  const { rows } = await db.query(
    `with expired as (
       update deliveries d set state = 'expired', due_at = null, finished_at = $4, reason = coalesce(reason, 'expired')
        where state = 'queued' and id = any (array (
          select id from deliveries where lane = $1 and tenant_id = $2 and connection = $3 and due_at is not null
            and expires_at <= $4 order by due_at limit $5 for update skip locked))
        returning ${CHANGED}, 1 as n
     ), counted as (
       ${countChanges('expired')}
     ), told as (
       ${tellChanges('expired')}
     )
     select count(*) as n from expired`,
    [slice.lane, slice.tenantId, slice.connection, now, limit],
  );
  return rows[0].n;
}
