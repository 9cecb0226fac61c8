/**
 * Why a delivery did not simply succeed: a closed vocabulary, so that it can be counted, searched and put on
 * a chart. The vendor's own code travels beside it in `code`.
 */
export const REASONS = [
  'recipient_invalid',
  'recipient_unreachable',
  'recipient_opted_out',
  'device_unregistered',
  'content_invalid',
  'content_too_large',
  'content_refused',
  'request_invalid',
  'sender_not_allowed',
  'credentials_invalid',
  'credentials_expired',
  'account_suspended',
  'account_misconfigured',
  'quota_exhausted',
  'rate_limited',
  /** Too much for this one recipient; others are not affected. */
  'recipient_rate_limited',
  'provider_error',
  'provider_unavailable',
  'network_error',
  'timeout',
  'connection_lost',
  'response_unreadable',
  'egress_refused',
] as const;
export type Reason = (typeof REASONS)[number];

/** What an attempt means; each kind is one action of the delivery engine. */
export type Outcome =
  /** Done. */
  | { kind: 'accepted'; providerMessageId: string | null }
  /** Same connection, later. `scope: 'connection'` slows the whole account, not only this message. */
  | {
      kind: 'retry';
      reason: Reason;
      code?: string;
      afterMs?: number;
      scope: 'message' | 'connection';
      effect?: Effect;
    }
  /** The cached provider token was refused, nothing was sent: fetch a new one and try again at once, one time. */
  | { kind: 'token-expired'; code?: string }
  /** This recipient or this content is bad: stop, and act on the contact if `effect` says so. */
  | { kind: 'rejected'; reason: Reason; code?: string; effect?: Effect }
  /** This connection is broken (credentials, account, sender): open its breaker, fail over now. */
  | { kind: 'unavailable'; reason: Reason; code?: string; afterMs?: number }
  /** Nobody can tell whether it was sent: the category's policy decides. */
  | { kind: 'unknown'; reason: Reason; code?: string };

export type Effect =
  /** The token is dead. With `invalidSince` (ms since epoch) only if it was registered before that moment. */
  | { type: 'prune-device'; invalidSince?: number }
  /** The address bounced for good, or its owner opted out: never write to it again. */
  | { type: 'suppress-contact' }
  /** The same recipient has another address from now on: messages go there, this one too when it is sent again. */
  | { type: 'move-contact'; address: string };

type Extra<K extends Outcome['kind']> = Omit<Extract<Outcome, { kind: K }>, 'kind' | 'reason' | 'scope'>;

export const accepted = (providerMessageId: string | null): Outcome => ({
  kind: 'accepted',
  providerMessageId,
});
export const retry = (
  reason: Reason,
  extra: Extra<'retry'> & { scope?: 'message' | 'connection' } = {},
): Outcome => ({
  kind: 'retry',
  reason,
  scope: 'message',
  ...extra,
});
export const tokenExpired = (code?: string): Outcome => ({ kind: 'token-expired', code });
export const rejected = (reason: Reason, extra: Extra<'rejected'> = {}): Outcome => ({
  kind: 'rejected',
  reason,
  ...extra,
});
export const unavailable = (reason: Reason, extra: Extra<'unavailable'> = {}): Outcome => ({
  kind: 'unavailable',
  reason,
  ...extra,
});
export const unknown = (reason: Reason, extra: Extra<'unknown'> = {}): Outcome => ({
  kind: 'unknown',
  reason,
  ...extra,
});
