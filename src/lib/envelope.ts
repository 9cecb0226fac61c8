import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

// NIST SP 800-38D, 8.2.2: 96 random bits, good for 2^32 messages under one key.
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHM = 'aes-256-gcm';

export const KEY_BYTES = 32;

/**
 * Encrypts with AES-256-GCM: nonce, tag, ciphertext. `context` says where the value belongs (tenant, row, field …);
 * it is authenticated, not stored, so a ciphertext that was moved elsewhere does not open.
 */
export function seal(key: Buffer, plaintext: string | Buffer, context: readonly (string | number)[]): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(encode(context));
  const ciphertext = Buffer.concat([cipher.update(asBuffer(plaintext)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
}

/** The plaintext, or null when key, context or a byte of it is not what it was sealed with. */
export function unseal(key: Buffer, sealed: Buffer, context: readonly (string | number)[]): Buffer | null {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(encode(context)).setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
  } catch {
    return null;
  }
}

/** JSON keeps the parts apart: ["a", "bc"] and ["ab", "c"] are different contexts. */
function encode(context: readonly (string | number)[]): Buffer {
  return Buffer.from(JSON.stringify(context));
}

function asBuffer(plaintext: string | Buffer): Buffer {
  return typeof plaintext === 'string' ? Buffer.from(plaintext, 'utf8') : plaintext;
}
