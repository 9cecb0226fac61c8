import { CHANGED, type Choice, countChanges, tellChanges, tellRows } from '../ledger/index.ts';
import type { Channel } from '../providers/index.ts';
import { type NotificationRequest, storedRequest } from '../queue/index.ts';
import { column, type Queryable } from '../store/index.ts';

/** A notification taken for routing; its turn is gone when the surrounding transaction commits. */
export interface RoutableRow {
  id: string;
  tenantId: string;
  live: boolean;
  userId: string;
  category: string;
  priority: number;
  request: NotificationRequest;
  expiresAt: Date | null;
  createdAt: Date;
  dueAt: Date;
  /** Set when this is the turn of some of its channels only: the others had theirs before. */
  postponed?: {
    channels: Channel[];
    reason: string;
    /** Of its ladder, from 0. */
    step?: number | null;
    /** The ladder goes on from this turn. */
    climbs?: boolean;
    /** When the first message of its ladder was made; null when none was. */
    beganAt?: Date | null;
  } | null;
}

/** With something due; tenants that only wait for a later time are looked at and passed over. */
const TENANTS_PER_TURN = 64;
/** Tenants that one turn of the round looks at, due or not. */
const LOOKED_AT_PER_TURN = 1_000;
/** Tenants of one priority that are looked at to find out whether anything is due. */
const MAX_TENANTS = 10_000;

/** A turn of the round among tenants. */
export interface RoutingTurn {
  rows: RoutableRow[];
  /** The last tenant that was looked at when there may be more behind it; null at the end of the round. */
  goOnBehind: string | null;
}

/**
 * Takes up to `limit` notifications of one priority that are due since `since`, in fair shares among the tenants behind
 * `cursor` (a tenant id) that have something due. The rows stay locked until the transaction ends; others skip them.
 */
export async function claimForRouting(
  db: Queryable,
  claim: { priority: number; since: Date; now: Date; cursor: string; limit: number },
): Promise<RoutingTurn> {
  const { rows } = await db.query({
    name: 'routing_claim',
    text: CLAIM,
    values: [claim.priority, claim.now, claim.cursor, claim.limit, claim.since],
  });
  const taken = rows.filter((row) => row.id !== null);
  return { rows: taken.map(toRoutable), goOnBehind: rows[0]?.go_on_behind ?? null };
}

// biome-ignore lint/suspicious/noExplicitAny: a row of the statement below
function toRoutable(row: any): RoutableRow {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    live: row.live,
    userId: row.user_id,
    category: row.category,
    priority: row.priority,
    request: storedRequest(row.request),
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    dueAt: row.turn_at,
    postponed: row.channels && {
      channels: row.channels,
      reason: row.postponed_for,
      step: row.step,
      climbs: row.climbs,
      beganAt: row.began_at,
    },
  };
}

// One probe of the index for each tenant: its first row says whether anything of it is due. The left join brings
// `go_on_behind` also when nothing was taken.
const CLAIM = `
with recursive tenants as (
  (select tenant_id, due_at, 1 as looked, (due_at <= $2)::int as due from unrouted
    where priority = $1 and tenant_id > $3 and due_at >= $5 order by tenant_id, due_at limit 1)
  union all
  select next.tenant_id, next.due_at, tenants.looked + 1, tenants.due + (next.due_at <= $2)::int
    from tenants cross join lateral (
      select tenant_id, due_at from unrouted
        where priority = $1 and tenant_id > tenants.tenant_id and due_at >= $5 order by tenant_id, due_at limit 1
    ) next where tenants.looked < ${LOOKED_AT_PER_TURN} and tenants.due < ${TENANTS_PER_TURN}
), share as (
  select greatest(1, $4::int / greatest(max(due), 1)) as size from tenants
), picked as materialized (
  select due.ctid, due.id, due.due_at from tenants cross join share cross join lateral (
    select ctid, id, due_at from unrouted
      where priority = $1 and tenant_id = tenants.tenant_id and due_at between $5 and $2
      order by due_at, id limit share.size for update skip locked
  ) due where tenants.due_at <= $2
), taken as (
  delete from unrouted where ctid = any (array (select ctid from picked))
)
select round.go_on_behind, n.*
from (select (select tenant_id from tenants where looked >= ${LOOKED_AT_PER_TURN} or due >= ${TENANTS_PER_TURN}
  order by looked desc limit 1) as go_on_behind) round
left join lateral (
  select n.id, n.tenant_id, n.live, n.user_id, n.category, n.priority, n.request, n.expires_at, n.created_at,
    picked.due_at as turn_at, p.channels, p.reason as postponed_for, p.step, p.climbs,
    case when p.step is not null then (select min(d.created_at) from deliveries d
      where d.notification_id = n.id and d.tenant_id = n.tenant_id and d.provider is not null) end as began_at
  from picked cross join lateral (select * from notifications where id = picked.id limit 1) n
  left join lateral (
    select channels, reason, step, climbs from postponed where notification_id = picked.id and due_at = picked.due_at limit 1) p on true
  where n.state = 'accepted'
) n on true`;

/** Stores notifications that are routed in the same transaction, so that they never wait for a turn. */
export async function insertRouted(
  db: Queryable,
  rows: RoutableRow[],
  sharedRequestId: string,
): Promise<void> {
  await db.query({
    name: 'routing_insert_routed',
    text: `
insert into notifications
  (id, tenant_id, live, user_id, category, priority, state, shared_request_id, due_at, expires_at, created_at)
select id, $2, $3, user_id, $5, $6, 'accepted', $7, $9, $8, $9 from unnest($1::uuid[], $4::text[]) as t (id, user_id)`,
    values: [
      column(rows, (row) => row.id),
      rows[0]!.tenantId,
      rows[0]!.live,
      column(rows, (row) => row.userId),
      rows[0]!.category,
      rows[0]!.priority,
      sharedRequestId,
      rows[0]!.expiresAt,
      rows[0]!.createdAt,
    ],
  });
}

