import { getProvider } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';
import type { Result } from './store.ts';

/** Reports come within days; networks keep a text message for three at most. */
const LIFE_MS = 7 * 86_400_000;
/** Longer ones no vendor gives, and an index would refuse them for good: the text comes from the net. */
const LONGEST_ID = 256;

/** Whether reports of this message will name it by nothing but the id that is in the vendor's answer. Pure. */
export function isNamedByVendor({ claimed, settlement }: Result): boolean {
  return (
    settlement.providerMessageId !== null &&
    settlement.providerMessageId.length <= LONGEST_ID &&
    claimed.live &&
    getProvider(claimed.provider ?? '')?.receipts?.byVendorId === true
  );
}

/**
 * Keeps the ids by which reports will find these deliveries, in the transaction that says they were sent. An id that was
 * given before stays what it was: the vendor repeated itself, and the first message is the one that has reports.
 */
export async function insertVendorIds(db: Queryable, results: Result[], now: number): Promise<void> {
  const named = results.filter(isNamedByVendor);
  if (named.length === 0) return;
  const idsOf = (one: Result) => [
    one.claimed.tenantId,
    one.claimed.connection,
    one.settlement.providerMessageId,
  ];
  const sorted = named.toSorted((a, b) => (String(idsOf(a)) < String(idsOf(b)) ? -1 : 1));
  await db.query({
    name: 'delivery_vendor_ids',
    text: `insert into provider_messages (tenant_id, connection, provider_message_id, delivery_id, expires_at)
      select r.tenant_id, r.connection, r.provider_message_id, r.delivery_id, $5
        from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[])
          as r (tenant_id, connection, provider_message_id, delivery_id)
      on conflict do nothing`,
    values: [
      sorted.map(({ claimed }) => claimed.tenantId),
      sorted.map(({ claimed }) => claimed.connection),
      sorted.map(({ settlement }) => settlement.providerMessageId),
      sorted.map(({ claimed }) => claimed.id),
      new Date(now + LIFE_MS),
    ],
  });
}

/** Forgets ids of which no report can come any more, at most `limit` of them. Returns how many. */
export async function purgeVendorIds(db: Queryable, now: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'delivery_purge_vendor_ids',
    text: `delete from provider_messages where ctid = any (array (
      select ctid from provider_messages where expires_at <= $1 order by expires_at limit $2 for update skip locked))`,
    values: [now, limit],
  });
  return rowCount ?? 0;
}
