import { createHash, ECDH } from 'node:crypto';
import type { Platform } from '../providers/contract.ts';
import { parseHttpUrl } from './contact-address.ts';

export interface PushAddressInput {
  platform: Platform;
  token?: string;
  subscription?: { endpoint: string; keys: { p256dh: string; auth: string } };
}

/** Where a push message goes: a token, or the endpoint of a Web Push subscription and its keys. */
export interface PushAddress {
  token: string;
  keys: { p256dh: string; auth: string } | null;
}

type Parsed = PushAddress | { field: string; problem: string };

/** Reads a device's address in the one form it is stored in; `problem` is the rule that `field` broke. */
export function parsePushAddress(input: PushAddressInput): Parsed {
  if (input.platform === 'web') {
    if (input.token !== undefined) return { field: '/token', problem: 'is not for web: send "subscription"' };
    if (!input.subscription) return { field: '/subscription', problem: 'is required for the platform web' };
    return parseSubscription(input.subscription);
  }
  if (input.subscription) return { field: '/subscription', problem: 'is for the platform web only' };
  if (input.token === undefined) {
    return { field: '/token', problem: `is required for the platform ${input.platform}` };
  }
  return parseToken(input.platform, input.token);
}

/** What tells tokens apart; they may be too long for an index. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function parseToken(platform: Exclude<Platform, 'web'>, token: string): Parsed {
  switch (platform) {
    case 'ios':
    case 'macos':
      // Apple calls the length variable; today's tokens have 32 bytes.
      return /^(?:[0-9a-f]{2}){32,100}$/i.test(token)
        ? { token: token.toLowerCase(), keys: null }
        : { field: '/token', problem: 'must be an APNs token: 64 to 200 hexadecimal digits, an even number' };
    case 'android':
      return /^[A-Za-z0-9_:.=-]{1,4096}$/.test(token)
        ? { token, keys: null }
        : { field: '/token', problem: 'must be an FCM token: letters, digits and _ : . = - only' };
    case 'windows': {
      const parsed = parseHttpUrl(token);
      return 'address' in parsed
        ? { token: parsed.address, keys: null }
        : { field: '/token', problem: `must be a WNS channel URI: it ${parsed.problem}` };
    }
  }
}

/** A subscription as `PushSubscription.toJSON()` gives it (W3C Push API, 8; RFC 8291, 2.1). */
function parseSubscription({ endpoint, keys }: NonNullable<PushAddressInput['subscription']>): Parsed {
  const url = parseHttpUrl(endpoint);
  if ('problem' in url) return { field: '/subscription/endpoint', problem: url.problem };
  const p256dh = decodeBase64(keys.p256dh);
  if (!p256dh || !isPoint(p256dh)) {
    return {
      field: '/subscription/keys/p256dh',
      problem: 'must be an uncompressed P-256 point, 65 bytes, in base64url',
    };
  }
  const auth = decodeBase64(keys.auth);
  if (auth?.length !== 16) {
    return { field: '/subscription/keys/auth', problem: 'must be 16 bytes in base64url' };
  }
  return {
    token: url.address,
    keys: { p256dh: p256dh.toString('base64url'), auth: auth.toString('base64url') },
  };
}

/** Either alphabet, padded or not: older browsers' keys were often encoded by hand. */
function decodeBase64(text: string): Buffer | null {
  return /^[A-Za-z0-9_+/-]+={0,2}$/.test(text) ? Buffer.from(text, 'base64url') : null;
}

function isPoint(key: Buffer): boolean {
  if (key.length !== 65 || key[0] !== 0x04) return false;
  try {
    // Throws when the point is not on the curve.
    ECDH.convertKey(key, 'prime256v1');
    return true;
  } catch {
    return false;
  }
}
