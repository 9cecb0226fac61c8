import { explainChoice, renderChoice } from './choice.ts';
import { type DecideUnknown, describeNext } from './next.ts';
import { DIGESTED, explainReason } from './reasons.ts';
import { PRIORITY_NAMES } from './states.ts';
import type { AttemptRow, DeliveryRow, NotificationRow } from './store.ts';

/** One word for a whole notification, out of its own state and those of its deliveries. */
export function statusOf(
  notification: Pick<NotificationRow, 'state' | 'send_at'> &
    Partial<Pick<NotificationRow, 'waiting' | 'digest'>>,
  states: string[],
  now: number,
): string {
  if (notification.state === 'accepted')
    return (notification.send_at?.getTime() ?? 0) > now ? 'scheduled' : 'accepted';
  if (notification.state !== 'routed') return notification.state;
  if (notification.digest) return 'collected';
  if (notification.waiting || states.some((state) => state === 'queued' || state === 'sending'))
    return 'processing';
  return STATUS_ORDER.find((state) => states.includes(state)) ?? 'skipped';
}

// What to tell of a notification whose deliveries ended differently: what reached the user first, then what needs a look.
const STATUS_ORDER = ['sent', 'unknown', 'dead', 'failed', 'expired', 'cancelled', DIGESTED, 'skipped'];

export function renderNotification(
  row: NotificationRow,
  deliveries: DeliveryRow[],
  attempts: AttemptRow[],
  { now, decideUnknown }: { now: number; decideUnknown?: DecideUnknown },
): object {
  return {
    ...renderSummary(row, deliveries, now),
    deliveries: deliveries.map((delivery) =>
      renderDelivery(
        delivery,
        attempts.filter((attempt) => attempt.delivery_id === delivery.id),
        decideUnknown,
      ),
    ),
  };
}

export function renderSummary(row: NotificationRow, deliveries: DeliveryRow[], now: number): object {
  const routedAt =
    deliveries.length > 0 ? Math.min(...deliveries.map((each) => each.created_at.getTime())) : null;
  return {
    id: row.id,
    status: statusOf(
      row,
      deliveries.map(({ state, reason }) => (reason === DIGESTED ? DIGESTED : state)),
      now,
    ),
    reason: row.reason ?? undefined,
    live: row.live,
    userId: row.user_id,
    category: row.category,
    priority: PRIORITY_NAMES[row.priority],
    channels: row.request.channels,
    ladder: row.request.ladder,
    confirmedAt: row.confirmed_at?.toISOString(),
    template: row.request.template?.id,
    test: row.request.test === true ? true : undefined,
    createdAt: row.created_at.toISOString(),
    sendAt: row.send_at?.toISOString(),
    expiresAt: row.expires_at?.toISOString(),
    routedAt: routedAt === null ? undefined : new Date(routedAt).toISOString(),
    waiting: row.waiting?.map(({ until, step, ...rest }) => ({
      ...rest,
      until: new Date(until).toISOString(),
      step: step ?? undefined,
    })),
    digest: renderDigest(row, deliveries),
  };
}

/** The digest that collects it, the notification that carried it in the end, or what it carries itself. */
function renderDigest({ digest, request }: NotificationRow, deliveries: DeliveryRow[]): object | undefined {
  if (digest) return { id: digest.id, closesAt: new Date(digest.closesAt).toISOString() };
  const { carries } = request;
  if (carries) return { id: carries.digestId, events: carries.events };
  const carried = deliveries.find(({ reason }) => reason === DIGESTED);
  return carried && { notificationId: carried.code };
}

export function renderDelivery(
  row: DeliveryRow,
  attempts: AttemptRow[],
  decideUnknown?: DecideUnknown,
): object {
  return {
    id: row.id,
    notificationId: row.notification_id,
    channel: row.channel,
    step: row.choice?.step,
    state: row.state,
    reason: row.reason ?? undefined,
    code: row.code ?? undefined,
    provider: row.provider ?? undefined,
    connection: row.connection || undefined,
    choice: renderChoice(row.choice),
    why: row.connection ? explainChoice(row.choice, row.connection) : explainReason(row.reason, row.code),
    deviceId: row.device_id ?? undefined,
    templateVersion: row.template_version ?? undefined,
    providerMessageId: row.provider_message_id ?? undefined,
    createdAt: row.created_at.toISOString(),
    dueAt: row.due_at?.toISOString(),
    decidedAt: row.decide_at?.toISOString(),
    next: describeNext(row, decideUnknown),
    expiresAt: row.expires_at?.toISOString(),
    finishedAt: row.finished_at?.toISOString(),
    deliveredAt: row.delivered_at?.toISOString(),
    openedAt: row.opened_at?.toISOString(),
    clickedAt: row.clicked_at?.toISOString(),
    attempts: renderAttempts(row, attempts),
    interventions: row.interventions ?? undefined,
  };
}

/** A plain success lives in the delivery row alone; here it becomes an attempt like the others. */
function renderAttempts(row: DeliveryRow, attempts: AttemptRow[]): object[] {
  const logged = attempts.map((attempt) => ({
    n: attempt.n,
    outcome: attempt.outcome,
    reason: attempt.reason ?? undefined,
    code: attempt.code ?? undefined,
    provider: attempt.provider ?? undefined,
    connection: attempt.connection ?? undefined,
    startedAt: attempt.started_at.toISOString(),
    latencyMs: attempt.latency_ms ?? undefined,
    detail: attempt.detail ?? undefined,
  }));
  const current = row.attempt > 0 && row.started_at && !attempts.some((attempt) => attempt.n === row.attempt);
  if (!current) return logged;
  const { state } = row;
  return [
    ...logged,
    {
      n: row.attempt,
      outcome: state === 'sending' ? 'pending' : state === 'sent' ? 'accepted' : state,
      provider: row.provider ?? undefined,
      connection: row.connection || undefined,
      startedAt: row.started_at!.toISOString(),
      latencyMs: row.finished_at ? row.finished_at.getTime() - row.started_at!.getTime() : undefined,
    },
  ];
}
