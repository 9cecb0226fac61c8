import {
  type HttpResponse,
  type Outcome,
  parseObject,
  rejected,
  retry,
  unavailable,
} from '../../contract.ts';
import { outcomeOfStatus, tableOf } from '../../wire/verdict.ts';

const suppress = { effect: { type: 'suppress-contact' } } as const;

/** https://www.plivo.com/docs/messaging/troubleshooting/error-codes: what comes in `ErrorCode` of a status callback. */
const TABLE = tableOf([
  ['10', rejected('request_invalid')],
  // Network trouble; a loop between carriers; dispatch failed; no cause known.
  ['20 60 300 1000', retry('provider_error')],
  // Filtered as spam; SMS pumping.
  ['30 451', rejected('content_refused')],
  ['40 201', unavailable('sender_not_allowed')],
  // Not a number; never reachable.
  ['50 70', rejected('recipient_invalid', suppress)],
  ['80', retry('recipient_unreachable')],
  // No route; prohibited by the carrier; a country that the account may not write to; registrations.
  ['90 100 450 910 920 930 940 950 960', unavailable('account_misconfigured')],
  ['110', rejected('content_too_large')],
  // The recipient answered STOP.
  ['200', rejected('recipient_opted_out', suppress)],
  // The message's expiry passed.
  ['420', rejected('recipient_unreachable')],
  ['900', unavailable('quota_exhausted')],
]);

/** What a code of a status callback means, or undefined when the table does not have it. */
export function outcomeOf(code: string): Outcome | undefined {
  return TABLE.get(code);
}

/** A refused request has a text and no code, so that its HTTP status tells, and whether the text is about `dst`. */
export function judge({ status, body }: HttpResponse): { outcome: Outcome; code: string } {
  const parsed = parseObject(body);
  const code = `${status}`;
  // Answered 202: the number is in a list of its own, and nothing has an id.
  if (status < 300 && status >= 200 && namesNumber(parsed?.invalid_number))
    return { outcome: rejected('recipient_invalid', suppress), code };
  const said = typeof parsed?.error === 'string' ? parsed.error.slice(0, 500) : '';
  if (status === 400 && /\bdst\b/i.test(said))
    return { outcome: rejected('recipient_invalid', suppress), code };
  return { outcome: outcomeOfStatus(status, parsed !== null && 'api_id' in parsed), code };
}

function namesNumber(list: unknown): boolean {
  return Array.isArray(list) && list.some((one) => typeof one === 'string' && one !== '');
}
