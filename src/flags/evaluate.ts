import { createHash } from 'node:crypto';

const BUCKETS = 2 ** 32;

/**
 * Whether a subject is within the percentage. It falls always at the same place of a flag's scale, so who is in at 10 %
 * is in at 20 % as well, and flags do not pick the same subjects. Pure.
 */
export function isWithin(flag: string, subject: string, percentage: number): boolean {
  if (percentage <= 0) return false;
  if (percentage >= 100) return true;
  const place = createHash('sha256').update(`${flag}\n${subject}`).digest().readUInt32BE() / BUCKETS;
  return place * 100 < percentage;
}
