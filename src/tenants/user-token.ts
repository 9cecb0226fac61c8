import { createHmac, timingSafeEqual } from 'node:crypto';
import { USER_SCOPES, type UserScope } from '../http/index.ts';
import { isUuid } from '../lib/ids.ts';

/** What a token says. Times in milliseconds since the epoch, whole seconds. */
export interface UserClaims {
  tenantId: string;
  /** The caller's id of the user. */
  externalId: string;
  live: boolean;
  scopes: readonly UserScope[];
  /** Of the token, for logs and limits. */
  id: string;
  expiresAt: number;
  /** Until when a stream that it opened may go on; else as long as the token. */
  streamsUntil?: number;
}

/** Which key signed a token. Proves nothing. */
export interface TokenOrigin {
  tenantId: string;
  version: number;
}

// RFC 7519; one algorithm, so that none can be chosen by who sends a token (RFC 8725, 3.1).
const HEADER = /^\{"alg":"HS256","typ":"JWT","kid":"(\d{1,9})"\}$/;
const TOKEN = /^(eyJ[\w-]+)\.([\w-]+)\.([\w-]{43})$/;
const MAX_LENGTH = 4_096;

/** API keys look otherwise; no more is looked at on their way. */
export function looksLikeUserToken(text: string): boolean {
  return text.startsWith('eyJ');
}

/** A JWT (HS256) with the claims sub, tenant, live, scope, iat, exp, jti. Pure. */
export function writeUserToken(
  claims: UserClaims,
  key: { version: number; secret: string },
  now: number,
): string {
  const header = encode(JSON.stringify({ alg: 'HS256', typ: 'JWT', kid: String(key.version) }));
  const payload = encode(
    JSON.stringify({
      sub: claims.externalId,
      tenant: claims.tenantId,
      live: claims.live,
      scope: claims.scopes.join(' '),
      iat: Math.floor(now / 1_000),
      exp: claims.expiresAt / 1_000,
      jti: claims.id,
      ...(claims.streamsUntil === undefined ? {} : { until: claims.streamsUntil / 1_000 }),
    }),
  );
  return `${header}.${payload}.${sign(`${header}.${payload}`, key.secret)}`;
}

/** Whose key is to be tried; null when it is no token of ours at all. Pure. */
export function originOfUserToken(token: string): TokenOrigin | null {
  const [, header, payload] = split(token) ?? [];
  const kid = header && HEADER.exec(decode(header))?.[1];
  const claims = kid ? parseObject(payload!) : null;
  if (!claims || typeof claims.tenant !== 'string' || !isUuid(claims.tenant)) return null;
  return { tenantId: claims.tenant, version: Number(kid) };
}

/** Null when a byte of it is not as it was signed, or it is over. Pure. */
export function readUserToken(token: string, secret: string, now: number): UserClaims | null {
  const parts = split(token);
  if (!parts) return null;
  const [, header, payload, signature] = parts;
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(sign(`${header}.${payload}`, secret))))
    return null;
  const claims = parseObject(payload);
  if (!claims || !(Number(claims.exp) * 1_000 > now)) return null;
  return {
    tenantId: String(claims.tenant),
    externalId: String(claims.sub),
    live: claims.live === true,
    scopes: String(claims.scope)
      .split(' ')
      .filter((scope) => USER_SCOPES.includes(scope as UserScope)) as UserScope[],
    id: String(claims.jti),
    expiresAt: Number(claims.exp) * 1_000,
    ...(claims.until === undefined ? {} : { streamsUntil: Number(claims.until) * 1_000 }),
  };
}

/** What a customer's server puts beside a user's id to prove that it may speak for him: hex HMAC-SHA256. */
export function subscriberHash(secret: string, externalId: string): string {
  return createHmac('sha256', secret).update(externalId).digest('hex');
}

/** In constant time. */
export function isSubscriberHash(hash: string, secret: string, externalId: string): boolean {
  const [given, right] = [Buffer.from(hash), Buffer.from(subscriberHash(secret, externalId))];
  return given.length === right.length && timingSafeEqual(given, right);
}

/** The secret itself is known to the customer, for subscriber hashes: tokens are signed with what only we derive. */
function sign(text: string, secret: string): string {
  const key = createHmac('sha256', secret).update('bellhop user token').digest();
  return createHmac('sha256', key).update(text).digest('base64url');
}

function split(token: string): [string, string, string, string] | null {
  return token.length <= MAX_LENGTH ? (TOKEN.exec(token) as [string, string, string, string] | null) : null;
}

function parseObject(payload: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(decode(payload));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function decode(text: string): string {
  return Buffer.from(text, 'base64url').toString('utf8');
}
