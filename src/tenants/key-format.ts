import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Secret } from '../lib/secret.ts';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
// 190 random bits. The hint shows 24 bits of the checksum, and 166 stay unknown.
const RANDOM_CHARACTERS = 32;
// The largest 32-bit number has six base62 digits.
const CHECKSUM_CHARACTERS = 6;
const FORMAT = new RegExp(`^bh_(?:live|test)_[0-9A-Za-z]{${RANDOM_CHARACTERS + CHECKSUM_CHARACTERS}}$`);
const HINT_CHARACTERS = 4;

/** A new API key: `bh_live_` or `bh_test_`, random characters, checksum. Whoever finds it in a text can tell what it is. */
export function generateKey(live: boolean): Secret {
  const body = prefixOf(live) + randomBase62(RANDOM_CHARACTERS);
  return new Secret(body + checksum(body));
}

/** False for what cannot be one of our keys (typos, cut copies), without asking the database. */
export function hasKeyFormat(token: string): boolean {
  if (!FORMAT.test(token)) return false;
  return checksum(token.slice(0, -CHECKSUM_CHARACTERS)) === token.slice(-CHECKSUM_CHARACTERS);
}

/** What is kept of a key (base64). A plain hash is enough: there is nothing to guess in 190 random bits. */
export function hashKey(token: string): string {
  return hash('sha256', token, 'base64');
}

/** What lists show of a key: `bh_live_…x7Qp`. */
export function hintOf(key: Secret, live: boolean): string {
  return `${prefixOf(live)}…${key.reveal().slice(-HINT_CHARACTERS)}`;
}

export function prefixOf(live: boolean): string {
  return live ? 'bh_live_' : 'bh_test_';
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_CHARACTERS; i++) {
    digits = BASE62[rest % 62]! + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      // 248 is the largest multiple of 62 in a byte; what lies above would make some digits likelier.
      if (byte < 248 && text.length < length) text += BASE62[byte % 62];
    }
  }
  return text;
}
