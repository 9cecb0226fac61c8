import { type Outcome, rejected, retry, tokenExpired, unavailable } from '../../contract.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const prune = rejected('device_unregistered', { effect: { type: 'prune-device' } });

/** https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns */
const TABLE: [reasons: string, outcome: Outcome][] = [
  // 400: also what a sandbox token earns on the production host, and the other way round.
  ['BadDeviceToken DeviceTokenNotForTopic', prune],
  // 410, with the moment since which the token is dead.
  ['Unregistered ExpiredToken', prune],

  // 400: our headers.
  [
    'BadCollapseId BadExpirationDate BadMessageId BadPriority InvalidPushType DuplicateHeaders MissingDeviceToken',
    rejected('request_invalid'),
  ],
  ['PayloadEmpty', rejected('content_invalid')],
  ['PayloadTooLarge', rejected('content_too_large')],
  // 404, 405.
  ['BadPath MethodNotAllowed', rejected('request_invalid')],

  ['BadTopic MissingTopic TopicDisallowed', unavailable('account_misconfigured')],
  // 403. The last is how servers spell the reason before it.
  [
    'BadCertificate BadCertificateEnvironment Forbidden InvalidProviderToken MissingProviderToken ' +
      'UnrelatedKeyIdInToken BadEnvironmentKeyIdInToken BadEnvironmentKeyInToken',
    unavailable('credentials_invalid'),
  ],
  ['ExpiredProviderToken', tokenExpired()],

  // Signed anew more than once in 20 minutes: the older token is still good, and so is it afterwards.
  ['TooManyProviderTokenUpdates', retry('rate_limited', { afterMs: 20 * MINUTE_MS, scope: 'connection' })],
  // To this one device. Apple names no pause.
  ['TooManyRequests', retry('recipient_rate_limited', { afterMs: 30 * SECOND_MS })],
  ['IdleTimeout', retry('connection_lost')],
  ['InternalServerError', retry('provider_error')],
  ['ServiceUnavailable Shutdown', retry('provider_unavailable')],
];

const BY_REASON = new Map(
  TABLE.flatMap(([reasons, outcome]) => reasons.split(' ').map((reason) => [reason, outcome] as const)),
);

const BY_STATUS: Record<number, Outcome> = {
  400: rejected('request_invalid'),
  403: unavailable('credentials_invalid'),
  404: rejected('request_invalid'),
  405: rejected('request_invalid'),
  408: retry('timeout'),
  410: prune,
  413: rejected('content_too_large'),
  429: retry('rate_limited', { afterMs: 30 * SECOND_MS }),
  502: retry('provider_unavailable'),
  503: retry('provider_unavailable'),
  504: retry('provider_unavailable'),
};

/** What Apple's reason means; an answer without a known one is judged by its status. */
export function outcomeOf(reason: string | undefined, status: number): Outcome {
  const listed = (reason === undefined ? undefined : BY_REASON.get(reason)) ?? BY_STATUS[status];
  if (listed) return listed;
  // Safe to send again even when the first went out: the collapse id makes the second replace it.
  if (status >= 500) return retry('provider_error');
  return status >= 400 ? rejected('request_invalid') : unavailable('account_misconfigured');
}
