import type { DeliveryState } from '../ledger/index.ts';
import { column, jsonColumn, type Queryable } from '../store/index.ts';
import type { Place } from './cap.ts';

/** The places of a message that is on its way. */
export interface Hold {
  tenantId: string;
  live: boolean;
  /** Several when a push message goes to several devices; the first is the id of the hold. */
  deliveryIds: string[];
  places: readonly Place[];
}

/** A hold whose turn it is, and what became of its deliveries; those that the ledger no longer has are missing. */
export interface DueHold extends Hold {
  states: DeliveryState[];
  expiresAt: number;
}

/** A place as it is stored: user, rule, startsAt, endsAt. */
type StoredPlace = [string, string, number, number];

/** Belongs into the transaction that took the places and wrote the deliveries. */
export async function insertHolds(db: Queryable, holds: readonly Hold[], lookAt: Date): Promise<void> {
  if (holds.length === 0) return;
  await db.query({
    name: 'rules_insert_holds',
    text: `
insert into cap_holds (tenant_id, id, live, delivery_ids, places, look_at, expires_at)
select tenant_id, ids[1], live, ids, places::jsonb, $6, expires_at
from (
  select tenant_id, live, string_to_array(ids, ' ')::uuid[] as ids, places, expires_at
  from unnest($1::uuid[], $2::bool[], $3::text[], string_to_array($4, chr(30)), $5::timestamptz[])
    as t (tenant_id, live, ids, places, expires_at)
) t`,
    values: [
      column(holds, ({ tenantId }) => tenantId),
      column(holds, ({ live }) => live),
      column(holds, ({ deliveryIds }) => deliveryIds.join(' ')),
      jsonColumn(holds, ({ places }) => JSON.stringify(places.map(toStored))),
      column(holds, ({ places }) => new Date(Math.max(...places.map(({ endsAt }) => endsAt)))),
      lookAt,
    ],
  });
}

function toStored({ userId, rule, startsAt, endsAt }: Place): StoredPlace {
  return [userId, rule, startsAt, endsAt];
}

/** Holds that are to be looked at by `now`, the longest due first; locked, and passed over by others. */
export async function lockDueHolds(db: Queryable, now: Date, limit: number): Promise<DueHold[]> {
  const { rows } = await db.query({
    name: 'rules_lock_due_holds',
    text: `
with due as materialized (
  select * from cap_holds where look_at <= $1 order by look_at limit $2 for update skip locked
)
select due.tenant_id, due.live, due.delivery_ids, due.places, due.expires_at, ends.states
from due cross join lateral (
  select array(
    select d.state from unnest(due.delivery_ids) as own (id)
    cross join lateral (select state from deliveries where id = own.id and tenant_id = due.tenant_id limit 1) d
  ) as states
) ends`,
    values: [now, limit],
  });
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    live: row.live,
    deliveryIds: row.delivery_ids,
    places: row.places.map(([userId, rule, startsAt, endsAt]: StoredPlace) => ({
      tenantId: row.tenant_id,
      live: row.live,
      userId,
      rule,
      startsAt,
      endsAt,
    })),
    states: row.states,
    expiresAt: row.expires_at.getTime(),
  }));
}

/** The caller has their lock. */
export async function deleteHolds(db: Queryable, holds: readonly Hold[]): Promise<void> {
  if (holds.length === 0) return;
  await db.query({
    name: 'rules_delete_holds',
    text: 'delete from cap_holds where (tenant_id, id) in (select * from unnest($1::uuid[], $2::uuid[]))',
    values: [column(holds, ({ tenantId }) => tenantId), column(holds, idOf)],
  });
}

/** The caller has their lock. */
export async function postponeHolds(
  db: Queryable,
  looks: readonly { hold: Hold; lookAt: number }[],
): Promise<void> {
  if (looks.length === 0) return;
  await db.query({
    name: 'rules_postpone_holds',
    text: `
update cap_holds h set look_at = t.look_at
from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as t (tenant_id, id, look_at)
where h.tenant_id = t.tenant_id and h.id = t.id`,
    values: [
      column(looks, ({ hold }) => hold.tenantId),
      column(looks, ({ hold }) => idOf(hold)),
      column(looks, ({ lookAt }) => new Date(lookAt)),
    ],
  });
}

export function idOf({ deliveryIds }: Hold): string {
  return deliveryIds[0]!;
}
