import { LAST_ID, type Queryable } from '../store/index.ts';
import type { Choice } from './choice.ts';
import { countChanges } from './counters.ts';
import { COLLECTING, type Collecting } from './digest-store.ts';
import { CHANGED, tellChanges } from './events.ts';
import type { LadderRequest } from './ladder.ts';
import { POSTPONED, type Waiting } from './postponed-store.ts';
import type { Intervention } from './problem-store.ts';

export interface NotificationRow {
  id: string;
  live: boolean;
  user_id: string;
  category: string;
  priority: number;
  state: string;
  reason: string | null;
  request: {
    channels?: string[];
    ladder?: LadderRequest;
    template?: { id: string };
    message?: object;
    test?: boolean;
    /** Of a message that is a digest itself. */
    carries?: { digestId: string; events: number };
  };
  send_at: Date | null;
  expires_at: Date | null;
  created_at: Date;
  confirmed_at: Date | null;
  waiting: Waiting[] | null;
  /** The digest that collected it. */
  digest: Collecting | null;
}

// Routing takes the turn of a notification away and leaves its row alone.
const NOTIFICATION = `id, live, user_id, category, priority, reason, send_at, expires_at, created_at, confirmed_at,
  coalesce(request, (select s.request from shared_requests s
    where s.tenant_id = notifications.tenant_id and s.id = notifications.shared_request_id)) as request,
  case when state = 'accepted' and not exists (
    select from unrouted u where u.priority = notifications.priority and u.tenant_id = notifications.tenant_id
      and u.due_at = notifications.due_at and u.id = notifications.id) then 'routed' else state end as state,
  ${POSTPONED} as waiting, ${COLLECTING} as digest`;

export async function loadNotification(
  db: Queryable,
  tenantId: string,
  live: boolean,
  id: string,
): Promise<NotificationRow | null> {
  const { rows } = await db.query<NotificationRow>(
    `select ${NOTIFICATION} from notifications where id = $1 and tenant_id = $2 and live = $3`,
    [id, tenantId, live],
  );
  return rows[0] ?? null;
}

export interface ListFilter {
  tenantId: string;
  live: boolean;
  /** Exclusive: ids below this one; null starts at the newest. */
  before: string | null;
  limit: number;
}

/** Newest first. With `userId`, of one user only. */
export async function listNotifications(
  db: Queryable,
  filter: ListFilter & { userId?: string },
): Promise<NotificationRow[]> {
  const { tenantId, live, before, limit, userId } = filter;
  const { rows } = await db.query<NotificationRow>(
    `select ${NOTIFICATION} from notifications
      where tenant_id = $1 and live = $2 and id < $3 ${userId === undefined ? '' : 'and user_id = $5'}
      order by id desc limit $4`,
    userId === undefined
      ? [tenantId, live, before ?? LAST_ID, limit]
      : [tenantId, live, before ?? LAST_ID, limit, userId],
  );
  return rows;
}

export interface DeliveryRow {
  id: string;
  live: boolean;
  notification_id: string;
  channel: string;
  lane: string;
  device_id: string | null;
  provider: string | null;
  connection: string;
  state: string;
  reason: string | null;
  code: string | null;
  attempt: number;
  retries: number;
  cancel_requested: boolean;
  due_at: Date | null;
  decide_at: Date | null;
  provider_message_id: string | null;
  template_version: number | null;
  created_at: Date;
  expires_at: Date | null;
  started_at: Date | null;
  finished_at: Date | null;
  delivered_at: Date | null;
  opened_at: Date | null;
  clicked_at: Date | null;
  choice: Choice | null;
  /** What people did to it, oldest first. */
  interventions: Intervention[] | null;
  /** Of its notification; read only while the outcome is unknown, when it decides what happens next. */
  category: string | null;
}

/** The columns of a DeliveryRow, of `deliveries d`. */
export const DELIVERY = `d.id, live, notification_id, channel, lane, device_id, provider, connection, state, reason, code, attempt,
  retries, cancel_requested, due_at, decide_at, provider_message_id, template_version, created_at, expires_at, started_at, finished_at, delivered_at,
  opened_at, clicked_at, choice, interventions,
  case when d.state = 'unknown' then (select n.category from notifications n where n.id = d.notification_id and n.tenant_id = d.tenant_id) end as category`;

export async function loadDeliveries(
  db: Queryable,
  tenantId: string,
  notificationIds: string[],
): Promise<DeliveryRow[]> {
  const { rows } = await db.query<DeliveryRow>(
    `select ${DELIVERY} from deliveries d where notification_id = any($1::uuid[]) and tenant_id = $2 order by id`,
    [notificationIds, tenantId],
  );
  return rows;
}

