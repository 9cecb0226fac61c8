import { column, type Queryable } from '../store/index.ts';

/**
 * What is told to webhooks, by noun and verb. Whoever has something new to tell adds a word here and writes it with
 * `appendEvents` in the transaction of the change.
 */
export const EVENT_TYPES = [
  'notification.failed',
  'notification.cancelled',
  'delivery.sent',
  'delivery.failed',
  'delivery.skipped',
  'delivery.expired',
  'delivery.cancelled',
  'delivery.dead',
  'delivery.unknown',
  'delivery.delivered',
  'delivery.opened',
  'delivery.clicked',
  'delivery.bounced',
  'delivery.complained',
  'delivery.unsubscribed',
  'contact.suppressed',
  'device.inactive',
  'preference.changed',
  'otp.sent',
  'otp.approved',
  'otp.cancelled',
  'otp.max_attempts',
  'otp.paused',
  'webhook.disabled',
  'webhook.test',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Something that happened. Never content of messages or secrets: what is told leaves the house. */
export interface LedgerEvent {
  tenantId: string;
  /** True for what live and test have in common, such as users. */
  live: boolean;
  type: EventType;
  /** By our clock. */
  at: Date;
  /** What endpoints may choose by; left out where it says nothing. */
  channel?: string;
  category?: string;
  /** Its user and its category are added to the data. */
  notificationId?: string;
  data: Record<string, unknown>;
}

// Asked once for a statement, before any row is looked at: nobody pays for webhooks where nobody has any.
const ANYBODY = 'exists (select from webhook_endpoints where enabled)';

/** Whether somebody wants to hear of the row `c (tenant_id, live)`, by the index of the enabled endpoints. */
const wanted = (type: string) => `exists (
    select from webhook_endpoints e where e.tenant_id = c.tenant_id and e.enabled
      and e.types && array['*', split_part(${type}, '.', 1) || '.*', ${type}]
      and (e.environments = '{}' or case when c.live then 'live' else 'test' end = any(e.environments)))`;

/** What `tellChanges` asks of the rows that an UPDATE of `deliveries` returns; `d` is its alias. */
export const CHANGED = `d.id, d.tenant_id, d.live, d.created_at, d.channel, d.state, d.notification_id, d.reason, d.code,
  d.provider, d.connection, d.attempt, d.finished_at`;

/**
 * A part of a statement that changes deliveries, beside `countChanges`: tells of the rows of the CTE `changes` (with the
 * columns of CHANGED, in their new states), so that both are one commit. `at` is an SQL expression: when it happened.
 * It knows nothing but these columns; the user and the category are added by whoever finds out who is told.
 */
export function tellChanges(changes: string, at = 'c.finished_at'): string {
  return `insert into events (id, tenant_id, live, type, occurred_at, channel, notification_id, data)
  select uuid_v7_at(${at}), c.tenant_id, c.live, 'delivery.' || c.state, ${at}, c.channel, c.notification_id, ${DELIVERY}
  from ${changes} c where ${ANYBODY} and state not in ('queued', 'sending') and ${wanted("('delivery.' || c.state)")}`;
}

const DELIVERY = `jsonb_build_object('deliveryId', c.id, 'notificationId', c.notification_id, 'channel', c.channel,
    'state', c.state, 'reason', c.reason, 'code', c.code, 'provider', c.provider, 'connection', c.connection, 'attempt', c.attempt)`;

/**
 * A part of a statement, or a whole one: tells of the rows of `rows (tenant_id, live, type, at, channel, category,
 * notification_id, data)`, a CTE or a subquery, to whoever wants to hear of them. `noted` is an SQL expression: when we learned of it, by our clock.
 */
export function tellRows(rows: string, noted = 'c.at'): string {
  return `insert into events (id, tenant_id, live, type, occurred_at, channel, category, notification_id, data)
  select uuid_v7_at(${noted}), c.tenant_id, c.live, c.type, c.at, c.channel, c.category,
    c.notification_id, c.data
  from ${rows} c where ${ANYBODY} and ${wanted('c.type')}`;
}

/**
 * Writes what happened, for tenants who want to hear of it; call it in the transaction of the change. One statement,
 * which looks at no row where nobody has an enabled endpoint.
 */
export async function appendEvents(db: Queryable, events: readonly LedgerEvent[]): Promise<void> {
  if (events.length === 0) return;
  await db.query({
    name: 'ledger_append_events',
    text: APPEND,
    values: [
      column(events, (event) => event.tenantId),
      column(events, (event) => event.live),
      column(events, (event) => event.type),
      column(events, (event) => event.at),
      column(events, (event) => event.channel ?? null),
      column(events, (event) => event.category ?? null),
      column(events, (event) => event.notificationId ?? null),
      column(events, (event) => JSON.stringify(event.data)),
    ],
  });
}

const APPEND = `${tellRows(`(
  select * from unnest($1::uuid[], $2::bool[], $3::text[], $4::timestamptz[], $5::text[], $6::text[],
    $7::uuid[], $8::jsonb[]) with ordinality as told (tenant_id, live, type, at, channel, category, notification_id, data, nth)
)`)} order by c.nth`;
