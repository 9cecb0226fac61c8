import {
  accepted,
  type HttpResponse,
  type Outcome,
  parseObject,
  parseRetryAfter,
  rejected,
  retry,
  unavailable,
  unknown,
} from '../../contract.ts';
import { withDetails } from '../../wire/with-details.ts';
import { asText } from '../mail/vendor-json.ts';
import { DEAD, outcomeOfStatus } from '../mail/verdict.ts';

const MINUTE_MS = 60_000;

/** "… limit exceeded, try again after Sat, 21 Nov 2026 12:00:30 UTC": a date of RFC 2822 in the words. */
const RETRY_DATE = /again after:? (\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [A-Z0-9+-]{1,5})/i;

/** Mailgun has no codes: what a refusal means stands in its status and its words. */
export function outcomeOfAnswer(response: HttpResponse, now: number): Outcome {
  const { status } = response;
  const body = parseObject(response.body);
  if (status >= 200 && status < 300) {
    const id = asText(body?.id);
    // Events carry the id without its brackets.
    return id === null
      ? unknown('response_unreadable', { code: `${status}` })
      : accepted(id.replace(/^<|>$/g, ''));
  }
  const said = asText(body?.message) ?? '';
  return withDetails(judge(status, said, now) ?? outcomeOfStatus(status), {
    code: String(status),
    headers: response.headers,
    now,
  });
}

function judge(status: number, said: string, now: number): Outcome | undefined {
  // 420: limits of a new account.
  if (status === 429 || status === 420) {
    const afterMs = parseRetryAfter(RETRY_DATE.exec(said)?.[1], now) ?? MINUTE_MS;
    return retry('rate_limited', { afterMs, scope: 'connection' });
  }
  // The domain is not the account's, or of the other region.
  if (status === 404) return unavailable('account_misconfigured');
  if (status !== 400 && status !== 403) return undefined;
  // "Sandbox subdomains are for test purposes only.": the address is not on the list of five.
  if (/sandbox subdomain/i.test(said)) return unavailable('account_misconfigured');
  // "Domain mg.example.com is not allowed to send: …"
  if (/not allowed to send/i.test(said)) return unavailable('sender_not_allowed');
  if (status === 403) return unavailable('account_misconfigured');
  // "'to' parameter is not a valid address. please check documentation", and the same of 'from'
  if (/^'?to'? parameter is not a valid address/i.test(said)) return DEAD;
  if (/^'?from'? parameter/i.test(said)) return unavailable('sender_not_allowed');
  return rejected('request_invalid');
}