/** What of one priority waits to be routed: when the first is due. */
export interface Waiting {
  /** 0 high, 1 normal, 2 low. */
  priority: number;
  dueAt: Date;
}

/**
 * One look at the first row of each (priority, tenant), however many wait behind it; what was due before `since` (a
 * time for each priority, or null to leave it out altogether) is not seen. The most urgent priority comes first.
 */
export async function loadWaiting(db: Queryable, since: readonly (Date | null)[]): Promise<Waiting[]> {
  const { rows } = await db.query<Waiting>({
    name: 'routing_waiting',
    text: `
select slices.priority, min(first.due_at) as "dueAt"
from generate_subscripts($1::timestamptz[], 1) as nth
cross join lateral (
  with recursive slices as (
    (select priority, tenant_id, 1 as n from unrouted
      where priority = nth - 1 and due_at >= ($1::timestamptz[])[nth] order by tenant_id limit 1)
    union all
    select next.priority, next.tenant_id, slices.n + 1 from slices cross join lateral (
      select priority, tenant_id from unrouted
        where priority = nth - 1 and tenant_id > slices.tenant_id and due_at >= ($1::timestamptz[])[nth]
        order by tenant_id limit 1
    ) next where slices.n < ${MAX_TENANTS}
  )
  select * from slices
) slices
cross join lateral (
  select due_at from unrouted
    where priority = slices.priority and tenant_id = slices.tenant_id
      and due_at >= ($1::timestamptz[])[slices.priority + 1] order by due_at limit 1
) first group by slices.priority order by slices.priority`,
    values: [since],
  });
  return rows;
}

/** A delivery as routing writes it: queued, or skipped with the rule that did it. */
export interface DeliveryRow {
  id: string;
  tenantId: string;
  live: boolean;
  notificationId: string;
  userId: string | null;
  channel: string;
  lane: string;
  deviceId: string | null;
  contactKind: string | null;
  templateVersion: number | null;
  provider: string | null;
  connection: string;
  choice: Choice | null;
  state: 'queued' | 'skipped' | 'expired' | 'cancelled';
  reason: string | null;
  code: string | null;
  dueAt: Date | null;
  createdAt: Date;
  expiresAt: Date | null;
}

export async function insertDeliveries(db: Queryable, rows: DeliveryRow[]): Promise<void> {
  if (rows.length === 0) return;
  await db.query({
    name: 'routing_insert',
    text: `
with made as (
insert into deliveries as d (id, tenant_id, live, notification_id, user_id, channel, lane, device_id, contact_kind,
  template_version, provider, connection, state, reason, code, due_at, created_at, expires_at, choice, finished_at)
select id, tenant_id, live, notification_id, user_id, channel, lane, device_id, contact_kind,
  template_version, provider, connection, state, reason, code, due_at, created_at, expires_at, choice,
  case when state <> 'queued' then created_at end
from unnest($1::uuid[], $2::uuid[], $3::bool[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::uuid[], $9::text[],
  $10::int[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::timestamptz[], $17::timestamptz[],
  $18::timestamptz[], $19::jsonb[]) as t (id, tenant_id, live, notification_id, user_id, channel, lane, device_id, contact_kind,
  template_version, provider, connection, state, reason, code, due_at, created_at, expires_at, choice)
returning ${CHANGED}
), changes as (
  select tenant_id, live, created_at, channel, state, 1 as n from made union all select tenant_id, live, created_at, channel, 'accepted', 1 from made
), told as (
${tellChanges('made')}
)
${countChanges('changes')}`,
    values: COLUMNS.map((name) => column(rows, (row) => toValue(row[name]))),
  });
}

/** An object is JSON to the database. */
function toValue(value: DeliveryRow[keyof DeliveryRow]): string | boolean | number | Date | null {
  return value === null || typeof value !== 'object' || value instanceof Date ? value : JSON.stringify(value);
}

const COLUMNS = [
  'id',
  'tenantId',
  'live',
  'notificationId',
  'userId',
  'channel',
  'lane',
  'deviceId',
  'contactKind',
  'templateVersion',
  'provider',
  'connection',
  'state',
  'reason',
  'code',
  'dueAt',
  'createdAt',
  'expiresAt',
  'choice',
] as const satisfies (keyof DeliveryRow)[];

const FAILED = `(
  select tenant_id, live, 'notification.failed' as type, $3::timestamptz as at, null::text as channel,
    null::text as category, id as notification_id,
    jsonb_build_object('notificationId', id, 'state', 'failed', 'reason', reason) as data from failed)`;

/** Ends notifications that routing could not turn into deliveries, with the reason, and what else of them waits. */
export async function failNotifications(
  db: Queryable,
  failures: { id: string; reason: string }[],
  now: Date,
): Promise<void> {
  if (failures.length === 0) return;
  await db.query(
    `with failed as (
       update notifications n set state = 'failed', reason = f.reason
         from unnest($1::uuid[], $2::text[]) as f (id, reason) where n.id = f.id and n.state = 'accepted'
       returning n.id, n.tenant_id, n.live, n.priority, n.reason
     ), told as (
       ${tellRows(FAILED)}
     ), gone as (
       delete from postponed p using failed where p.notification_id = failed.id
       returning p.due_at, failed.id, failed.tenant_id, failed.priority
     )
     delete from unrouted u using gone
       where u.priority = gone.priority and u.tenant_id = gone.tenant_id and u.due_at = gone.due_at and u.id = gone.id`,
    [failures.map((failure) => failure.id), failures.map((failure) => failure.reason), now],
  );
}
