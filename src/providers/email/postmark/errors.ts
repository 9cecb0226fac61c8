import {
  accepted,
  type HttpResponse,
  type Outcome,
  parseObject,
  rejected,
  retry,
  unavailable,
  unknown,
} from '../../contract.ts';
import { withDetails } from '../../wire/with-details.ts';
import { asText, parseJson } from '../mail/vendor-json.ts';
import { DEAD, OPTED_OUT, outcomeOfStatus } from '../mail/verdict.ts';

const HOUR_MS = 3_600_000;

/** https://postmarkapp.com/developer/api/overview#error-codes: numbers that only look like those of HTTP. */
const TABLE: [codes: string, outcome: Outcome][] = [
  ['10', unavailable('credentials_invalid')],
  ['100', retry('provider_unavailable')],
  // On the server's list of suppressions, for a hard bounce, a complaint or by hand: it does not say for which.
  ['406', OPTED_OUT],
  // Not a sender signature of this account, or not confirmed.
  ['400 401', unavailable('sender_not_allowed')],
  ['405', unavailable('quota_exhausted', { afterMs: HOUR_MS })],
  // Pending approval; not allowed to send at all.
  ['412 413', unavailable('account_suspended')],
  // No template of this id or alias; a type of attachment that is not taken.
  ['411 1101', rejected('content_invalid')],
  // Several mistakes; not JSON; too many in a batch.
  ['11 300 402 403 409 410', rejected('request_invalid')],
  // The message stream: missing, archived, of the wrong kind.
  [
    '1221 1222 1223 1224 1225 1226 1227 1228 1229 1230 1231 1232 1233 1234 1235 1236',
    unavailable('account_misconfigured'),
  ],
];

const BY_CODE = new Map(
  TABLE.flatMap(([codes, outcome]) => codes.split(' ').map((code) => [Number(code), outcome] as const)),
);

/** The code in the body decides, whatever the status: an error can come with 200. */
export function outcomeOfAnswer(response: HttpResponse, now: number): Outcome {
  const { status } = response;
  const body = parseObject(response.body);
  const errorCode = body?.ErrorCode;
  const isSuccess = status >= 200 && status < 300;
  if (isSuccess && errorCode === 0) return accepted(asText(body?.MessageID));
  if (typeof errorCode === 'number' && errorCode !== 0) {
    const said = asText(body?.Message) ?? '';
    const outcome = refine(errorCode, said) ?? BY_CODE.get(errorCode) ?? outcomeOfUnlisted(status);
    return withDetails(outcome, { code: String(errorCode), headers: response.headers, now });
  }
  if (isSuccess) return unknown('response_unreadable', { code: String(status) });
  // A firewall in front of the API, which refuses our address: Postmark's own refusals have a code.
  if (status === 403) return unavailable('account_misconfigured', { code: '403' });
  return withDetails(outcomeOfStatus(status), { code: String(status), headers: response.headers, now });
}

/**
 * Of a batch, which answers 200 with one answer for each mail in their order. Anything else is said of all of them; an
 * answer that has not one for each tells of none.
 */
export function outcomesOfBatch(response: HttpResponse, count: number, now: number): Outcome[] {
  const answers = parseJson(response.body);
  const isWhole = response.status === 200 && Array.isArray(answers) && answers.length === count;
  if (!isWhole) return Array<Outcome>(count).fill(outcomeOfAnswer(response, now));
  return answers.map((answer) => outcomeOfAnswer({ ...response, body: JSON.stringify(answer ?? null) }, now));
}

/** 300 is said of any field, in words: "Invalid 'To' address: 'ann@'.", "Error parsing 'From': Illegal email domain". */
function refine(errorCode: number, said: string): Outcome | undefined {
  if (errorCode !== 300) return undefined;
  if (/'To'/.test(said)) return DEAD;
  return /'From'/.test(said) ? unavailable('sender_not_allowed') : undefined;
}

/** An error with 200 sent nothing either. */
function outcomeOfUnlisted(status: number): Outcome {
  return status >= 200 && status < 300 ? rejected('request_invalid') : outcomeOfStatus(status);
}
