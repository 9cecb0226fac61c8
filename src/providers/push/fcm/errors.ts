import {
  type HttpResponse,
  type Outcome,
  parseObject,
  parseRetryAfter,
  rejected,
  retry,
  tokenExpired,
  unavailable,
} from '../../contract.ts';
import { parseCode } from '../../wire/parse-code.ts';

/** https://firebase.google.com/docs/cloud-messaging/scale-fcm#errors: no sooner than 10 s after a failure. */
const FIRST_PAUSE_MS = 10_000;
/** The same page: after a 429 without `Retry-After`. */
const QUOTA_PAUSE_MS = 60_000;

const prune = rejected('device_unregistered', { effect: { type: 'prune-device' } });

/** https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode, told in the `FcmError` of the details. */
const BY_ERROR_CODE: Record<string, Outcome> = {
  UNREGISTERED: prune,
  // The token belongs to another Firebase project.
  SENDER_ID_MISMATCH: prune,
  INVALID_ARGUMENT: rejected('request_invalid'),
  // The APNs key or VAPID key in the Firebase console: Android goes on, so the connection's breaker stays shut.
  THIRD_PARTY_AUTH_ERROR: rejected('account_misconfigured'),
  QUOTA_EXCEEDED: retry('rate_limited', { afterMs: QUOTA_PAUSE_MS, scope: 'connection' }),
  UNAVAILABLE: retry('provider_unavailable', { afterMs: FIRST_PAUSE_MS }),
  INTERNAL: retry('provider_error', { afterMs: FIRST_PAUSE_MS }),
  UNSPECIFIED_ERROR: retry('provider_error', { afterMs: FIRST_PAUSE_MS }),
};

/** Answers without an `FcmError`, by google.rpc.Code: https://cloud.google.com/apis/design/errors#handling_errors */
const BY_RPC_STATUS: Record<string, Outcome> = {
  INVALID_ARGUMENT: rejected('request_invalid'),
  UNAUTHENTICATED: tokenExpired(),
  // API switched off, or the role is missing.
  PERMISSION_DENIED: unavailable('account_misconfigured'),
  // Not the token, which is UNREGISTERED: the project does not exist.
  NOT_FOUND: unavailable('account_misconfigured'),
  RESOURCE_EXHAUSTED: BY_ERROR_CODE.QUOTA_EXCEEDED!,
  UNAVAILABLE: BY_ERROR_CODE.UNAVAILABLE!,
  INTERNAL: BY_ERROR_CODE.INTERNAL!,
};

const BY_HTTP_STATUS: Record<number, Outcome> = {
  400: rejected('request_invalid'),
  401: tokenExpired(),
  403: unavailable('account_misconfigured'),
  404: unavailable('account_misconfigured'),
  408: retry('timeout', { afterMs: FIRST_PAUSE_MS }),
  413: rejected('content_too_large'),
  429: BY_ERROR_CODE.QUOTA_EXCEEDED!,
  500: BY_ERROR_CODE.INTERNAL!,
  502: retry('provider_unavailable', { afterMs: FIRST_PAUSE_MS }),
  503: BY_ERROR_CODE.UNAVAILABLE!,
  504: retry('provider_unavailable', { afterMs: FIRST_PAUSE_MS }),
};

/** What an error of FCM means. */
export function outcomeOfError({ status, headers, body }: HttpResponse, now: number): Outcome {
  const error = readError(body);
  const code = error.errorCode ?? error.rpcStatus ?? String(status);
  const outcome =
    refine(code, error) ??
    lookUp(BY_ERROR_CODE, error.errorCode) ??
    lookUp(BY_RPC_STATUS, error.rpcStatus) ??
    BY_HTTP_STATUS[status] ??
    byDefault(status);
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  if (outcome.kind === 'retry') return { ...outcome, code, ...(afterMs !== undefined && { afterMs }) };
  return outcome.kind === 'accepted' ? outcome : { ...outcome, code };
}

interface FcmError {
  errorCode?: string;
  rpcStatus?: string;
  message: string;
  /** Paths of the fields complained about. */
  fields: string[];
  /** The whole list of details as text: where a quota says whose it is. */
  details: string;
}

/** Codes that mean several things are told apart by the field complained about, else by the words. */
function refine(code: string, { message, fields, details }: FcmError): Outcome | undefined {
  if (code === 'INVALID_ARGUMENT') {
    if (fields.includes('message.token') || /not a valid FCM registration token/i.test(message)) return prune;
    if (/too (big|large|long)/i.test(message)) return rejected('content_too_large');
    if (fields.some((field) => /^message\.(notification|data|android)\b/.test(field)))
      return rejected('content_invalid');
  }
  // A quota of one device or topic must not slow the rest.
  if (/^(QUOTA_EXCEEDED|RESOURCE_EXHAUSTED)$/.test(code) && /device|topic/i.test(message + details))
    return retry('recipient_rate_limited', { afterMs: QUOTA_PAUSE_MS });
  return undefined;
}

/** https://firebase.google.com/docs/reference/fcm/rest/v1/FcmError; a 502 may be HTML instead. */
function readError(body: string): FcmError {
  const error = asObject(parseObject(body)?.error);
  const details = list(error.details).map(asObject);
  const violations = details.flatMap((detail) => list(detail.fieldViolations)).map(asObject);
  return {
    errorCode: details.map((detail) => parseCode(detail.errorCode)).find((code) => code !== undefined),
    rpcStatus: parseCode(error.status),
    message: text(error.message) ?? '',
    fields: violations.map(({ field }) => text(field)).filter((field) => field !== undefined),
    // The names of quotas, not those of types (`type.googleapis.com/…`), which are in every error.
    details: JSON.stringify(details.flatMap((detail) => list(detail.violations))),
  };
}

function byDefault(status: number): Outcome {
  if (status >= 500) return retry('provider_error', { afterMs: FIRST_PAUSE_MS });
  return status >= 400 ? rejected('request_invalid') : unavailable('account_misconfigured');
}

function lookUp(table: Record<string, Outcome>, name: string | undefined): Outcome | undefined {
  return name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
