import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a token lets its bearer do; one that was made for something else does not open. */
export const PURPOSES = ['preferences', 'unsubscribe', 'opt-in', 'undo'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** Whom a token is about, and what. */
export interface TokenSubject {
  purpose: Purpose;
  tenantId: string;
  /** Ours, so that an address of the caller's making (often an e-mail address) does not stand in a URL. */
  userId: string;
  /** Made on behalf of a live key or notification. */
  live: boolean;
  /** What else the purpose needs to know. */
  detail: string;
}

const VERSION = 1;
const LIVE = 0x80;
const ID_BYTES = 16;
const HEAD_BYTES = 2 + 2 * ID_BYTES;
/** RFC 2104, 5: at least half of the hash; 128 bits cannot be guessed over a network. */
const MAC_BYTES = 16;

/** Version, purpose, tenant, user, detail and their HMAC-SHA256, in base64url. Pure. */
export function writeToken({ purpose, tenantId, userId, live, detail }: TokenSubject, key: Buffer): string {
  const signed = Buffer.concat([
    Buffer.from([VERSION, PURPOSES.indexOf(purpose) | (live ? LIVE : 0)]),
    idToBytes(tenantId),
    idToBytes(userId),
    Buffer.from(detail),
  ]);
  return Buffer.concat([signed, macOf(signed, key)]).toString('base64url');
}

/** The tenant that a token names, whose key is to be tried; null when it is none of ours at all. Proves nothing. */
export function tenantOfToken(token: string): string | null {
  const bytes = decode(token);
  return bytes && bytesToId(bytes.subarray(2, 2 + ID_BYTES));
}

/** What a token says; null when a byte of it is not as it was signed, or it was made for another purpose. Pure. */
export function readToken(token: string, purpose: Purpose, key: Buffer): TokenSubject | null {
  const bytes = decode(token);
  if (!bytes) return null;
  const signed = bytes.subarray(0, -MAC_BYTES);
  if (!timingSafeEqual(bytes.subarray(-MAC_BYTES), macOf(signed, key))) return null;
  if ((signed[1]! & ~LIVE) !== PURPOSES.indexOf(purpose)) return null;
  return {
    purpose,
    tenantId: bytesToId(signed.subarray(2, 2 + ID_BYTES)),
    userId: bytesToId(signed.subarray(2 + ID_BYTES, HEAD_BYTES)),
    live: (signed[1]! & LIVE) !== 0,
    detail: signed.subarray(HEAD_BYTES).toString(),
  };
}

/** Base64 has spellings that decode to the same bytes: only ours is taken, so that no changed token opens. */
function decode(token: string): Buffer | null {
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length < HEAD_BYTES + MAC_BYTES || bytes[0] !== VERSION) return null;
  return bytes.toString('base64url') === token ? bytes : null;
}

function macOf(signed: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', key).update('bellhop link ').update(signed).digest().subarray(0, MAC_BYTES);
}

function idToBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

function bytesToId(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
