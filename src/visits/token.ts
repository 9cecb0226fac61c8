import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/** What a token was made for; one that was made for something else does not open. */
export const KINDS = ['link', 'pixel', 'beacon'] as const;
export type Kind = (typeof KINDS)[number];

/** What a tracked address says of itself, before anything is looked up. */
export interface Tracked {
  kind: Kind;
  tenantId: string;
  deliveryId: string;
  /** When the message was handed over (ms since the epoch, to the second). */
  sentAt: number;
  /** Which link of the message, from 0; 0 for what is no link. */
  link: number;
  /** Where the link leads: http or https. Empty for what is no link. */
  url: string;
}

/** Longer addresses are not tracked: ours hold them whole and stay under 3,000 characters. RFC 9110, 4.1 wants 8,000 to work. */
export const MAX_URL = 2_048;
/** Of one message; those after them lead where they always led. */
export const MAX_LINKS = 200;

const VERSION = 1;
const ID_BYTES = 16;
const TIME_AT = 2 + 2 * ID_BYTES;
const LINK_AT = TIME_AT + 4;
const HEAD_BYTES = LINK_AT + 2;
/** RFC 2104, 5: at least half of the hash; 128 bits cannot be guessed over a network. */
const MAC_BYTES = 16;
const MAX_CHARS = Math.ceil(((HEAD_BYTES + MAX_URL + MAC_BYTES) * 4) / 3);
const WEB = /^https?:\/\//;

export function toSigningKey(key: Buffer): KeyObject {
  return createSecretKey(key);
}

/** What the tokens of one message have in common. */
export function writeHead({
  tenantId,
  deliveryId,
  sentAt,
}: Pick<Tracked, 'tenantId' | 'deliveryId' | 'sentAt'>): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES);
  bytes[0] = VERSION;
  bytes.write(tenantId.replaceAll('-', ''), 2, 'hex');
  bytes.write(deliveryId.replaceAll('-', ''), 2 + ID_BYTES, 'hex');
  bytes.writeUInt32BE(Math.max(0, Math.floor(sentAt / 1000)), TIME_AT);
  return bytes;
}

/** Version, kind, tenant, delivery, time, link, address and their HMAC-SHA256, in base64url. Pure. */
export function writeTracked(
  head: Buffer,
  { kind, link, url }: Pick<Tracked, 'kind' | 'link' | 'url'>,
  key: KeyObject,
): string {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + url.length + MAC_BYTES);
  head.copy(bytes);
  bytes[1] = KINDS.indexOf(kind);
  bytes.writeUInt16BE(link, LINK_AT);
  // Parsed addresses are ASCII: one byte a character.
  bytes.write(url, HEAD_BYTES, 'latin1');
  const signed = bytes.subarray(0, -MAC_BYTES);
  macOf(signed, key).copy(bytes, signed.length, 0, MAC_BYTES);
  return bytes.toString('base64url');
}

/** What a token says; null when a byte of it is not as it was signed, or it was made for another kind. Pure. */
export function readTracked(token: string, kind: Kind, key: KeyObject): Tracked | null {
  if (token.length > MAX_CHARS) return null;
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length < HEAD_BYTES + MAC_BYTES || bytes[0] !== VERSION) return null;
  // Base64 has spellings that decode to the same bytes: only ours is taken, so that no changed token opens.
  if (bytes.toString('base64url') !== token) return null;
  const signed = bytes.subarray(0, -MAC_BYTES);
  if (!timingSafeEqual(bytes.subarray(-MAC_BYTES), macOf(signed, key).subarray(0, MAC_BYTES))) return null;
  if (signed[1] !== KINDS.indexOf(kind)) return null;
  const url = signed.toString('latin1', HEAD_BYTES);
  // Nothing else is ever signed; whatever a mistake of ours may sign one day, no browser is sent to a script.
  if (kind === 'link' && !WEB.test(url)) return null;
  return {
    kind,
    tenantId: idAt(signed, 2),
    deliveryId: idAt(signed, 2 + ID_BYTES),
    sentAt: signed.readUInt32BE(TIME_AT) * 1000,
    link: signed.readUInt16BE(LINK_AT),
    url,
  };
}

function macOf(signed: Buffer, key: KeyObject): Buffer {
  return createHmac('sha256', key).update(signed).digest();
}

function idAt(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + ID_BYTES);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
