import { CHANGED, countChanges, type Lane, tellChanges } from '../ledger/index.ts';
import type { Receipt } from '../providers/index.ts';
import { column, type Queryable } from '../store/index.ts';

/** A receipt together with the delivery it speaks of, as it came over a connection of a tenant. */
export interface MatchedReceipt extends Receipt {
  tenantId: string;
  connection: string;
  deliveryId: string;
  eventHash: Buffer;
}

/** A message by the name that a vendor gave it. */
export interface VendorName {
  tenantId: string;
  connection: string;
  providerMessageId: string;
}

/** Finds our deliveries by the ids the vendors gave them; each only among those of its tenant and connection. */
export async function findByProviderId(
  db: Queryable,
  names: readonly VendorName[],
): Promise<(VendorName & { deliveryId: string })[]> {
  const { rows } = await db.query<VendorName & { deliveryId: string }>({
    name: 'tracking_find_by_provider_id',
    text: `select p.tenant_id as "tenantId", p.connection, p.provider_message_id as "providerMessageId",
        p.delivery_id as "deliveryId"
       from (select distinct * from unnest($1::uuid[], $2::text[], $3::text[])) as named (tenant_id, connection, id)
       join provider_messages p on p.tenant_id = named.tenant_id and p.connection = named.connection
        and p.provider_message_id = named.id`,
    values: [
      column(names, ({ tenantId }) => tenantId),
      column(names, ({ connection }) => connection),
      column(names, ({ providerMessageId }) => providerMessageId),
    ],
  });
  return rows;
}

/** What of some receipts is new, by name; and the deliveries with a ladder. */
export interface LoggedReceipts {
  fresh: Set<string>;
  ladders: { tenantId: string; notificationId: string; deliveryId: string }[];
}

/** The name of a receipt in `LoggedReceipts`; `hash` is that of its event, in hex. */
export function receiptName({
  tenantId,
  connection,
  deliveryId,
  hash,
}: DeliveryKey & { connection: string; hash: string }): string {
  return `${tenantId} ${connection} ${deliveryId} ${hash}`;
}

/** Logs receipts; one that was logged before, or whose delivery is not of its tenant and connection, is left out. */
export async function insertReceipts(
  db: Queryable,
  receipts: readonly MatchedReceipt[],
  now: Date,
): Promise<LoggedReceipts> {
  const { rows } = await db.query<DeliveryKey & { connection: string; hash: string | null; ladder: string }>({
    name: 'tracking_insert_receipts',
    // In one order, so that batches that bring the same events do not wait for each other in a circle.
    text: `with found as materialized (
       select r.*, case when d.choice ? 'step' then d.notification_id end as ladder
       from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
         as r (tenant_id, connection, delivery_id, event_hash, event, reason, code, occurred_at)
       join deliveries d on d.id = r.delivery_id and d.tenant_id = r.tenant_id and d.connection = r.connection
     ), logged as (
       insert into receipts (delivery_id, event_hash, tenant_id, connection, event, reason, code, occurred_at, received_at)
       select delivery_id, event_hash, tenant_id, connection, event, reason, code, occurred_at, $9 from found
        order by delivery_id, event_hash
       on conflict (delivery_id, event_hash) do nothing
       returning tenant_id, connection, delivery_id, encode(event_hash, 'hex') as hash
     )
     select tenant_id as "tenantId", connection, delivery_id as "deliveryId", hash, null as ladder from logged
     union all select tenant_id, connection, delivery_id, null, ladder from found where ladder is not null`,
    values: [
      column(receipts, ({ tenantId }) => tenantId),
      column(receipts, ({ connection }) => connection),
      column(receipts, ({ deliveryId }) => deliveryId),
      column(receipts, ({ eventHash }) => eventHash),
      column(receipts, ({ event }) => event),
      column(receipts, ({ reason }) => reason ?? null),
      column(receipts, ({ code }) => code ?? null),
      column(receipts, ({ at }) => (at === null ? null : new Date(at))),
      now,
    ],
  });
  return {
    fresh: new Set(rows.flatMap(({ hash, ...key }) => (hash ? receiptName({ ...key, hash }) : []))),
    ladders: rows.flatMap(({ tenantId, deliveryId, ladder }) =>
      ladder ? { tenantId, notificationId: ladder, deliveryId } : [],
    ),
  };
}

/** What traces tell about a delivery besides its receipt. */
export interface TracedDelivery {
  deliveryId: string;
  notificationId: string;
  attempt: number;
  lane: Lane;
  live: boolean;
  trace: string | null;
  traceState: string | null;
}

/** A delivery of one tenant. */
export interface DeliveryKey {
  tenantId: string;
  deliveryId: string;
}

/** Asked only where receipts are traced: to which notification, attempt and trace deliveries belong. */
export async function loadSubjects(
  db: Queryable,
  deliveries: readonly DeliveryKey[],
): Promise<TracedDelivery[]> {
  const { rows } = await db.query<TracedDelivery>({
    name: 'tracking_load_subjects',
    text: `select d.id as "deliveryId", d.notification_id as "notificationId", d.attempt, d.lane, d.live,
        r.request->>'trace' as trace, r.request->>'traceState' as "traceState"
       from unnest($1::uuid[], $2::uuid[]) as told (id, tenant_id)
       join deliveries d on d.id = told.id and d.tenant_id = told.tenant_id
       join notifications n on n.id = d.notification_id and n.tenant_id = d.tenant_id
       left join shared_requests s on s.tenant_id = n.tenant_id and s.id = n.shared_request_id
       cross join lateral (select coalesce(n.request, s.request) as request) r`,
    values: [
      column(deliveries, ({ deliveryId }) => deliveryId),
      column(deliveries, ({ tenantId }) => tenantId),
    ],
  });
  return rows;
}

