import {
  type HttpResponse,
  type Outcome,
  parseObject,
  parseRetryAfter,
  rejected,
  retry,
  unavailable,
} from '../../contract.ts';
import { parseCode } from '../../wire/parse-code.ts';

const MINUTE_MS = 60_000;
const prune = rejected('device_unregistered', { effect: { type: 'prune-device' } });

/**
 * One connection speaks to the push services of all browsers, so a pause is never the connection's.
 * https://www.rfc-editor.org/rfc/rfc8030#section-5 and, for 401 and 403, https://www.rfc-editor.org/rfc/rfc8292
 */
const BY_STATUS: Record<number, Outcome> = {
  400: rejected('request_invalid'),
  401: unavailable('credentials_invalid'),
  403: unavailable('credentials_invalid'),
  404: prune,
  // Windows, throttling.
  406: retry('rate_limited', { afterMs: MINUTE_MS }),
  408: retry('timeout'),
  410: prune,
  413: rejected('content_too_large'),
  429: retry('rate_limited', { afterMs: MINUTE_MS }),
  500: retry('provider_error'),
  502: retry('provider_unavailable'),
  503: retry('provider_unavailable'),
  504: retry('provider_unavailable'),
};

/** Mozilla, `errno`: https://mozilla-services.github.io/autopush-rs/errors.html */
const MOZILLA: [numbers: string, outcome: Outcome][] = [
  // Crypto keys, TTL absent or out of range, Topic.
  ['101 108 110 111 112 113', rejected('request_invalid')],
  ['109', unavailable('credentials_invalid')],
  ['102 103 105 106', prune],
  ['104', rejected('content_too_large')],
  ['201', retry('provider_unavailable', { afterMs: MINUTE_MS })],
  ['202', retry('provider_unavailable', { afterMs: 0 })],
  ['900 901 902 903', retry('provider_unavailable')],
  ['999', retry('provider_error')],
];

/** Apple, `reason`: https://developer.apple.com/documentation/usernotifications/sending-web-push-notifications-in-web-apps-and-browsers */
const APPLE: [reasons: string, outcome: Outcome][] = [
  ['BadTtl BadUrgency BadWebPushTopic BadWebPushRequest', rejected('request_invalid')],
  // The subscription was made with another VAPID key; seen with 400 and 403.
  ['VapidPkHashMismatch', prune],
  // `sub` is no real mailto: or https:, `aud` is wrong, or `exp` is more than a day ahead.
  ['BadJwtToken BadVapidPublicKey', unavailable('credentials_invalid')],
];

const BY_CODE = new Map(
  [...MOZILLA, ...APPLE].flatMap(([codes, outcome]) =>
    codes.split(' ').map((code) => [code, outcome] as const),
  ),
);

/** Google, in plain text: the subscription was made with another VAPID key. */
const GOOGLE_KEY_MISMATCH = /do not correspond to the credentials used to create|UnauthorizedRegistration/i;

/** What a refusal of a push service means: by the service's own code, else by the status. */
export function outcomeOfError({ status, headers, body }: HttpResponse, now: number): Outcome {
  const ownCode = readCode(body);
  const code = ownCode ?? String(status);
  const mismatch = [400, 401, 403].includes(status) && GOOGLE_KEY_MISMATCH.test(body);
  const listed = ownCode === undefined ? undefined : BY_CODE.get(ownCode);
  const outcome = mismatch ? prune : (listed ?? BY_STATUS[status] ?? byDefault(status));
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  if (outcome.kind === 'retry') return { ...outcome, code, ...(afterMs !== undefined && { afterMs }) };
  return outcome.kind === 'accepted' ? outcome : { ...outcome, code };
}

function readCode(body: string): string | undefined {
  const parsed = parseObject(body);
  if (typeof parsed?.errno === 'number') return String(parsed.errno);
  return parseCode(parsed?.reason);
}

function byDefault(status: number): Outcome {
  // Safe to send again even when the first went out: both carry the same topic and tag.
  if (status >= 500) return retry('provider_error');
  // An endpoint that is elsewhere is this subscription's trouble, not the connection's.
  return status >= 400 ? rejected('request_invalid') : rejected('recipient_invalid');
}
