import { createPrivateKey, type KeyObject } from 'node:crypto';
import { Secret } from '../../../lib/secret.ts';
import {
  type HttpRequest,
  type HttpResponse,
  type Outcome,
  parseObject,
  parseRetryAfter,
  retry,
  type Token,
  unavailable,
} from '../../contract.ts';
import { parseCode } from '../../wire/parse-code.ts';
import { signJwt } from '../../wire/sign-jwt.ts';

const GOOGLE_TOKEN_URI = 'https://oauth2.googleapis.com/token';
const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging';
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ASSERTION_LIFE_SECONDS = 3_600;
/** What fits into a header; Google's have hundreds of characters. */
const TOKEN = /^[\x21-\x7e]{16,}$/;
const MARGIN_MS = 5 * 60_000;

export interface ServiceAccount {
  projectId: string;
  clientEmail: string;
  privateKeyId?: string;
  privateKey: string;
  tokenUri: string;
}

const ACCOUNTS = new WeakMap<Secret, ServiceAccount>();
const KEYS = new WeakMap<ServiceAccount, KeyObject>();

/** The key file of a service account, read once for each stored configuration. */
export function parseServiceAccount(json: Secret): ServiceAccount {
  const known = ACCOUNTS.get(json);
  if (known) return known;
  const file = parseObject(json.reveal()) ?? {};
  const read = (name: string) => (typeof file[name] === 'string' ? (file[name] as string) : undefined);
  const account = {
    projectId: read('project_id') ?? '',
    clientEmail: read('client_email') ?? '',
    privateKeyId: read('private_key_id'),
    privateKey: read('private_key') ?? '',
    tokenUri: read('token_uri') ?? GOOGLE_TOKEN_URI,
  };
  ACCOUNTS.set(json, account);
  return account;
}

/** https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
export function buildTokenRequest(account: ServiceAccount, now: number): HttpRequest {
  const iat = Math.floor(now / 1000);
  const claims = {
    iss: account.clientEmail,
    scope: SCOPE,
    aud: account.tokenUri,
    iat,
    exp: iat + ASSERTION_LIFE_SECONDS,
  };
  const { privateKeyId } = account;
  const header = { alg: 'RS256', typ: 'JWT', ...(privateKeyId && { kid: privateKeyId }) } as const;
  const assertion = signJwt(header, claims, parseKey(account));
  return {
    method: 'POST',
    url: account.tokenUri,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams({ grant_type: GRANT_TYPE, assertion }).toString(),
  };
}

/** A failed fetch sent nothing, so none of its outcomes is *unknown*. */
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
  const code = parseCode(reply?.error) ?? String(status);
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  const later = { code, scope: 'connection', ...(afterMs !== undefined && { afterMs }) } as const;
  if (status === 429) return { outcome: retry('rate_limited', later) };
  if (status === 408) return { outcome: retry('timeout', later) };
  if (status >= 500) return { outcome: retry('provider_error', later) };
  // 400 invalid_grant (unknown account, key withdrawn, wrong clock), 401 invalid_client, 403.
  if (status >= 400) return { outcome: unavailable('credentials_invalid', { code }) };
  return { outcome: retry('response_unreadable', later) };
}

/** Milliseconds of `expires_in`; Google never gives more than an hour, so anything else is no life span. */
function parseLife(seconds: unknown): number {
  const isLife = typeof seconds === 'number' && seconds >= 1 && seconds <= ASSERTION_LIFE_SECONDS;
  return (isLife ? seconds : ASSERTION_LIFE_SECONDS) * 1000;
}

function parseKey(account: ServiceAccount): KeyObject {
  const known = KEYS.get(account);
  if (known) return known;
  const key = createPrivateKey(account.privateKey);
  KEYS.set(account, key);
  return key;
}
