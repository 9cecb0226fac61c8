import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4_096;
let pool = new Uint8Array(0);
let used = 0;

/**
 * Cryptographically strong random bytes. They are drawn from the system in one go for many callers: a call for a few
 * bytes costs as much as one for thousands. No byte is handed out twice.
 */
export function randomBytes(count: number): Uint8Array {
  if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count));
  if (used + count > pool.length) {
    pool = randomFillSync(new Uint8Array(POOL_BYTES));
    used = 0;
  }
  used += count;
  return pool.subarray(used - count, used);
}
