import { type Outcome, rejected, retry, unavailable, unknown } from '../../contract.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const suppress = { effect: { type: 'suppress-contact' } } as const;

/**
 * https://www.twilio.com/docs/api/errors: 2xxxx and 6xxxx answer a request, 3xxxx and 63xxx come in status callbacks
 * (63xxx: WhatsApp and other channels). Twilio splits codes over time, so a missing one is judged by its range.
 */
const TABLE: [codes: string, outcome: Outcome][] = [
  // Not a number, not a mobile, a landline, unknown to the carrier.
  [
    '21211 21217 21265 21614 21635 21662 60205 30005 30006 63003 63024',
    rejected('recipient_invalid', suppress),
  ],
  // The recipient answered STOP, or blocked the sender.
  ['21610 30004 63033', rejected('recipient_opted_out', suppress)],
  // No route for this pair of numbers; validity period expired.
  ['21214 21612 30036', rejected('recipient_unreachable')],
  // Handset off or out of coverage.
  ['30003', retry('recipient_unreachable')],

  ['21602 21619 21620 21623 21654 21655 21656 63016', rejected('content_invalid')],
  ['21605 21617 30019', rejected('content_too_large')],
  // Refused content; filtered by the carrier; SMS pumping protection.
  ['21618 30007 30450', rejected('content_refused')],
  // To, callback or validity period malformed; price cap of the request.
  ['21604 21609 21624 30010', rejected('request_invalid')],

  // A region that is switched off, or a trial account and an unverified number: this recipient, not the connection.
  // Its breaker stays shut, else one number from such a region would stop everybody's messages.
  ['21408 21608 21219', rejected('account_misconfigured')],
  [
    '21212 21601 21603 21606 21607 21616 21621 21622 21659 21660 21661 63007',
    unavailable('sender_not_allowed'),
  ],
  // Sender id, toll-free or 10DLC registration.
  ['30018 30024 30032 30033 30034 30035 30440', unavailable('sender_not_allowed')],
  ['20404 21701 21703 21704 21705 21709 21711', unavailable('account_misconfigured')],
  ['20003 63001', unavailable('credentials_invalid')],
  ['10001 20005 30002', unavailable('account_suspended')],
  // The account's cap over a rolling 24 hours; the daily caps of a 10DLC brand or campaign.
  ['63038 30023 30027', unavailable('quota_exhausted', { afterMs: 60 * MINUTE_MS })],

  // The sender's queue of ten hours is full.
  ['21611', retry('rate_limited', { afterMs: MINUTE_MS, scope: 'connection' })],
  ['20429', retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' })],
  // Too many messages between the same two numbers.
  ['14107', retry('rate_limited', { afterMs: SECOND_MS })],
  ['30001 30022 30025 30026 63018', retry('rate_limited')],
  ['20500 30008 30017 30020 30021 30410 63012', retry('provider_error')],
  ['20503', retry('provider_unavailable')],
];

const BY_CODE = new Map(
  TABLE.flatMap(([codes, outcome]) => codes.split(' ').map((code) => [code, outcome] as const)),
);

/** What Twilio's error code means, or undefined when the table does not have it. */
export function outcomeOf(code: string): Outcome | undefined {
  return BY_CODE.get(code);
}

/** By the range of the code and the HTTP status: 216xx is about the message, other 4xx about the account. */
export function outcomeOfUnlisted(status: number, code: string): Outcome {
  if (/^216\d\d$/.test(code)) return rejected('request_invalid');
  if (status === 401 || status === 403) return unavailable('credentials_invalid');
  if (status === 408) return retry('timeout');
  if (status === 413) return rejected('content_too_large');
  if (status === 429) return retry('rate_limited', { afterMs: SECOND_MS, scope: 'connection' });
  if (status === 503) return retry('provider_unavailable');
  // A gateway in front of the API: whether the message went through is not known, and Twilio has no dedupe key.
  if (status >= 500) return unknown('provider_error');
  if (status < 200) return unknown('response_unreadable');
  return unavailable('account_misconfigured');
}
