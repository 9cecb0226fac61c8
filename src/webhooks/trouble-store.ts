import { column, type Queryable } from '../store/index.ts';
import type { DisabledReason } from './endpoint.ts';
import type { Wellbeing } from './settle.ts';

/** An endpoint is well again: nothing is held against it. */
export async function forgetTroubles(db: Queryable, keys: readonly string[]): Promise<void> {
  await db.query({
    name: 'webhooks_well',
    text: `delete from webhook_troubles where endpoint_key in (
      select endpoint_key from webhook_troubles where endpoint_key = any($1::uuid[]) order by endpoint_key for update)`,
    values: [keys],
  });
}

export interface Trouble {
  endpoint_key: string;
  failing_since: Date;
  strain: number;
}

/**
 * Notes that endpoints fail, each once; nothing of those that were deleted meanwhile, which nobody would forget. Returns
 * since when, and how often behind each other they were overloaded.
 */
export async function noteTroubles(db: Queryable, list: readonly Wellbeing[]): Promise<Trouble[]> {
  const { rows } = await db.query<Trouble>({
    name: 'webhooks_troubles',
    text: `insert into webhook_troubles as t (endpoint_key, tenant_id, failing_since, strain)
      select key, tenant_id, since, strain
        from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int[], $5::bool[]) as r (key, tenant_id, since, strain, anew)
       where exists (select from webhook_endpoints e where e.key = r.key)
       order by key
      on conflict (endpoint_key) do update set
        failing_since = case when (${ANEW}) then excluded.failing_since else t.failing_since end,
        strain = case when excluded.strain = 0 then 0 when (${ANEW}) then excluded.strain else t.strain + excluded.strain end
      returning endpoint_key, failing_since, strain`,
    values: [
      column(list, ({ key }) => key),
      column(list, ({ tenantId }) => tenantId),
      column(list, ({ since }) => new Date(since)),
      column(list, ({ strain }) => strain),
      column(list, ({ hasAnswered }) => hasAnswered),
    ],
  });
  return rows;
}

// Whether the endpoint answered in between, by its place among the keys.
const ANEW = '($5::bool[])[array_position($1::uuid[], excluded.endpoint_key)]';

/** Nobody is called before. A pause that is longer stays. */
export async function savePauses(
  db: Queryable,
  pauses: readonly { key: string; until: Date }[],
): Promise<void> {
  await db.query({
    name: 'webhooks_pauses',
    text: `update webhook_troubles t set paused_until = greatest(t.paused_until, p.until)
      from unnest($1::uuid[], $2::timestamptz[]) as p (key, until) where t.endpoint_key = p.key`,
    values: [column(pauses, ({ key }) => key), column(pauses, ({ until }) => until)],
  });
}

export interface DisabledEndpoint {
  tenant_id: string;
  id: string;
  url: string;
  reason: DisabledReason;
}

/** Disables endpoints; those that are disabled already stay as they are. */
export async function disableEndpoints(
  db: Queryable,
  list: readonly { key: string; reason: DisabledReason }[],
  now: Date,
): Promise<DisabledEndpoint[]> {
  const { rows } = await db.query<DisabledEndpoint>({
    name: 'webhooks_disable',
    text: `update webhook_endpoints e set enabled = false, disabled_at = $3, disabled_reason = r.reason, updated_at = $3
      from unnest($1::uuid[], $2::text[]) as r (key, reason) where e.key = r.key and e.enabled
      returning e.tenant_id, e.id, e.url, r.reason`,
    values: [column(list, ({ key }) => key), column(list, ({ reason }) => reason), now],
  });
  return rows;
}
