import type { Message } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';

/** What hooks are sent. `version` grows when a field changes its meaning; new fields come without notice. */
export interface HookEvent {
  type: 'delivery.pre_send' | 'delivery.post_send';
  version: 1;
  /** RFC 3339. */
  timestamp: string;
  data: Record<string, unknown>;
}

/** How an attempt ended, as it was recorded. */
export interface Ending {
  /** The kind of outcome: accepted, retry, rejected, unavailable, unknown, or why nothing was sent. */
  outcome: string;
  settlement: {
    state: string;
    reason: string | null;
    code: string | null;
    providerMessageId: string | null;
  };
  latencyMs: number;
}

/** Addresses and device tokens stay at home: who needs one looks the user up. Pure. */
export function buildPreSend(claimed: Claimed, message: Message, now: number): HookEvent {
  const { user } = claimed;
  const data = {
    ...idsOf(claimed),
    user: { id: user.externalId, locale: user.locale, timezone: user.timezone, attributes: user.attributes },
    templateId: claimed.request.template?.id ?? null,
    expiresAt: claimed.expiresAt === null ? null : new Date(claimed.expiresAt).toISOString(),
    content: message.content,
  };
  return { type: 'delivery.pre_send', version: 1, timestamp: new Date(now).toISOString(), data };
}

export function buildPostSend(claimed: Claimed, ending: Ending, now: number): HookEvent {
  const { outcome, latencyMs } = ending;
  const { state, reason, code, providerMessageId } = ending.settlement;
  const data = {
    ...idsOf(claimed),
    user: { id: claimed.user.externalId },
    outcome,
    state,
    reason,
    code,
    providerMessageId,
    latencyMs,
  };
  return { type: 'delivery.post_send', version: 1, timestamp: new Date(now).toISOString(), data };
}

/** What `POST /v1/hooks/{id}/test` sends: made up, and marked as such. */
export function buildSample(type: HookEvent['type'], now: number): HookEvent {
  const nil = '00000000-0000-0000-0000-000000000000';
  const ids = { test: true, deliveryId: nil, notificationId: nil, attempt: 1, live: false, channel: 'push' };
  const how = { connection: 'sample', provider: 'fcm', category: 'transactional', priority: 'normal' };
  const user = { id: 'sample', locale: 'en', timezone: 'UTC', attributes: {} };
  const rest =
    type === 'delivery.pre_send'
      ? { user, templateId: null, expiresAt: null, content: { title: 'A sample', body: 'Nothing is sent.' } }
      : {
          user: { id: user.id },
          ...{ outcome: 'accepted', state: 'sent', reason: null, code: null },
          ...{ providerMessageId: 'sample', latencyMs: 1 },
        };
  return { type, version: 1, timestamp: new Date(now).toISOString(), data: { ...ids, ...how, ...rest } };
}

function idsOf(claimed: Claimed) {
  const { id: deliveryId, notificationId, attempt, live, channel } = claimed;
  const { connection, provider, category, priority } = claimed;
  return { deliveryId, notificationId, attempt, live, channel, connection, provider, category, priority };
}
