import { MaskedUrl, Secret } from '../../../lib/secret.ts';
import { type HttpResponse, type Outcome, rejected, type Token } from '../../contract.ts';
import { outcomeOfFetch, readAccessToken } from '../../wire/access-token.ts';
import { parseExactObject } from '../../wire/exact-json.ts';
import { outcomeOfStatus } from '../../wire/verdict.ts';
import { withDetails } from '../../wire/with-details.ts';

/** By `errcode`. */
export type Codes = ReadonlyMap<string, Outcome>;

/** WeChat makes the next token in the last five minutes, in which both are good. */
const MARGIN_MS = 300_000;

/** An address with parameters in its query; those that are secrets are masked in print. */
export function withQuery(url: string, parameters: Record<string, string | Secret>): MaskedUrl {
  const query = (write: (value: string | Secret) => string) =>
    Object.entries(parameters).map(([name, value]) => `${name}=${write(value)}`);
  const open = query((value) => encodeURIComponent(value instanceof Secret ? value.reveal() : value));
  const masked = query((value) => (value instanceof Secret ? '***' : encodeURIComponent(value)));
  return new MaskedUrl(`${url}?${open.join('&')}`, `${url}?${masked.join('&')}`);
}

/**
 * The body of an answer whose `errcode` is 0, or what the code of a refusal means. These vendors answer 200 to whatever
 * reaches them; the words beside a code are not to be relied on.
 */
export function readAnswer(
  { status, headers, body }: HttpResponse,
  codes: Codes,
  now: number,
): { answer: Record<string, unknown> } | { outcome: Outcome } {
  const answer = parseExactObject(body);
  const errcode = Number.isSafeInteger(answer?.errcode) ? `${answer!.errcode}` : undefined;
  if (answer && errcode === '0' && status >= 200 && status < 300) return { answer };
  const outcome =
    errcode === undefined || errcode === '0'
      ? outcomeOfStatus(status, false)
      : (codes.get(errcode) ?? rejected('request_invalid'));
  const code = errcode === undefined || errcode === '0' ? `${status}` : errcode;
  return { outcome: withDetails(outcome, { code, headers, now }) };
}

/** The token of an answer, or what its absence means. */
export function readToken(
  response: HttpResponse,
  codes: Codes,
  now: number,
): { token: Token } | { outcome: Outcome } {
  const reply = response.status === 200 ? parseExactObject(response.body) : null;
  const token = readAccessToken(reply, { now, marginMs: MARGIN_MS });
  if (token) return { token };
  const read = readAnswer(response, codes, now);
  return { outcome: outcomeOfFetch('outcome' in read ? read.outcome : null, response.status) };
}
