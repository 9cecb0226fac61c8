import type { Queryable } from '../store/index.ts';
import type { LadderKey } from './ladder-store.ts';

/** Channels of a notification that get their turn later than the rest, and why. */
export interface Waiting {
  channels: string[];
  until: string;
  reason: string;
  /** Of its ladder, from 0; null without one. */
  step: number | null;
}

/** What of a row of `notifications` is postponed, as a JSON list of `Waiting`, or null. */
export const POSTPONED = `(select jsonb_agg(jsonb_build_object('channels', p.channels, 'until', p.due_at, 'reason', p.reason,
  'step', p.step) order by p.due_at) from postponed p where p.notification_id = notifications.id)`;

export interface PostponedEnd {
  notifications: readonly LadderKey[];
  reason: 'cancelled' | 'ladder_stopped';
  now: Date;
}

/**
 * Brings forward the turns of what is postponed, so that routing ends it for this reason. Turns that routing has taken
 * are left to it; only `cancelled`, which routing does not look for, waits for them to be over. Returns how many channels
 * of which notification.
 */
export async function endPostponed(
  db: Queryable,
  { notifications, reason, now }: PostponedEnd,
): Promise<{ id: string; priority: number; channels: number }[]> {
  const { rows } = await db.query({
    name: `ledger_end_postponed_${reason}`,
    text: endStatement(reason === 'cancelled' ? '' : 'skip locked'),
    values: [notifications.map(({ id }) => id), notifications.map(({ tenantId }) => tenantId), now, reason],
  });
  return rows;
}

// A turn is locked before what belongs to it is touched, as routing does. What is due already only gets its reason. Never at
// the time of the notification's own turn, by which it would look like one that is not routed yet.
const endStatement = (ifTaken: string) => `
with turn as materialized (
  select n.id, n.tenant_id, n.priority, p.due_at, p.channels,
    greatest($3::timestamptz, n.due_at + interval '1 millisecond') as at
  from unnest($1::uuid[], $2::uuid[]) as wanted (id, tenant_id)
  cross join lateral (select id, tenant_id, priority, due_at from notifications
    where id = wanted.id and tenant_id = wanted.tenant_id limit 1) n
  cross join lateral (
    select due_at, channels from postponed where notification_id = n.id and tenant_id = n.tenant_id
      and reason not in ('cancelled', 'ladder_stopped')) p
  join unrouted u on u.priority = n.priority and u.tenant_id = n.tenant_id and u.due_at = p.due_at and u.id = n.id
  order by n.id, p.due_at for update of u ${ifTaken}
), gone as (
  delete from postponed p using turn where p.notification_id = turn.id and p.due_at = turn.due_at and turn.due_at > turn.at
  returning p.notification_id as id, turn.tenant_id, turn.priority, turn.at, p.channels, p.step, p.climbs
), turns as (
  delete from unrouted u using turn where turn.due_at > turn.at
    and u.priority = turn.priority and u.tenant_id = turn.tenant_id and u.due_at = turn.due_at and u.id = turn.id
), due as (
  update postponed p set reason = $4 from turn
   where p.notification_id = turn.id and p.due_at = turn.due_at and turn.due_at <= turn.at
    and (turn.due_at < turn.at or not exists (select from gone where gone.id = turn.id))
), merged as (
  select id, tenant_id, priority, at, string_agg(array_to_string(channels, ' '), ' ') as channels,
    max(step) as step, bool_or(climbs) as climbs from gone group by id, tenant_id, priority, at
), turns_now as (
  insert into unrouted (tenant_id, priority, due_at, id)
  select tenant_id, priority, at, id from merged on conflict do nothing
), postponed_now as (
  insert into postponed as p (tenant_id, notification_id, due_at, channels, reason, step, climbs)
  select tenant_id, id, at, string_to_array(channels, ' '), $4, step, climbs from merged
  on conflict (notification_id, due_at) do update set channels = p.channels || excluded.channels,
    reason = excluded.reason, step = greatest(p.step, excluded.step), climbs = p.climbs or excluded.climbs
)
select id, priority, sum(cardinality(channels))::int as channels from turn group by id, priority`;

/** Waits until routing is through with the turns of a notification that it has taken; holds all others meanwhile. */
export async function lockTurns(db: Queryable, tenantId: string, id: string): Promise<void> {
  await db.query(
    `select from notifications n
      cross join lateral (
        select n.due_at union select due_at from postponed where notification_id = n.id and tenant_id = n.tenant_id) p
      join unrouted u on u.priority = n.priority and u.tenant_id = n.tenant_id and u.due_at = p.due_at and u.id = n.id
      where n.id = $1 and n.tenant_id = $2 for update of u`,
    [id, tenantId],
  );
}
