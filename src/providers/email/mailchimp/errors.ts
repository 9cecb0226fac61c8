import {
  accepted,
  type HttpResponse,
  type Outcome,
  rejected,
  retry,
  unavailable,
  unknown,
} from '../../contract.ts';
import { parseCode } from '../../wire/parse-code.ts';
import { withDetails } from '../../wire/with-details.ts';
import { asObject, asText, parseJson } from '../mail/vendor-json.ts';
import { DEAD, OPTED_OUT, outcomeOfStatus } from '../mail/verdict.ts';

const THROTTLED = retry('rate_limited', { afterMs: 30_000, scope: 'connection' });

/** https://mailchimp.com/developer/transactional/docs/error-glossary/, by name: nearly all come with HTTP 500. */
const BY_NAME = new Map<string, Outcome>([
  ['Invalid_Key', unavailable('credentials_invalid')],
  ['PaymentRequired', unavailable('account_suspended')],
  ['Unknown_Subaccount', unavailable('account_misconfigured')],
  ['Unknown_Template', unavailable('account_misconfigured')],
  ['ValidationError', rejected('request_invalid')],
  ['GeneralError', retry('provider_error')],
  ['ServiceUnavailable', retry('provider_unavailable')],
]);

/** `reject_reason` of the one recipient, which stands in an answer of 200. */
const BY_REJECT_REASON = new Map<string, Outcome>([
  ['hard-bounce', DEAD],
  ['invalid', DEAD],
  // On the list for a while only.
  ['soft-bounce', rejected('recipient_unreachable')],
  ['spam', OPTED_OUT],
  ['unsub', OPTED_OUT],
  ['custom', OPTED_OUT],
  ['invalid-sender', unavailable('sender_not_allowed')],
  ['unsigned', unavailable('sender_not_allowed')],
  ['test-mode-limit', unavailable('quota_exhausted', { afterMs: 3_600_000 })],
  // A rule that somebody made in the account, for mails like this.
  ['rule', rejected('content_refused')],
]);

export function outcomeOfAnswer(response: HttpResponse, now: number): Outcome {
  const { status } = response;
  const body = parseJson(response.body);
  const name = parseCode(asObject(body).name);
  if (status >= 200 && status < 300 && asObject(body).status !== 'error') return judgeRecipient(body, status);
  const known = BY_NAME.get(name ?? '');
  const outcome = known ?? outcomeOfUnlisted(status, name);
  return withDetails(outcome, { code: name ?? String(status), headers: response.headers, now });
}

/** One recipient was named, so one verdict comes back. */
function judgeRecipient(body: unknown, httpStatus: number): Outcome {
  const { status, _id, reject_reason } = asObject(Array.isArray(body) ? body[0] : null);
  switch (status) {
    case 'sent':
    case 'queued':
    case 'scheduled':
      return accepted(asText(_id));
    case 'invalid':
      return { ...DEAD, code: 'invalid' } as Outcome;
    case 'rejected': {
      const reason = asText(reject_reason) ?? '';
      const outcome = BY_REJECT_REASON.get(reason);
      return (
        outcome ? { ...outcome, code: reason } : rejected('content_refused', { code: 'rejected' })
      ) as Outcome;
    }
    default:
      return unknown('response_unreadable', { code: String(httpStatus) });
  }
}

function outcomeOfUnlisted(status: number, name: string | undefined): Outcome {
  if (status === 429) return THROTTLED;
  // An error with 200 sent nothing either; one with a name of its own was told by the API, not by a gateway.
  if (name !== undefined && (status < 300 || status === 500)) return rejected('request_invalid');
  return outcomeOfStatus(status);
}
