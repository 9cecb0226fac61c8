import { timingSafeEqual } from 'node:crypto';

/** Compares what somebody sent with what it should be, in a time that tells nothing of where they differ. */
export function isEqual(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
