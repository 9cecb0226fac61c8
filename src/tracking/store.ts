import { CHANGED, countChanges, type Lane, tellChanges } from '../ledger/index.ts';
import type { Receipt } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';

/** A receipt together with the delivery it speaks of. */
export interface MatchedReceipt extends Receipt {
  deliveryId: string;
  eventHash: Buffer;
}

/** Finds our deliveries by the ids the vendor gave them; only those of this tenant and connection. */
export async function findByProviderId(
  db: Queryable,
  tenantId: string,
  connection: string,
  providerMessageIds: string[],
): Promise<Map<string, string>> {
  const { rows } = await db.query(
    `select provider_message_id, delivery_id from provider_messages
      where tenant_id = $1 and connection = $2 and provider_message_id = any($3::text[])`,
    [tenantId, connection, providerMessageIds],
  );
  return new Map(rows.map((row) => [row.provider_message_id, row.delivery_id]));
}

/** The receipts that are new (the hashes of their events in hex), and the notifications with a ladder among all. */
export interface LoggedReceipts {
  hashes: Set<string>;
  ladders: string[];
}

/** Logs receipts; one that was logged before, or whose delivery is not of this tenant and connection, is left out. */
export async function insertReceipts(
  db: Queryable,
  tenantId: string,
  connection: string,
  receipts: MatchedReceipt[],
  now: Date,
): Promise<LoggedReceipts> {
  const { rows } = await db.query<{ hash: string | null; ladder: string }>(
    `with found as materialized (
       select r.*, case when d.choice ? 'step' then d.notification_id end as ladder
       from unnest($3::uuid[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
         as r (delivery_id, event_hash, event, reason, code, occurred_at)
       join deliveries d on d.id = r.delivery_id and d.tenant_id = $1 and d.connection = $2
     ), logged as (
       insert into receipts (delivery_id, event_hash, tenant_id, connection, event, reason, code, occurred_at, received_at)
       select delivery_id, event_hash, $1, $2, event, reason, code, occurred_at, $9 from found
       on conflict (delivery_id, event_hash) do nothing
       returning encode(event_hash, 'hex') as hash
     )
     select hash, null as ladder from logged
     union all select null, ladder from found where ladder is not null`,
    [
      tenantId,
      connection,
      receipts.map((receipt) => receipt.deliveryId),
      receipts.map((receipt) => receipt.eventHash),
      receipts.map((receipt) => receipt.event),
      receipts.map((receipt) => receipt.reason ?? null),
      receipts.map((receipt) => receipt.code ?? null),
      receipts.map((receipt) => (receipt.at === null ? null : new Date(receipt.at))),
      now,
    ],
  );
  return {
    hashes: new Set(rows.flatMap(({ hash }) => hash ?? [])),
    ladders: [...new Set(rows.flatMap(({ ladder }) => ladder ?? []))],
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

/** Asked only where receipts are traced: to which notification, attempt and trace deliveries belong. */
export async function loadSubjects(
  db: Queryable,
  tenantId: string,
  deliveryIds: string[],
): Promise<TracedDelivery[]> {
  const { rows } = await db.query<TracedDelivery>(
    `select d.id as "deliveryId", d.notification_id as "notificationId", d.attempt, d.lane, d.live,
        r.request->>'trace' as trace, r.request->>'traceState' as "traceState"
       from deliveries d join notifications n on n.id = d.notification_id and n.tenant_id = d.tenant_id
       left join shared_requests s on s.tenant_id = n.tenant_id and s.id = n.shared_request_id
       cross join lateral (select coalesce(n.request, s.request) as request) r
      where d.id = any($2::uuid[]) and d.tenant_id = $1`,
    [tenantId, deliveryIds],
  );
  return rows;
}

/** What the receipts of one delivery say together. */
export interface Marks {
  deliveryId: string;
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
export async function applyMarks(db: Queryable, tenantId: string, marks: Marks[], now: Date): Promise<void> {
  const sorted = marks.toSorted((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1));
  await db.query(
    `with before as (
       select id, state from deliveries where id = any($2::uuid[]) and tenant_id = $1 order by id for update
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
       from unnest($2::uuid[], $3::bool[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $10::text[])
         as m (id, accepted, failed_reason, failed_code, delivered_at, opened_at, clicked_at, provider_message_id)
      join before on before.id = m.id
      where d.id = m.id and d.tenant_id = $1
      returning ${CHANGED}, before.state as left_state
     ), changes as (
       select tenant_id, live, created_at, channel, state, 1 as n from moved where state <> left_state
       union all select tenant_id, live, created_at, channel, left_state, -1 from moved where state <> left_state
     ), told as (
       ${tellChanges('(select * from moved where state <> left_state)', '$9::timestamptz')}
     )
     ${countChanges('changes')}`,
    [
      tenantId,
      sorted.map((mark) => mark.deliveryId),
      sorted.map((mark) => mark.accepted),
      sorted.map((mark) => mark.failedReason),
      sorted.map((mark) => mark.failedCode),
      sorted.map((mark) => mark.deliveredAt),
      sorted.map((mark) => mark.openedAt),
      sorted.map((mark) => mark.clickedAt),
      now,
      sorted.map((mark) => mark.providerMessageId),
    ],
  );
}

/**
 * Notes for segments when the users of these deliveries opened and clicked last. To the hour only: whoever reads ten mails
 * in a row is judged once. Marks keep the first time, so a mail that is opened again tells nothing new.
 */
export async function noteEngagements(
  db: Queryable,
  tenantId: string,
  deliveryIds: readonly string[],
): Promise<void> {
  await db.query({
    name: 'note engagements',
    text: `insert into engagements (tenant_id, user_id, opened_at, clicked_at)
      select d.tenant_id, d.user_id, max(d.opened_at), max(d.clicked_at) from deliveries d
       where d.id = any($2::uuid[]) and d.tenant_id = $1 and d.live
         and (d.opened_at is not null or d.clicked_at is not null)
         and exists (select from users u where u.tenant_id = d.tenant_id and u.id = d.user_id)
       group by d.tenant_id, d.user_id order by d.user_id
      on conflict (tenant_id, user_id) do update set
        opened_at = greatest(engagements.opened_at, excluded.opened_at),
        clicked_at = greatest(engagements.clicked_at, excluded.clicked_at)
       where excluded.opened_at > coalesce(engagements.opened_at, '-infinity') + interval '1 hour'
          or excluded.clicked_at > coalesce(engagements.clicked_at, '-infinity') + interval '1 hour'`,
    values: [tenantId, deliveryIds],
  });
}

/** The addresses behind deliveries, for receipts that say an address must not be written to again. */
export async function loadAddresses(
  db: Queryable,
  tenantId: string,
  deliveryIds: string[],
): Promise<{ deliveryId: string; kind: string; address: string }[]> {
  const { rows } = await db.query<{ deliveryId: string; kind: string; address: string }>(
    `select d.id as "deliveryId", c.kind, c.address from deliveries d
       join contacts c on c.tenant_id = d.tenant_id and c.user_id = d.user_id and c.kind = d.contact_kind
      where d.id = any($2::uuid[]) and d.tenant_id = $1`,
    [tenantId, deliveryIds],
  );
  return rows;
}
