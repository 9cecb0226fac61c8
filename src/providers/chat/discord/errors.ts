import {
  type HttpResponse,
  type Outcome,
  parseObject,
  rejected,
  retry,
  unavailable,
} from '../../contract.ts';
import { outcomeOfStatus, tableOf } from '../../wire/verdict.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
/** The longest wait that is believed. */
const LONGEST_WAIT_MS = 3_600_000;
const suppress = { effect: { type: 'suppress-contact' } } as const;

// https://docs.discord.com/developers/topics/opcodes-and-status-codes#json-json-error-codes
const SHARED: [codes: string, outcome: Outcome][] = [
  ['50006 50035 220001 220003', rejected('content_invalid')],
  ['50109', rejected('request_invalid')],
  ['40005', rejected('content_too_large')],
  // A harmful link; refused by the rules of the server.
  ['240000 200000', rejected('content_refused')],
  ['40001 50014', unavailable('credentials_invalid')],
  ['40333', unavailable('account_misconfigured')],
  ['40004 40006', retry('provider_unavailable')],
];

const BOT = tableOf([
  ...SHARED,
  ['10003 10013', rejected('recipient_invalid', suppress)],
  // Takes no direct messages (of us, any more); refused by what a further attempt would be counted for.
  ['50007 50278 40007', rejected('recipient_opted_out', suppress)],
  ['50008', rejected('recipient_invalid')],
  // This channel, not the connection: one that the bot may not write to must not stop all others.
  ['50001 50013 160002', rejected('sender_not_allowed')],
  ['20016', retry('recipient_rate_limited', { afterMs: SECOND_MS })],
  ['20028', retry('recipient_rate_limited', { afterMs: SECOND_MS })],
  ['40062 40003', retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' })],
]);

/** The channel belongs to the webhook: one that is gone is the end of the connection, which must not be used again. */
const WEBHOOK = tableOf([
  ...SHARED,
  ['10003 10013 10015 50008', unavailable('account_misconfigured')],
  ['50027', unavailable('credentials_invalid')],
  ['50001 50013 160002', unavailable('sender_not_allowed')],
  ['20016 20028 40062 40003', retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' })],
]);

/** What an answer that is no success means, and the code that stands for it. */
export function judge(response: HttpResponse, as: 'bot' | 'webhook'): { outcome: Outcome; code: string } {
  const { status } = response;
  const body = parseObject(response.body);
  const number = Number.isSafeInteger(body?.code) ? (body!.code as number) : 0;
  const code = number > 0 ? `${number}` : `${status}`;
  if (status === 429) return { outcome: throttled(body, as), code };
  const listed = number > 0 ? (as === 'bot' ? BOT : WEBHOOK).get(code) : undefined;
  return { outcome: listed ?? outcomeOfStatus(status, body !== null && 'message' in body), code };
}

/**
 * https://docs.discord.com/developers/topics/rate-limits: a bot has buckets for each channel, and one for all. Without JSON
 * it is not the API that answers: too many refused requests came from this address.
 */
function throttled(body: Record<string, unknown> | null, as: 'bot' | 'webhook'): Outcome {
  const seconds = body?.retry_after;
  if (typeof seconds !== 'number' || seconds < 0)
    return retry('rate_limited', { afterMs: MINUTE_MS, scope: 'connection' });
  const afterMs = Math.min(Math.ceil(seconds * SECOND_MS), LONGEST_WAIT_MS);
  return body?.global === true || as === 'webhook'
    ? retry('rate_limited', { afterMs, scope: 'connection' })
    : retry('recipient_rate_limited', { afterMs });
}
