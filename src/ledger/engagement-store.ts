import { column, type Queryable } from '../store/index.ts';

/**
 * Notes for segments when the users of these deliveries opened and clicked last. To the hour only: whoever reads ten mails
 * in a row is judged once. Marks keep the first time, so a mail that is opened again tells nothing new.
 */
export async function noteEngagements(
  db: Queryable,
  deliveries: readonly { tenantId: string; deliveryId: string }[],
): Promise<void> {
  await db.query({
    name: 'note engagements',
    text: `insert into engagements (tenant_id, user_id, opened_at, clicked_at)
      select d.tenant_id, d.user_id, max(d.opened_at), max(d.clicked_at)
        from unnest($1::uuid[], $2::uuid[]) as seen (id, tenant_id)
        join deliveries d on d.id = seen.id and d.tenant_id = seen.tenant_id and d.live
       where (d.opened_at is not null or d.clicked_at is not null)
         and exists (select from users u where u.tenant_id = d.tenant_id and u.id = d.user_id)
       group by d.tenant_id, d.user_id order by d.tenant_id, d.user_id
      on conflict (tenant_id, user_id) do update set
        opened_at = greatest(engagements.opened_at, excluded.opened_at),
        clicked_at = greatest(engagements.clicked_at, excluded.clicked_at)
       where excluded.opened_at > coalesce(engagements.opened_at, '-infinity') + interval '1 hour'
          or excluded.clicked_at > coalesce(engagements.clicked_at, '-infinity') + interval '1 hour'`,
    values: [
      column(deliveries, ({ deliveryId }) => deliveryId),
      column(deliveries, ({ tenantId }) => tenantId),
    ],
  });
}
