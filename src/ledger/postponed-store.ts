import type { Queryable } from '../store/index.ts';

/** Channels of a notification that get their turn later than the rest, and why. */
export interface Waiting {
  channels: string[];
  until: string;
  reason: string;
}

/** What of a row of `notifications` is postponed, as a JSON list of `Waiting`, or null. */
export const POSTPONED = `(select jsonb_agg(jsonb_build_object('channels', p.channels, 'until', p.due_at, 'reason', p.reason)
  order by p.due_at) from postponed p where p.notification_id = notifications.id)`;

/**
 * Brings forward the turns of what is postponed, so that routing ends it as cancelled. Returns how many channels.
 * Run it while the notification's row is locked.
 */
export async function cancelPostponed(
  db: Queryable,
  tenantId: string,
  notificationId: string,
  now: Date,
): Promise<number> {
  const { rows } = await db.query<{ channels: number }>(
    `with gone as (
       delete from postponed where notification_id = $1 and tenant_id = $2 and reason <> 'cancelled'
       returning due_at, channels
     ), notification as (
       select id, tenant_id, priority from notifications where id = $1 and tenant_id = $2
     ), turns as (
       delete from unrouted u using notification n, gone
        where u.priority = n.priority and u.tenant_id = n.tenant_id and u.due_at = gone.due_at and u.id = n.id
     ), turn as (
       insert into unrouted (tenant_id, priority, due_at, id)
       select tenant_id, priority, $3, id from notification where exists (select from gone)
     )
     insert into postponed (tenant_id, notification_id, due_at, channels, reason)
     select $2, $1, $3, array_agg(channel), 'cancelled' from gone, unnest(gone.channels) as channel having count(*) > 0
     returning cardinality(channels) as channels`,
    [notificationId, tenantId, now],
  );
  return rows[0]?.channels ?? 0;
}
