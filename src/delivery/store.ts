import { countChanges, isProblem, type Undecided } from '../ledger/index.ts';
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
  /** Set when the database refused to log it. */
  isUnlogged?: boolean;
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
  return settlement.state === 'sent' && settlement.choice === null;
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

const WRITE_SUCCESSES = `
with written as (
update deliveries d set
  state = 'sent', reason = null, code = null, problem = null, finished_at = r.finished_at,
  provider_message_id = coalesce(r.provider_message_id, d.provider_message_id)
from unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[]) as r (id, attempt, provider_message_id, finished_at)
where d.id = r.id and d.id between $5::uuid and $6::uuid and d.attempt = r.attempt and d.state = 'sending'
returning d.id, d.tenant_id, d.live, d.created_at, d.channel, d.state, 1 as n
), counted as (
${countChanges('written')}
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
  state = case when r.state = 'queued' and d.cancel_requested then 'cancelled' else r.state end,
  reason = r.reason, code = r.code,
  due_at = case when d.cancel_requested then null else r.due_at end,
  decide_at = r.decide_at, retries = r.retries, connection = r.connection, provider = r.provider,
  provider_message_id = coalesce(r.provider_message_id, d.provider_message_id),
  finished_at = case when r.state <> 'queued' or d.cancel_requested then r.finished_at end,
  problem = r.problem, choice = coalesce(r.choice, d.choice)
from unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::int[],
  $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::text[], $16::jsonb[])
  as r (id, attempt, state, reason, code, due_at, decide_at, retries, connection, provider, provider_message_id, finished_at, problem, choice)
where d.id = r.id and d.id between $14::uuid and $15::uuid and d.attempt = r.attempt and d.state = 'sending'
returning d.id, d.tenant_id, d.live, d.created_at, d.channel, d.state, 1 as n
), counted as (
${countChanges('written')}
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

export interface LostAttempt {
  id: string;
  attempt: number;
  tenantId: string;
  connection: string;
  provider: string | null;
  startedAt: Date;
  category: string;
}

/**
 * Takes over what dead workers had under way: workers without a heartbeat since `deadBefore` are removed with
 * their claims (and claims of workers that are removed already: a stopped one may go on claiming before its next
 * heartbeat, and die then), and the attempts that are still `sending` are returned. Run it in a transaction with what follows.
 */
export async function takeOverDeadWorkers(db: Queryable, deadBefore: Date): Promise<LostAttempt[]> {
  const { rows } = await db.query(
    `with dead as (
       delete from workers where id in (
         select id from workers where heartbeat_at < $1 order by id for update skip locked) returning id
     ), lost as (
       delete from claims c where worker_id in (select id from dead)
         or not exists (select 1 from workers w where w.id = c.worker_id) returning delivery_ids, attempts
     )
     select d.id, d.attempt, d.tenant_id, d.connection, d.provider, d.started_at, n.category
       from lost, unnest(lost.delivery_ids, lost.attempts) as started (id, attempt)
       join deliveries d on d.id = started.id and d.attempt = started.attempt and d.state = 'sending'
       join notifications n on n.id = d.notification_id
      order by d.id`,
    [deadBefore],
  );
  return rows.map((row) => ({
    id: row.id,
    attempt: row.attempt,
    tenantId: row.tenant_id,
    connection: row.connection,
    provider: row.provider,
    startedAt: row.started_at,
    category: row.category,
  }));
}

/** Nobody can tell what became of these attempts: that is a state of its own, with a time to decide. */
export async function markUnknown(
  db: Queryable,
  lost: (LostAttempt & { decideAt: Date })[],
  now: Date,
): Promise<void> {
  if (lost.length === 0) return;
  const values = [lost.map((l) => l.id), lost.map((l) => l.attempt), lost.map((l) => l.decideAt), now];
  await db.query(
    `with marked as (
     update deliveries d set state = 'unknown', problem = 'unknown', reason = 'worker_lost', code = null,
            decide_at = l.decide_at, finished_at = $4
       from unnest($1::uuid[], $2::int[], $3::timestamptz[]) as l (id, attempt, decide_at)
      where d.id = l.id and d.attempt = l.attempt and d.state = 'sending'
      returning d.tenant_id, d.live, d.created_at, d.channel, d.state, 1 as n
     )
     ${countChanges('marked')}`,
    values,
  );
  await db.query(
    `insert into attempts (delivery_id, n, tenant_id, connection, provider, outcome, reason, started_at)
     select id, attempt, tenant_id, connection, provider, 'unknown', 'worker_lost', started_at
       from unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[])
         as l (id, attempt, tenant_id, connection, provider, started_at)
     on conflict (delivery_id, n) do nothing`,
    [
      lost.map((l) => l.id),
      lost.map((l) => l.attempt),
      lost.map((l) => l.tenantId),
      lost.map((l) => l.connection),
      lost.map((l) => l.provider),
      lost.map((l) => l.startedAt),
    ],
  );
}

/**
 * Whether there is anything to sweep: one look, so that a quiet installation costs next to nothing. (`exists` would
 * not do: its condition lets the planner read the whole table, the order by only the partial index.)
 */
export async function loadSweepWork(
  db: Queryable,
  deadBefore: Date,
  now: Date,
): Promise<{ hasDead: boolean; hasUndecided: boolean }> {
  const { rows } = await db.query({
    name: 'sweep_work',
    text: `select exists (select 1 from workers where heartbeat_at < $1)
        or exists (select 1 from claims c where not exists (select 1 from workers w where w.id = c.worker_id)) as "hasDead",
      (select decide_at <= $2 from deliveries where decide_at is not null order by decide_at limit 1) is true as "hasUndecided"`,
    values: [deadBefore, now],
  });
  return rows[0];
}

export interface UndecidedDelivery extends Undecided {
  live: boolean;
}

/** Unknown deliveries whose time for evidence is over; locked until the transaction ends. */
export async function loadUndecided(db: Queryable, now: Date, limit: number): Promise<UndecidedDelivery[]> {
  const { rows } = await db.query(
    `with due as (
       select id from deliveries where decide_at <= $1 and state = 'unknown' order by decide_at limit $2 for update skip locked
     )
     select d.id, d.lane, d.live, d.channel, d.provider, d.retries, d.expires_at, d.cancel_requested, n.category
       from due join deliveries d on d.id = due.id join notifications n on n.id = d.notification_id`,
    [now, limit],
  );
  return rows.map((row) => ({
    id: row.id,
    lane: row.lane,
    live: row.live,
    channel: row.channel,
    provider: row.provider,
    category: row.category,
    retries: row.retries,
    expiresAt: row.expires_at,
    cancelRequested: row.cancel_requested,
  }));
}

export interface Decision {
  id: string;
  /** `unknown`: it waits for a person, and is not looked at again. */
  state: 'queued' | 'failed' | 'dead' | 'expired' | 'cancelled' | 'unknown';
  reason: string;
  retries: number;
}

export async function writeDecisions(db: Queryable, decisions: Decision[], now: Date): Promise<void> {
  if (decisions.length === 0) return;
  await db.query(
    `with decided as (
     update deliveries d set state = r.state, reason = r.reason, retries = r.retries, decide_at = null,
            due_at = case when r.state = 'queued' then $5::timestamptz end,
            choice = case when r.state = 'queued' then coalesce(choice, '{}') || '{"pinned": true}' else choice end,
            problem = case when r.state in ('failed', 'dead', 'unknown') then r.state end,
            finished_at = case when r.state <> 'queued' then $5::timestamptz end
       from unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) as r (id, state, reason, retries)
      where d.id = r.id and d.state = 'unknown'
      returning d.tenant_id, d.live, d.created_at, d.channel, d.state
     ), changes as (
       select *, 1 as n from decided
       union all select tenant_id, live, created_at, channel, 'unknown', -1 from decided
     )
     ${countChanges('changes')}`,
    [
      decisions.map((d) => d.id),
      decisions.map((d) => d.state),
      decisions.map((d) => d.reason),
      decisions.map((d) => d.retries),
      now,
    ],
  );
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
       update deliveries set state = 'expired', due_at = null, finished_at = $4, reason = coalesce(reason, 'expired')
        where state = 'queued' and id = any (array (
          select id from deliveries where lane = $1 and tenant_id = $2 and connection = $3 and due_at is not null
            and expires_at <= $4 order by due_at limit $5 for update skip locked))
        returning tenant_id, live, created_at, channel, state, 1 as n
     ), counted as (
       ${countChanges('expired')}
     )
     select count(*) as n from expired`,
    [slice.lane, slice.tenantId, slice.connection, now, limit],
  );
  return rows[0].n;
}
