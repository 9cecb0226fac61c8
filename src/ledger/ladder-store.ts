import type { Queryable } from '../store/index.ts';
import { countChanges } from './counters.ts';
import { CHANGED, tellChanges } from './events.ts';
import type { Goal } from './ladder.ts';

/** A notification that has a ladder. */
export interface LadderKey {
  tenantId: string;
  id: string;
}

/**
 * Whoever writes deliveries of a ladder and whoever stops it holds this lock until his transaction ends, and reads in a
 * later statement what the other one wrote: so no step slips past a stop. One order for all, so nobody waits in a circle.
 * A router comes here with turns in its hands, so nobody may wait for a turn while he holds this lock.
 */
export async function lockLadders(db: Queryable, ids: readonly string[]): Promise<void> {
  await db.query({
    name: 'ledger_lock_ladders',
    text: `select pg_advisory_xact_lock(key) from (
      select distinct hashtextextended(id::text, 0) as key from unnest($1::uuid[]) as id order by 1) keys`,
    values: [ids],
  });
}

/** How far a notification got, and until where its ladder goes on. */
export interface Reached {
  id: string;
  reached: Goal | null;
  until: Goal;
  /** 0 high, 1 normal, 2 low. */
  priority: number;
}

/** The furthest that each notification got, by the marks of its deliveries and by what the user saw of it in the inbox. */
export async function loadReached(db: Queryable, ladders: readonly LadderKey[]): Promise<Reached[]> {
  const { rows } = await db.query<Reached>({
    name: 'ledger_reached',
    text: REACHED,
    values: [ladders.map(({ tenantId }) => tenantId), ladders.map(({ id }) => id)],
  });
  return rows;
}

// A user who looks at the inbox sees the item there; its delivery has no mark for that.
const REACHED = `
select n.id, n.priority, n.until,
  case when n.confirmed_at is not null then 'confirmed' when marks.clicked then 'clicked'
    when marks.seen then 'seen' when marks.delivered then 'delivered' end as reached
from unnest($1::uuid[], $2::uuid[]) as wanted (tenant_id, id)
cross join lateral (
  select id, tenant_id, priority, confirmed_at, coalesce(request, (select s.request from shared_requests s
      where s.tenant_id = notifications.tenant_id and s.id = notifications.shared_request_id))->'ladder'->>'until' as until
    from notifications where id = wanted.id and tenant_id = wanted.tenant_id limit 1
) n
cross join lateral (
  select bool_or(clicked_at is not null) as clicked, bool_or(delivered_at is not null) as delivered,
    bool_or(opened_at is not null or (channel = 'inbox' and exists (
      select from inbox_items i where i.tenant_id = d.tenant_id and i.user_id = d.user_id and i.id = d.id
        and i.seen_at is not null))) as seen
  from deliveries d where notification_id = n.id and tenant_id = n.tenant_id
) marks`;

/** Cancels what is queued of notifications whose ladder is stopped, and flags what is being sent right now. */
export async function stopDeliveries(
  db: Queryable,
  notifications: readonly LadderKey[],
  now: Date,
): Promise<{ cancelled: number; flagged: number }> {
  const { rows } = await db.query<{ state: string }>({
    name: 'ledger_stop_deliveries',
    text: `with touched as (
      update deliveries d set
        cancel_requested = true,
        state = case when state = 'queued' then 'cancelled' else state end,
        reason = case when state = 'queued' then 'ladder_stopped' else reason end,
        due_at = null,
        finished_at = case when state = 'queued' then $3 else finished_at end
      where id in (
        select d.id from unnest($1::uuid[], $2::uuid[]) as stopped (notification_id, tenant_id)
          join deliveries d using (notification_id, tenant_id)
         where d.state in ('queued', 'sending', 'unknown')
         order by d.id for update of d)
      returning ${CHANGED}, 1 as n
     ), counted as (
       ${countChanges("(select * from touched where state = 'cancelled') cancelled")}
     ), told as (
       ${tellChanges("(select * from touched where state = 'cancelled')")}
     )
     select state from touched`,
    values: [notifications.map(({ id }) => id), notifications.map(({ tenantId }) => tenantId), now],
  });
  const cancelled = rows.filter((row) => row.state === 'cancelled').length;
  return { cancelled, flagged: rows.length - cancelled };
}

/**
 * Gives the next steps of ladders their turn at once, where all that the step before made has ended without reaching
 * anybody and nothing of it waits. Returns the priorities of what is due now. Run it while the ladders are locked.
 */
export async function hurryLadders(db: Queryable, ids: readonly string[], now: Date): Promise<number[]> {
  const { rows } = await db.query<{ priority: number }>({
    name: 'ledger_hurry_ladders',
    text: HURRY,
    values: [ids, now],
  });
  return rows.map(({ priority }) => priority);
}

// Never at the time of the notification's own turn, by which it would look like one that is not routed yet.
const HURRY = `
with next as materialized (
  select n.id, n.tenant_id, n.priority, p.due_at, greatest($2::timestamptz, n.due_at + interval '1 millisecond') as at
  from unnest($1::uuid[]) as wanted (id)
  cross join lateral (select id, tenant_id, priority, due_at from notifications where id = wanted.id limit 1) n
  cross join lateral (
    select due_at, step from postponed where notification_id = n.id and tenant_id = n.tenant_id
      and climbs and reason = 'ladder' and due_at > $2 limit 1
  ) p
  join unrouted u on u.priority = n.priority and u.tenant_id = n.tenant_id and u.due_at = p.due_at and u.id = n.id
  where not exists (
    select from deliveries d where d.notification_id = n.id and d.tenant_id = n.tenant_id
      and (d.choice->>'step')::int = p.step - 1 and d.state in ('queued', 'sending', 'unknown', 'sent'))
  and not exists (
    select from postponed other where other.notification_id = n.id
      and (other.step = p.step - 1 or other.due_at = greatest($2::timestamptz, n.due_at + interval '1 millisecond')))
  for update of u skip locked
), turns as (
  update unrouted u set due_at = next.at from next
   where u.priority = next.priority and u.tenant_id = next.tenant_id and u.due_at = next.due_at and u.id = next.id
)
update postponed p set due_at = next.at from next
 where p.notification_id = next.id and p.tenant_id = next.tenant_id and p.due_at = next.due_at
returning next.priority`;
