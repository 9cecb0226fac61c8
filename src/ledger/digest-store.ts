import type { Queryable } from '../store/index.ts';

/** The digest that collected a notification which has no end yet. */
export interface Collecting {
  id: string;
  closesAt: string;
}

/** Of a row of `notifications`: a JSON `Collecting`, or null. */
export const COLLECTING = `(select jsonb_build_object('id', d.id, 'closesAt', d.closes_at)
  from digest_events e join digests d on d.tenant_id = e.tenant_id and d.id = e.digest_id
  where e.notification_id = notifications.id)`;

/**
 * Takes a notification out of the digest that collected it; false when none did, or when it is closed already. Run it while
 * the notification's row is locked.
 */
export async function cancelCollected(
  db: Queryable,
  tenantId: string,
  notificationId: string,
): Promise<boolean> {
  // The digest is locked first, as everybody does: whoever is closing it has read its events.
  const { rowCount } = await db.query(
    `with digest as (
       select d.id from digest_events e join digests d on d.tenant_id = e.tenant_id and d.id = e.digest_id
        where e.notification_id = $1 and e.tenant_id = $2 and d.closed_at is null for update of d
     ), gone as (
       delete from digest_events e using digest d
        where e.digest_id = d.id and e.notification_id = $1 and e.tenant_id = $2 returning 1
     )
     update notifications set state = 'cancelled', reason = 'cancelled'
      where id = $1 and tenant_id = $2 and exists (select from gone)`,
    [notificationId, tenantId],
  );
  return rowCount === 1;
}
