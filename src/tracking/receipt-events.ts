import { tellRows } from '../ledger/index.ts';
import type { ReceiptEvent } from '../providers/index.ts';
import { column, type Queryable } from '../store/index.ts';
import type { MatchedReceipt } from './store.ts';

/** What is told under its own name. That a message was sent or failed is told when its delivery becomes so. */
const TOLD = new Set<ReceiptEvent>([
  'delivered',
  'opened',
  'clicked',
  'bounced',
  'complained',
  'unsubscribed',
]);

/** Tells of receipts that are new, in the transaction that logs them. */
export async function tellReceipts(
  db: Queryable,
  receipts: readonly MatchedReceipt[],
  now: Date,
): Promise<void> {
  const told = receipts.filter(({ event }) => TOLD.has(event));
  if (told.length === 0) return;
  await db.query({
    name: 'tracking_tell_receipts',
    text: TELL,
    values: [
      column(told, ({ tenantId }) => tenantId),
      now,
      column(told, ({ deliveryId }) => deliveryId),
      column(told, ({ event }) => event),
      column(told, ({ reason }) => reason ?? null),
      column(told, ({ code }) => code ?? null),
      column(told, ({ at }) => (at === null ? null : new Date(at))),
    ],
  });
}

// The vendor's clock says when it happened, ours what we heard first.
const TELL = tellRows(
  `(
  select d.tenant_id, d.live, 'delivery.' || r.event as type, coalesce(r.occurred_at, $2::timestamptz) as at, d.channel,
    null::text as category, d.notification_id, jsonb_build_object('deliveryId', d.id, 'notificationId', d.notification_id, 'channel', d.channel, 'state', d.state, 'reason', r.reason, 'code', r.code,
      'provider', d.provider, 'connection', d.connection, 'attempt', d.attempt) as data
  from unnest($1::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
    as r (tenant_id, delivery_id, event, reason, code, occurred_at)
  cross join lateral (select * from deliveries where id = r.delivery_id and tenant_id = r.tenant_id limit 1) d
)`,
  '$2::timestamptz',
);
