import { type HttpResponse, type Outcome, rejected, type Token } from '../../contract.ts';
import { outcomeOfFetch, readAccessToken } from '../../wire/access-token.ts';
import { parseExactObject } from '../../wire/exact-json.ts';
import { outcomeOfStatus } from '../../wire/verdict.ts';
import { withDetails } from '../../wire/with-details.ts';

const MARGIN_MS = 180_000;

/** The body of an answer whose `code` is 0, or what the code of a refusal (with HTTP 200 or 400) means. */
export function readAnswer(
  { status, headers, body }: HttpResponse,
  codes: ReadonlyMap<string, Outcome>,
  now: number,
): { answer: Record<string, unknown> } | { outcome: Outcome } {
  const answer = parseExactObject(body);
  const told = Number.isSafeInteger(answer?.code) ? `${answer!.code}` : undefined;
  if (answer && told === '0' && status >= 200 && status < 300) return { answer };
  const isTold = told !== undefined && told !== '0';
  const code = isTold ? told : `${status}`;
  const known = isTold ? codes.get(told) : undefined;
  // With its code the vendor says that it took nothing, also beside a 5xx.
  const other = isTold && status < 429 ? rejected('request_invalid') : outcomeOfStatus(status, isTold);
  const outcome = withDetails(known ?? other, { code, headers, now });
  return { outcome: withReset(outcome, headers['x-ogw-ratelimit-reset']) };
}

/** Seconds until more is taken, in a header of its own. https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control */
function withReset(outcome: Outcome, reset: string | undefined): Outcome {
  if (outcome.kind !== 'retry' || !/^\d{1,6}$/.test(reset ?? '')) return outcome;
  return { ...outcome, afterMs: Number(reset) * 1000 };
}

/** The token of an answer, or what its absence means. */
export function readToken(
  response: HttpResponse,
  codes: ReadonlyMap<string, Outcome>,
  now: number,
): { token: Token } | { outcome: Outcome } {
  const read = readAnswer(response, codes, now);
  if ('outcome' in read) return { outcome: outcomeOfFetch(read.outcome, response.status) };
  const { tenant_access_token, expire } = read.answer;
  const told = { access_token: tenant_access_token, expires_in: expire };
  const token = readAccessToken(told, { now, marginMs: MARGIN_MS });
  return token ? { token } : { outcome: outcomeOfFetch(null, response.status) };
}
