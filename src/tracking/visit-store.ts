import type { Queryable } from '../store/index.ts';

/** Where what a visit says is to be written. */
export interface VisitedDelivery {
  id: string;
  tenantId: string;
  notificationId: string;
  channel: string;
  connection: string;
  provider: string | null;
}

/** Deliveries by their ids, each of the tenant named beside it; those that are gone are missing. */
export async function loadVisited(
  db: Queryable,
  visits: readonly { deliveryId: string; tenantId: string }[],
): Promise<Map<string, VisitedDelivery>> {
  const tenants = new Map(visits.map(({ deliveryId, tenantId }) => [deliveryId, tenantId]));
  const { rows } = await db.query<VisitedDelivery>({
    name: 'load visited deliveries',
    text: `select id, tenant_id as "tenantId", notification_id as "notificationId", channel, connection, provider
       from deliveries where id = any($1::uuid[]) and tenant_id = any($2::uuid[])`,
    values: [[...tenants.keys()], [...new Set(tenants.values())]],
  });
  return new Map(rows.filter(({ id, tenantId }) => tenants.get(id) === tenantId).map((row) => [row.id, row]));
}

/** What was visited in a message. */
export type VisitKind = 'opened' | 'clicked' | 'shown' | 'dismissed';

/** Visits to one address, counted together. */
export interface VisitCount {
  deliveryId: string;
  tenantId: string;
  kind: VisitKind;
  link: number;
  /** Null for what is no link. */
  url: string | null;
  people: number;
  proxies: number;
  machines: number;
  why: string | null;
  firstAt: Date;
  lastAt: Date;
}

/** Adds to what was counted before, all in one order, so that two processes never wait for each other in a circle. */
export async function addVisits(db: Queryable, counts: readonly VisitCount[]): Promise<void> {
  const keyOf = ({ deliveryId, kind, link }: VisitCount) => `${deliveryId} ${kind} ${link}`;
  const sorted = counts.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  await db.query({
    name: 'add visits',
    text: `insert into visits
        (delivery_id, kind, link, tenant_id, url, people, proxies, machines, why, first_at, last_at)
      select * from unnest($1::uuid[], $2::text[], $3::int2[], $4::uuid[], $5::text[], $6::int[], $7::int[], $8::int[],
        $9::text[], $10::timestamptz[], $11::timestamptz[])
      on conflict (delivery_id, kind, link) do update set
        people = visits.people + excluded.people, proxies = visits.proxies + excluded.proxies,
        machines = visits.machines + excluded.machines, why = coalesce(excluded.why, visits.why),
        first_at = least(visits.first_at, excluded.first_at), last_at = greatest(visits.last_at, excluded.last_at)
      where visits.tenant_id = excluded.tenant_id`,
    values: [
      sorted.map((count) => count.deliveryId),
      sorted.map((count) => count.kind),
      sorted.map((count) => count.link),
      sorted.map((count) => count.tenantId),
      sorted.map((count) => count.url),
      sorted.map((count) => count.people),
      sorted.map((count) => count.proxies),
      sorted.map((count) => count.machines),
      sorted.map((count) => count.why),
      sorted.map((count) => count.firstAt),
      sorted.map((count) => count.lastAt),
    ],
  });
}

export interface VisitRow extends Omit<VisitCount, 'tenantId'> {
  channel: string;
}

/** More than a mail has links; a notification has few deliveries. */
const MOST_ROWS = 1_000;

/** All visits to a notification; null when there is no such notification. */
export async function listVisits(
  db: Queryable,
  { tenantId, live, id }: { tenantId: string; live: boolean; id: string },
): Promise<VisitRow[] | null> {
  const { rows } = await db.query<VisitRow & { deliveryId: string | null }>(
    `select d.id as "deliveryId", d.channel, v.kind, v.link, v.url, v.people, v.proxies, v.machines, v.why,
        v.first_at as "firstAt", v.last_at as "lastAt"
      from notifications n
      left join (deliveries d join visits v on v.delivery_id = d.id and v.tenant_id = d.tenant_id)
        on d.notification_id = n.id and d.tenant_id = n.tenant_id
     where n.id = $1 and n.tenant_id = $2 and n.live = $3
     order by d.id, v.kind, v.link limit ${MOST_ROWS}`,
    [id, tenantId, live],
  );
  return rows.length === 0 ? null : rows.filter(({ deliveryId }) => deliveryId !== null);
}
