import { Secret } from '../../../lib/secret.ts';
import {
  type HttpRequest,
  type HttpResponse,
  type Outcome,
  parseObject,
  retry,
  type Token,
  unavailable,
} from '../../contract.ts';
import { withDetails } from '../../wire/with-details.ts';

const MARGIN_MS = 5 * 60_000;
const LIFE_SECONDS = 3_600;
/** What fits into a header. */
const TOKEN = /^[\x21-\x7e]{16,}$/;

/** https://developer.huawei.com/consumer/en/doc/HMSCore-Guides/open-platform-oauth-0000001053629189 */
export function buildTokenRequest(url: string, clientId: string, clientSecret: Secret): HttpRequest {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret.reveal(),
  });
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new Secret(form.toString()),
  };
}

/** A failed fetch sent nothing, so none of its outcomes is *unknown*. A refusal may come with HTTP 200. */
export function parseTokenResponse(
  { status, headers, body }: HttpResponse,
  now: number,
): { token: Token } | { outcome: Outcome } {
  const reply = parseObject(body);
  if (status === 200 && typeof reply?.access_token === 'string' && TOKEN.test(reply.access_token)) {
    const lifeMs = parseLife(reply.expires_in);
    const expiresAt = now + lifeMs - Math.min(MARGIN_MS, lifeMs / 2);
    return { token: { value: new Secret(reply.access_token), expiresAt } };
  }
  const code = errorOf(reply?.error);
  const outcome = judgeRefusal(status, code !== undefined);
  return { outcome: withDetails(outcome, { code: code ?? `${status}`, headers, now }) };
}

function judgeRefusal(status: number, isNamed: boolean): Outcome {
  if (status === 429) return retry('rate_limited', { scope: 'connection' });
  if (status === 408) return retry('timeout', { scope: 'connection' });
  if (status >= 500) return retry('provider_error', { scope: 'connection' });
  if (status >= 400 || (status === 200 && isNamed)) return unavailable('credentials_invalid');
  return retry('response_unreadable', { scope: 'connection' });
}

function parseLife(seconds: unknown): number {
  const isLife = typeof seconds === 'number' && seconds >= 1 && seconds <= LIFE_SECONDS;
  return (isLife ? seconds : LIFE_SECONDS) * 1000;
}

/** A number such as 1101, or a word. */
function errorOf(value: unknown): string | undefined {
  const text = Number.isSafeInteger(value) ? `${value}` : value;
  return typeof text === 'string' && /^\w{1,64}$/.test(text) ? text : undefined;
}
