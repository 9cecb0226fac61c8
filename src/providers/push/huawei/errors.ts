import {
  accepted,
  type HttpResponse,
  type Outcome,
  parseObject,
  rejected,
  retry,
  tokenExpired,
  unavailable,
  unknown,
} from '../../contract.ts';
import { idOf } from '../../wire/exact-json.ts';
import { tableOf } from '../../wire/verdict.ts';
import { withDetails } from '../../wire/with-details.ts';

const SECOND_MS = 1_000;
const SUCCESS = '80000000';
const PARTIAL_SUCCESS = '80100000';
const prune = rejected('device_unregistered', { effect: { type: 'prune-device' } });
const flowControl = retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' });

/**
 * https://developer.huawei.com/consumer/en/doc/HMSCore-References/https-send-api-0000001050986197, result codes: they
 * stand in the body, of answers with HTTP 200 too.
 */
const TABLE = tableOf([
  // All tokens are invalid, and there is one. Also what tokens of another app earn.
  ['80300007', prune],

  // A parameter, the structure, the TTL, the collapse key, the material for watches.
  ['80100001 80100003 80100004 80100013 80100018', rejected('request_invalid')],
  ['80100016', rejected('content_refused')],
  // More than 4,096 bytes.
  ['80300008', rejected('content_too_large')],
  // Too many tokens, other limits of a request.
  ['80300010 80300011', rejected('request_invalid')],
  // The receipt that the message named by passthrough: this message, not the connection.
  ['80300013', rejected('account_misconfigured')],

  // Refused, expired; the last is of service account tokens.
  ['80200001 80200003 80200005', tokenExpired()],
  // No permission to send to these tokens: the service is off in AppGallery Connect.
  ['80300002', unavailable('account_misconfigured')],

  // Too many tasks for topics.
  ['80100017', retry('rate_limited', { afterMs: 60 * SECOND_MS, scope: 'connection' })],
  // Huawei could not ask its own OAuth server.
  ['80600003', retry('provider_error')],
  ['81000001', retry('provider_error')],
]);

/** What an answer of Push Kit means: by the code in its body, else by its HTTP status. */
export function judge({ status, headers, body }: HttpResponse, now: number): Outcome {
  const reply = parseObject(body);
  const code = codeOf(reply?.code);
  const isDone = status >= 200 && status < 300;
  if (isDone && code === SUCCESS) return accepted(idOf(reply?.requestId) ?? null);
  const outcome =
    (isDone && code === PARTIAL_SUCCESS ? judgePartial(reply!) : undefined) ??
    (code !== undefined && code !== SUCCESS ? (TABLE.get(code) ?? byRange(code)) : undefined) ??
    byStatus(status);
  return withDetails(outcome, { code: code ?? `${status}`, headers, now });
}

/** `msg` is JSON as text: `{"success":0,"failure":1,"illegal_tokens":["…"]}`. There was one token. */
function judgePartial(reply: Record<string, unknown>): Outcome | undefined {
  const told = typeof reply.msg === 'string' ? parseObject(reply.msg) : null;
  if (!told) return undefined;
  if (Array.isArray(told.illegal_tokens) && told.illegal_tokens.length > 0) return prune;
  return told.success === 1 ? accepted(idOf(reply.requestId) ?? null) : undefined;
}

/** Codes that are not listed, by what their range is about. */
function byRange(code: string): Outcome | undefined {
  if (/^80[13]/.test(code)) return rejected('request_invalid');
  if (/^802/.test(code)) return unavailable('credentials_invalid');
  return /^8[01]/.test(code) ? retry('provider_error') : undefined;
}

/** A repeat takes the place of the first on the screen, so that sending again is safe after any failure of theirs. */
function byStatus(status: number): Outcome {
  if (status < 300) return unknown('response_unreadable');
  if (status === 401) return tokenExpired();
  if (status < 400 || status === 403 || status === 404) return unavailable('account_misconfigured');
  if (status === 408) return retry('timeout');
  if (status === 413) return rejected('content_too_large');
  if (status === 429) return flowControl;
  if (status < 500) return rejected('request_invalid');
  return retry(status === 500 ? 'provider_error' : 'provider_unavailable');
}

function codeOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? `${value}` : value;
  return typeof text === 'string' && /^\d{8}$/.test(text) ? text : undefined;
}
