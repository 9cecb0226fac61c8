import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { Secret } from '../../lib/secret.ts';
import { isEqual } from './equal.ts';

/** PKCS#7 is filled up to this, not to the 16 bytes of AES: the runtime's own padding would refuse it. */
const PADDING_BLOCK = 32;
const RANDOM_BYTES = 16;
const LENGTH_BYTES = 4;

/**
 * The signature of posts to callbacks of WeChat, WeCom and DingTalk: SHA-1, in hex, of the parts put in order. The parts
 * are the token, timestamp and nonce, and for encrypted posts the ciphertext too.
 * https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Technical_Plan.html
 */
export function signParts(token: Secret, ...parts: string[]): string {
  return createHash('sha1')
    .update([token.reveal(), ...parts].sort().join(''))
    .digest('hex');
}

/** False too when a part is absent from the query. */
export function isSignedParts(given: string | null, token: Secret, ...parts: (string | null)[]): boolean {
  if (!given || parts.some((part) => !part)) return false;
  return isEqual(given, signParts(token, ...(parts as string[])));
}

/**
 * The text within a ciphertext, or null when it is none that this key made for one of the receivers. `receiveIds`: whom
 * the vendor may name at its end (WeChat the app id, WeCom the corporation's, DingTalk that or the app's key).
 * The plaintext is 16 random bytes ‖ length (4 bytes, big endian) ‖ text ‖ receiver.
 */
export function decryptText(
  encrypted: string,
  { encodingAesKey, receiveIds }: { encodingAesKey: Secret; receiveIds: readonly string[] },
): string | null {
  const cipher = Buffer.from(encrypted, 'base64');
  const key = keyOf(encodingAesKey);
  if (!key || cipher.length === 0 || cipher.length % 16 !== 0) return null;
  const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(cipher), decipher.final()]);
  const padding = padded.at(-1)!;
  const start = RANDOM_BYTES + LENGTH_BYTES;
  const end = padded.length - padding;
  if (padding < 1 || padding > PADDING_BLOCK || end < start) return null;
  const length = padded.readUInt32BE(RANDOM_BYTES);
  if (start + length > end) return null;
  const receiveId = padded.toString('utf8', start + length, end);
  return receiveIds.includes(receiveId) ? padded.toString('utf8', start, start + length) : null;
}

/** The ciphertext of an answer. `random`: 16 bytes. */
export function encryptText(
  text: string,
  { encodingAesKey, receiveId, random }: { encodingAesKey: Secret; receiveId: string; random: Uint8Array },
): string {
  const key = keyOf(encodingAesKey);
  if (!key || random.length !== RANDOM_BYTES) throw new Error('needs a key of 32 bytes and 16 random bytes');
  const message = Buffer.from(text);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(message.length);
  const plain = Buffer.concat([random, length, message, Buffer.from(receiveId)]);
  const padding = PADDING_BLOCK - (plain.length % PADDING_BLOCK);
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([plain, Buffer.alloc(padding, padding)]);
  return Buffer.concat([cipher.update(padded), cipher.final()]).toString('base64');
}

/** For the setting that holds the key: what the vendors' consoles make. */
export const AES_KEY_PATTERN = { regex: '[A-Za-z0-9]{43}', hint: '43 letters and digits' };

/** 43 characters of base64 hold 258 bits: the decoder has to leave the last two alone. */
function keyOf(encodingAesKey: Secret): Buffer | null {
  const key = Buffer.from(`${encodingAesKey.reveal()}=`, 'base64');
  return key.length === 32 ? key : null;
}