/** What the receipts of one delivery say together. */
export interface Marks extends DeliveryKey {
  /** The vendor has it: settles an attempt whose outcome nobody knew. */
  accepted: boolean;
  /** The vendor gave up: a sent delivery becomes failed. */
  failedReason: string | null;
  failedCode: string | null;
  deliveredAt: Date | null;
  openedAt: Date | null;
  clickedAt: Date | null;
  providerMessageId: string | null;
}

// Asked of the locked row itself: a copy read before could be older than another writer's commit.
const FAILS = "(m.failed_reason is not null and d.state in ('sent', 'sending', 'unknown'))";
// A proof also overturns what was only supposed of an unknown outcome, by a policy or by a person.
const PROVES = `(m.accepted and (d.state in ('sending', 'unknown') or d.state in ('queued', 'failed', 'dead')
  and d.reason in ('unknown_sent_again', 'unknown_not_repeated', 'unknown_retries_exhausted', 'settled_by_operator')))`;

/**
 * Moves deliveries on by what vendors reported, in any order: marks keep the earliest time, `sending` and `unknown`
 * are settled as sent (or failed), `sent` becomes failed by a hard bounce. Other ended deliveries keep their state.
 */
export async function applyMarks(db: Queryable, marks: readonly Marks[], now: Date): Promise<void> {
  const sorted = marks.toSorted((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1));
  await db.query({
    name: 'tracking_apply_marks',
    text: APPLY_MARKS,
    values: [
      column(sorted, ({ tenantId }) => tenantId),
      column(sorted, ({ deliveryId }) => deliveryId),
      column(sorted, ({ accepted }) => accepted),
      column(sorted, ({ failedReason }) => failedReason),
      column(sorted, ({ failedCode }) => failedCode),
      column(sorted, ({ deliveredAt }) => deliveredAt),
      column(sorted, ({ openedAt }) => openedAt),
      column(sorted, ({ clickedAt }) => clickedAt),
      now,
      column(sorted, ({ providerMessageId }) => providerMessageId),
    ],
  });
}

const APPLY_MARKS = `with marks as materialized (
  select * from unnest($1::uuid[], $2::uuid[], $3::bool[], $4::text[], $5::text[], $6::timestamptz[],
      $7::timestamptz[], $8::timestamptz[], $10::text[])
    as m (tenant_id, id, accepted, failed_reason, failed_code, delivered_at, opened_at, clicked_at, provider_message_id)
), before as materialized (
  select d.id, d.state, m.accepted, m.failed_reason, m.failed_code, m.delivered_at, m.opened_at, m.clicked_at,
      m.provider_message_id
    from marks m join deliveries d on d.id = m.id and d.tenant_id = m.tenant_id order by d.id for update of d
), moved as (
  update deliveries d set
    state = case when ${FAILS} then 'failed' when ${PROVES} then 'sent' else d.state end,
    reason = case when ${FAILS} or ${PROVES} then m.failed_reason else d.reason end,
    code = case when ${FAILS} or ${PROVES} then m.failed_code else d.code end,
    problem = case when ${FAILS} then 'failed' when ${PROVES} then null else d.problem end,
    due_at = case when ${FAILS} or ${PROVES} then null else d.due_at end,
    decide_at = case when ${FAILS} or ${PROVES} then null else d.decide_at end,
    finished_at = case when d.state <> 'sent' and (${FAILS} or ${PROVES}) then $9 else d.finished_at end,
    delivered_at = least(d.delivered_at, m.delivered_at),
    opened_at = least(d.opened_at, m.opened_at),
    clicked_at = least(d.clicked_at, m.clicked_at),
    provider_message_id = coalesce(d.provider_message_id, m.provider_message_id)
  from before m where d.id = m.id
  returning ${CHANGED}, m.state as left_state
), changes as (
  select tenant_id, live, created_at, channel, state, 1 as n from moved where state <> left_state
  union all select tenant_id, live, created_at, channel, left_state, -1 from moved where state <> left_state
), told as (
  ${tellChanges('(select * from moved where state <> left_state)', '$9::timestamptz')}
)
${countChanges('changes')}`;

/** What receipts act on besides their deliveries. */
export interface Recipient extends DeliveryKey {
  device: string | null;
  /** Of the contact that was written to, as the user has it now. */
  kind: string | null;
  address: string | null;
}

/** To whom deliveries went, for receipts that say that nobody must write there again. Test attempts reached nobody. */
export async function loadRecipients(
  db: Queryable,
  deliveries: readonly DeliveryKey[],
): Promise<Recipient[]> {
  const { rows } = await db.query<Recipient>({
    name: 'tracking_load_recipients',
    text: `select d.tenant_id as "tenantId", d.id as "deliveryId", d.device_id as device, c.kind, c.address
       from unnest($1::uuid[], $2::uuid[]) as named (id, tenant_id)
       join deliveries d on d.id = named.id and d.tenant_id = named.tenant_id and d.live
       left join contacts c on c.tenant_id = d.tenant_id and c.user_id = d.user_id and c.kind = d.contact_kind`,
    values: [
      column(deliveries, ({ deliveryId }) => deliveryId),
      column(deliveries, ({ tenantId }) => tenantId),
    ],
  });
  return rows;
}
