import type { Queryable } from '../store/index.ts';

/** What a user did with messages that reached him: he read them, or followed one (`clicked`). */
export interface Looked {
  tenantId: string;
  /** Of deliveries. */
  ids: readonly string[];
  clicked: boolean;
  now: Date;
}

/** Marks deliveries as opened, and clicked; the first time of each stays. */
export async function markLooked(db: Queryable, { tenantId, ids, clicked, now }: Looked): Promise<void> {
  await db.query({
    name: 'ledger_mark_looked',
    text: `update deliveries d set
        opened_at = coalesce(d.opened_at, $3),
        clicked_at = case when $4 then coalesce(d.clicked_at, $3) else d.clicked_at end
      from (
        select id from deliveries where id = any($2::uuid[]) and tenant_id = $1
          and (opened_at is null or ($4 and clicked_at is null))
        order by id for update
      ) looked
      where d.id = looked.id and d.tenant_id = $1`,
    values: [tenantId, ids, now, clicked],
  });
}
