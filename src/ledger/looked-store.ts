import type { Queryable } from '../store/index.ts';
import { noteEngagements } from './engagement-store.ts';
import { tellRows } from './events.ts';

/** What a user did with messages that reached him: he read them, or followed one (`clicked`). */
export interface Looked {
  tenantId: string;
  /** Of deliveries. */
  ids: readonly string[];
  clicked: boolean;
  now: Date;
}

/**
 * Marks deliveries as opened, and clicked; the first time of each stays. Webhooks and segments hear of it as if a vendor
 * had reported it.
 */
export async function markLooked(db: Queryable, { tenantId, ids, clicked, now }: Looked): Promise<void> {
  await db.query({
    name: 'ledger_mark_looked',
    text: MARK,
    values: [tenantId, ids, now, clicked],
  });
  const seen = ids.map((deliveryId) => ({ tenantId, deliveryId }));
  if (seen.length > 0) await noteEngagements(db, seen);
}

const MARK = `
with looked as materialized (
  select id, opened_at is null as opened, $4 and clicked_at is null as clicked from deliveries
   where id = any($2::uuid[]) and tenant_id = $1 and (opened_at is null or ($4 and clicked_at is null))
   order by id for update
), marked as (
  update deliveries d set
    opened_at = coalesce(d.opened_at, $3),
    clicked_at = case when $4 then coalesce(d.clicked_at, $3) else d.clicked_at end
  from looked where d.id = looked.id and d.tenant_id = $1
  returning d.id, d.tenant_id, d.live, d.channel, d.notification_id, d.state, d.provider, d.connection, d.attempt,
    looked.opened, looked.clicked
)
${tellRows(`(
  select m.tenant_id, m.live, 'delivery.' || did.what as type, $3::timestamptz as at, m.channel, null::text as category,
    m.notification_id, jsonb_build_object('deliveryId', m.id, 'notificationId', m.notification_id, 'channel', m.channel,
      'state', m.state, 'reason', null, 'code', null, 'provider', m.provider, 'connection', m.connection,
      'attempt', m.attempt) as data
  from marked m cross join lateral (values ('opened', m.opened), ('clicked', m.clicked)) as did (what, is_new)
  where did.is_new
)`)}`;
