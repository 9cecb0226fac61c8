import { createHmac, hash, hkdfSync, timingSafeEqual } from 'node:crypto';

/** What codes are made of; of letters those that nobody takes for another one. */
export const ALPHABETS = { digits: '0123456789', letters: '23456789ABCDEFGHJKLMNPQRSTUVWXYZ' } as const;
export type Alphabet = keyof typeof ALPHABETS;

const KEY_BYTES = 32;
const MARK_BYTES = 16;

/** A fair code. `draw(n)` gives a number of [0, n), each as likely as the others (`crypto.randomInt`). */
export function drawCode(
  { length, alphabet }: { length: number; alphabet: Alphabet },
  draw: (max: number) => number,
): string {
  const letters = ALPHABETS[alphabet];
  return Array.from({ length }, () => letters[draw(letters.length)]!).join('');
}

/** Arabic-Indic and Persian digits, which keyboards of those languages write. */
const OTHER_DIGITS = /[\u0660-\u0669\u06f0-\u06f9]/g;

/** What a person typed as the code it means: without blanks and dashes, in ASCII digits and capitals. Pure. */
export function readCode(typed: string): string {
  return typed
    .normalize('NFKC')
    .replace(OTHER_DIGITS, (digit) => String(digit.charCodeAt(0) & 0xf))
    .replace(/[\s\p{Pd}.]/gu, '')
    .toUpperCase();
}

/** The key of all hashes here, made from the tenant's data key, which a key outside of the database wraps. */
export function hashKeyFrom(dataKey: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, '', 'bellhop otp', KEY_BYTES));
}

/** Which code is meant: `sends` tells those of one OTP apart. */
export interface CodePlace {
  tenantId: string;
  id: string;
  sends: number;
}

/** What is stored of a code: without the key, trying all million codes finds nothing. */
export function hashCode(key: Buffer, { tenantId, id, sends }: CodePlace, code: string): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify(['code', tenantId, id, sends, code]))
    .digest();
}

/** What is stored of a session: by no key, since that of the code changes with the code. */
export function hashSession(id: string, sessionId: string): Buffer {
  return hash('sha256', JSON.stringify([id, sessionId]), 'buffer');
}

/** What is stored of an address or an address of the net, to know it again. */
export function hashMark(key: Buffer, kind: 'recipient' | 'ip', ...parts: string[]): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify([kind, ...parts]))
    .digest()
    .subarray(0, MARK_BYTES);
}

/** In a time that tells nothing about where they differ. */
export function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
