import type { Queryable } from '../store/index.ts';
import type { Result } from './store.ts';

/**
 * A result that came after a receipt (or after its worker was given up) changes no state any more, but the id that
 * the vendor gave its attempt is still wanted: support asks for it, and later receipts may name nothing else.
 */
export async function keepProviderIds(db: Queryable, late: Result[]): Promise<void> {
  const named = late.filter((result) => result.settlement.providerMessageId !== null);
  if (named.length === 0) return;
  await db.query(
    `update deliveries d set provider_message_id = r.provider_message_id
       from unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[]) as r (id, tenant_id, attempt, provider_message_id)
      where d.id = r.id and d.tenant_id = r.tenant_id and d.attempt = r.attempt and d.provider_message_id is null
        and d.state in ('sent', 'failed', 'unknown')`,
    [
      named.map((result) => result.claimed.id),
      named.map((result) => result.claimed.tenantId),
      named.map((result) => result.claimed.attempt),
      named.map((result) => result.settlement.providerMessageId),
    ],
  );
}
