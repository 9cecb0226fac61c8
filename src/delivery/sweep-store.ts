import { CHANGED, countChanges, tellChanges, type Undecided } from '../ledger/index.ts';
import type { Queryable } from '../store/index.ts';

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
      returning ${CHANGED}, 1 as n
     ), told as (
       ${tellChanges('marked')}
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

export interface SweepWork {
  hasDead: boolean;
  /** Somebody has claimed deliveries, and may die over them. */
  hasClaims: boolean;
  /** When the first unknown outcome is to be decided; null without any. */
  decideAt: Date | null;
}

/**
 * Whether there is anything to sweep: one look, so that a quiet installation costs next to nothing. (`exists` would
 * not do for the last: its condition lets the planner read the whole table, the order by only the partial index.)
 */
export async function loadSweepWork(db: Queryable, deadBefore: Date): Promise<SweepWork> {
  const { rows } = await db.query({
    name: 'sweep_work',
    text: `select exists (select 1 from workers where heartbeat_at < $1)
        or exists (select 1 from claims c where not exists (select 1 from workers w where w.id = c.worker_id)) as "hasDead",
      exists (select 1 from claims) as "hasClaims",
      (select decide_at from deliveries where decide_at is not null order by decide_at limit 1) as "decideAt"`,
    values: [deadBefore],
  });
  return rows[0];
}

export interface UndecidedDelivery extends Undecided {
  tenantId: string;
  live: boolean;
}

/** Unknown deliveries whose time for evidence is over; locked until the transaction ends. */
export async function loadUndecided(db: Queryable, now: Date, limit: number): Promise<UndecidedDelivery[]> {
  const { rows } = await db.query(
    `with due as (
       select id from deliveries where decide_at <= $1 and state = 'unknown' order by decide_at limit $2 for update skip locked
     )
     select d.id, d.tenant_id, d.lane, d.live, d.channel, d.provider, d.retries, d.expires_at, d.cancel_requested, n.category
       from due join deliveries d on d.id = due.id join notifications n on n.id = d.notification_id`,
    [now, limit],
  );
  return rows.map((row) => ({
    id: row.id,
    tenantId: row.tenant_id,
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

/** Returns the notifications with a ladder whose deliveries ended here. */
export async function writeDecisions(db: Queryable, decisions: Decision[], now: Date): Promise<string[]> {
  if (decisions.length === 0) return [];
  const { rows } = await db.query<{ ladder: string }>(
    `with decided as (
     update deliveries d set state = r.state, reason = r.reason, retries = r.retries, decide_at = null,
            due_at = case when r.state = 'queued' then $5::timestamptz end,
            choice = case when r.state = 'queued' then coalesce(choice, '{}') || '{"pinned": true}' else choice end,
            problem = case when r.state in ('failed', 'dead', 'unknown') then r.state end,
            finished_at = case when r.state <> 'queued' then $5::timestamptz end
       from unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) as r (id, state, reason, retries)
      where d.id = r.id and d.state = 'unknown'
      returning ${CHANGED},
        case when d.choice ? 'step' and d.finished_at is not null then d.notification_id end as ladder
     ), changes as (
       select tenant_id, live, created_at, channel, state, 1 as n from decided
       union all select tenant_id, live, created_at, channel, 'unknown', -1 from decided
     ), counted as (
       ${countChanges('changes')}
     ), told as (
       ${tellChanges("(select * from decided where state <> 'unknown')")}
     )
     select ladder from decided where ladder is not null`,
    [
      decisions.map((d) => d.id),
      decisions.map((d) => d.state),
      decisions.map((d) => d.reason),
      decisions.map((d) => d.retries),
      now,
    ],
  );
  return rows.map(({ ladder }) => ladder);
}
