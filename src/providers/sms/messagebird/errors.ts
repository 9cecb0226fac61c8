import {
  type HttpResponse,
  type Outcome,
  parseObject,
  rejected,
  retry,
  unavailable,
} from '../../contract.ts';
import { outcomeOfStatus } from '../../wire/verdict.ts';

const suppress = { effect: { type: 'suppress-contact' } } as const;
const SECOND_MS = 1_000;

/** https://developers.messagebird.com/api/#api-errors; 10 (invalid) says of what in its `parameter`. */
const BY_CODE = new Map<unknown, Outcome>([
  [2, unavailable('credentials_invalid')],
  [9, rejected('request_invalid')],
  [20, rejected('request_invalid')],
  [25, unavailable('quota_exhausted')],
  [98, retry('provider_error')],
  [99, retry('provider_error')],
]);
const BY_PARAMETER = new Map<unknown, Outcome>([
  ['recipient', rejected('recipient_invalid', suppress)],
  ['recipients', rejected('recipient_invalid', suppress)],
  ['originator', unavailable('sender_not_allowed')],
  ['body', rejected('content_invalid')],
]);

/** A refused request: by its first error that is known, then by its HTTP status. */
export function judge({ status, body }: HttpResponse): { outcome: Outcome; code: string } {
  const { errors } = parseObject(body) ?? {};
  const list = Array.isArray(errors) ? errors.filter(isError) : [];
  if (status === 429) {
    return {
      outcome: retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' }),
      code: `${status}`,
    };
  }
  for (const { code, parameter } of status >= 400 ? list : []) {
    const outcome =
      code === 10 ? (BY_PARAMETER.get(parameter) ?? rejected('request_invalid')) : BY_CODE.get(code);
    if (outcome) return { outcome, code: `${code}` };
  }
  return { outcome: outcomeOfStatus(status, list.length > 0), code: `${status}` };
}

function isError(value: unknown): value is { code?: unknown; parameter?: unknown } {
  return typeof value === 'object' && value !== null;
}

/**
 * What the words of `statusReason` mean, when the whole of it is them: the legacy API documents no list, and what is like
 * them but not the same must not make a number one that is never written to again.
 */
const BY_REASON = new Map<string, Outcome>([
  ['unknown subscriber', rejected('recipient_invalid', suppress)],
  ['opted out', rejected('recipient_opted_out', suppress)],
  ['carrier rejected', rejected('content_refused')],
]);

/** What a failure's `statusReason` means, or undefined when its words are not known. */
export function outcomeOfReason(statusReason: string): Outcome | undefined {
  return BY_REASON.get(statusReason.trim().toLowerCase());
}