export async function loadDelivery(
  db: Queryable,
  tenantId: string,
  live: boolean,
  id: string,
): Promise<DeliveryRow | null> {
  const { rows } = await db.query<DeliveryRow>(
    `select ${DELIVERY} from deliveries d where id = $1 and tenant_id = $2 and live = $3`,
    [id, tenantId, live],
  );
  return rows[0] ?? null;
}

export interface AttemptRow {
  delivery_id: string;
  n: number;
  connection: string | null;
  provider: string | null;
  outcome: string;
  reason: string | null;
  code: string | null;
  detail: object | null;
  started_at: Date;
  latency_ms: number | null;
}

export async function loadAttempts(
  db: Queryable,
  tenantId: string,
  deliveryIds: string[],
): Promise<AttemptRow[]> {
  const { rows } = await db.query<AttemptRow>(
    `select delivery_id, n, connection, provider, outcome, reason, code, detail, started_at, latency_ms
       from attempts where delivery_id = any($1::uuid[]) and tenant_id = $2 order by delivery_id, n`,
    [deliveryIds, tenantId],
  );
  return rows;
}

/** Ends a notification that is not routed yet. False when it is routed (or ended) already. */
export async function cancelAccepted(
  db: Queryable,
  tenantId: string,
  live: boolean,
  id: string,
): Promise<boolean> {
  if (!(await takeTurn(db, tenantId, id))) return false;
  const result = await db.query(
    `update notifications set state = 'cancelled', reason = 'cancelled'
      where id = $1 and tenant_id = $2 and live = $3 and state = 'accepted'`,
    [id, tenantId, live],
  );
  return result.rowCount === 1;
}

/** Takes a notification out of the line to be routed. False when it is not in it (any more). */
export async function takeTurn(db: Queryable, tenantId: string, id: string): Promise<boolean> {
  const result = await db.query(
    `delete from unrouted u using notifications n where n.id = $1 and n.tenant_id = $2
      and u.priority = n.priority and u.tenant_id = n.tenant_id and u.due_at = n.due_at and u.id = n.id`,
    [id, tenantId],
  );
  return result.rowCount === 1;
}

/** Cancels what is queued (or unknown) of a routed notification, and flags what is being sent right now. */
export async function cancelDeliveries(
  db: Queryable,
  tenantId: string,
  notificationId: string,
  now: Date,
): Promise<{ cancelled: number; flagged: number }> {
  const { rows } = await db.query(
    `with touched as (
      update deliveries d set
        cancel_requested = true,
        state = case when state = 'queued' then 'cancelled' else state end,
        reason = case when state = 'queued' then 'cancelled' else reason end,
        due_at = null,
        finished_at = case when state = 'queued' then $3 else finished_at end
      where id in (
        select id from deliveries where notification_id = $1 and tenant_id = $2 and state in ('queued', 'sending', 'unknown')
        order by id for update)
      returning ${CHANGED}, 1 as n
     ), counted as (
       ${countChanges("(select * from touched where state = 'cancelled') cancelled")}
     ), told as (
       ${tellChanges("(select * from touched where state = 'cancelled')")}
     )
     select state from touched`,
    [notificationId, tenantId, now],
  );
  const cancelled = rows.filter((row) => row.state === 'cancelled').length;
  return { cancelled, flagged: rows.length - cancelled };
}

/** Locks a notification so that routing and a change or a cancel do not cross. */
export async function lockNotification(
  db: Queryable,
  tenantId: string,
  live: boolean,
  id: string,
): Promise<NotificationRow | null> {
  const { rows } = await db.query<NotificationRow>(
    `select ${NOTIFICATION} from notifications where id = $1 and tenant_id = $2 and live = $3 for update`,
    [id, tenantId, live],
  );
  return rows[0] ?? null;
}

/** Records that the user did what the notification is about; the first time stays. Returns the time. */
export async function confirmNotification(
  db: Queryable,
  { tenantId, live, id, now }: { tenantId: string; live: boolean; id: string; now: Date },
): Promise<Date> {
  const { rows } = await db.query<{ confirmed_at: Date }>(
    `update notifications set confirmed_at = coalesce(confirmed_at, $4)
      where id = $1 and tenant_id = $2 and live = $3 returning confirmed_at`,
    [id, tenantId, live, now],
  );
  return rows[0]!.confirmed_at;
}
