import { createCipheriv, createECDH, createHmac } from 'node:crypto';

/** Order of the group of P-256. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const RECORD_BYTES = 4_096;
const POINT_BYTES = 65;
const LAST_RECORD = 2;

/** The public half of a subscription, as bytes. */
export interface SubscriptionKeys {
  /** P-256 point of the browser, uncompressed. */
  p256dh: Uint8Array;
  /** The secret shared with the browser, 16 bytes. */
  auth: Uint8Array;
}

/** What is fresh for every message. */
export interface FreshKeys {
  /** 32 bytes. */
  privateKey: Uint8Array;
  /** 16 bytes. */
  salt: Uint8Array;
}

/**
 * The body of a push message, `aes128gcm` in one record: RFC 8291, 3.4 over RFC 8188, 2.1.
 * https://www.rfc-editor.org/rfc/rfc8291 Null when `p256dh` is not a point of the curve.
 */
export function encrypt(plaintext: Uint8Array, keys: SubscriptionKeys, fresh: FreshKeys): Uint8Array | null {
  const sender = createECDH('prime256v1');
  sender.setPrivateKey(toScalar(fresh.privateKey));
  const senderPublic = sender.getPublicKey();
  let shared: Uint8Array;
  try {
    shared = sender.computeSecret(keys.p256dh);
  } catch {
    return null;
  }
  const keyInfo = Buffer.concat([Buffer.from('WebPush: info\0'), keys.p256dh, senderPublic]);
  const { key, nonce } = deriveRecordKeys(hkdf(keys.auth, shared, keyInfo, 32), fresh.salt);
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(RECORD_BYTES);
  header.writeUInt8(POINT_BYTES, 4);
  return Buffer.concat([
    fresh.salt,
    header,
    senderPublic,
    cipher.update(plaintext),
    cipher.update(Uint8Array.of(LAST_RECORD)),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
}

/** RFC 8188, 2.2 and 2.3. */
export function deriveRecordKeys(
  keyMaterial: Uint8Array,
  salt: Uint8Array,
): { key: Uint8Array; nonce: Uint8Array } {
  const prk = extract(salt, keyMaterial);
  return {
    key: expand(prk, Buffer.from('Content-Encoding: aes128gcm\0'), 16),
    nonce: expand(prk, Buffer.from('Content-Encoding: nonce\0'), 12),
  };
}

/** HKDF with SHA-256 (RFC 5869) of at most 32 bytes: one block. */
export function hkdf(salt: Uint8Array, secret: Uint8Array, info: Uint8Array, bytes: number): Uint8Array {
  return expand(extract(salt, secret), info, bytes);
}

function extract(salt: Uint8Array, secret: Uint8Array): Uint8Array {
  return createHmac('sha256', salt).update(secret).digest();
}

function expand(prk: Uint8Array, info: Uint8Array, bytes: number): Uint8Array {
  return createHmac('sha256', prk).update(info).update(Uint8Array.of(1)).digest().subarray(0, bytes);
}

/** One random value in 2³² is no private key (0, or not below the order): those few are folded into the range. */
function toScalar(random: Uint8Array): Uint8Array {
  const value = BigInt(`0x${Buffer.from(random).toString('hex')}`);
  if (value > 0n && value < ORDER) return random;
  return Buffer.from(((value % (ORDER - 1n)) + 1n).toString(16).padStart(64, '0'), 'hex');
}
