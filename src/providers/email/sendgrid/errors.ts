import {
  accepted,
  type HttpResponse,
  type Outcome,
  type Part,
  rejected,
  retry,
  unavailable,
} from '../../contract.ts';
import { withDetails } from '../../wire/with-details.ts';
import { asObject, asText, parseJson } from '../mail/vendor-json.ts';
import { DEAD, IS_DEAD, outcomeOfStatus } from '../mail/verdict.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

export function outcomeOfAnswer(response: HttpResponse, now: number): Outcome {
  const { status, headers } = response;
  // 202 with an empty body; 200 in sandbox mode, where no event will follow.
  if (status >= 200 && status < 300) return accepted(headers['x-message-id'] || null);
  return outcomeOfError(response, now);
}

/** All or nothing: where some recipients of a mail are bad, the others go again at once, without them. */
export function outcomesOfBatch(
  response: HttpResponse,
  parts: readonly Part[],
  { now }: { now: number },
): Outcome[] {
  const outcome = outcomeOfAnswer(response, now);
  const bad = response.status === 400 ? blamed(readErrors(response.body)) : new Map<number, Outcome>();
  if (bad.size === 0) return parts.map(() => outcome);
  return parts.map((_part, i) => bad.get(i) ?? IN_BAD_COMPANY);
}

const RECIPIENT = /^personalizations\.(\d+)\.to\.\d+\.email$/;
/** What is one recipient's own in a mail to many: besides the address, headers. */
const OWN_PART = /^personalizations\.(\d+)\./;
const IN_BAD_COMPANY = retry('request_invalid', { code: '400', afterMs: 0 });

const BAD_ADDRESS = rejected(IS_DEAD.reason, { effect: IS_DEAD.effect, code: '400' });

/** What becomes of those that errors name, by their places in the request. */
function blamed(errors: SendgridError[]): Map<number, Outcome> {
  const outcomes = new Map<number, Outcome>();
  for (const { field } of errors) {
    const place = OWN_PART.exec(field)?.[1];
    if (place === undefined) continue;
    if (RECIPIENT.test(field)) outcomes.set(Number(place), BAD_ADDRESS);
    else if (!outcomes.has(Number(place)))
      outcomes.set(Number(place), rejected('request_invalid', { code: '400' }));
  }
  return outcomes;
}

/** SendGrid has no codes: what a refusal means stands in its status and in the field that it complains about. */
export function outcomeOfError(response: HttpResponse, now: number): Outcome {
  const { status, headers } = response;
  const outcome = refine(status, readErrors(response.body)) ?? outcomeOfStatus(status);
  if (status === 429 && headers['retry-after'] === undefined) {
    const waitMs = Number(headers['x-ratelimit-reset'] ?? Number.NaN) * SECOND_MS - now;
    // Seconds since the epoch; a clock that is off, or a text that is none, leaves the pause as it is.
    if (waitMs > 0 && waitMs <= HOUR_MS)
      return retry('rate_limited', { afterMs: waitMs, scope: 'connection', code: '429' });
  }
  return withDetails(outcome, { code: String(status), headers: response.headers, now });
}

interface SendgridError {
  message: string;
  field: string;
}

function refine(status: number, errors: SendgridError[]): Outcome | undefined {
  const says = (pattern: RegExp) => errors.some(({ message }) => pattern.test(message));
  const names = (pattern: RegExp) => errors.some(({ field }) => pattern.test(field));
  // "Maximum credits exceeded"
  if (status === 401 && says(/credits exceeded/i))
    return unavailable('quota_exhausted', { afterMs: HOUR_MS });
  // "The from address does not match a verified Sender Identity."
  if (status === 403 && (names(/^from\b/) || says(/sender identity/i)))
    return unavailable('sender_not_allowed');
  // "access forbidden": a scope of the key; also a passing block after many bad requests.
  if (status === 403) return unavailable('account_misconfigured');
  if (status !== 400) return undefined;
  if (names(RECIPIENT)) return DEAD;
  if (names(/^from\b/)) return unavailable('sender_not_allowed');
  return rejected(names(/^(content|subject)\b/) ? 'content_invalid' : 'request_invalid');
}

function readErrors(body: string): SendgridError[] {
  const { errors } = asObject(parseJson(body));
  if (!Array.isArray(errors)) return [];
  return errors.map(asObject).map(({ message, field }) => ({
    message: asText(message) ?? '',
    field: asText(field) ?? '',
  }));
}
