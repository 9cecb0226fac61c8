import { hash } from 'node:crypto';
import { Problem } from '../http/index.ts';
import { canonicalJson } from '../lib/text.ts';
import type { Queryable } from '../store/index.ts';
import type { OtpBody } from './schema.ts';
import { findOtpByKey, lockKey, type OtpRow } from './store.ts';
import type { Whose } from './whose.ts';

/** By which a request is known that was sent before. */
export interface RepeatKey {
  hash: Buffer;
  /** Of all that was asked for. */
  fingerprint: Buffer;
}

/** The idempotency key of a request (header `Idempotency-Key`); null without one. Pure. */
export function repeatKeyOf(header: string | undefined, body: OtpBody): RepeatKey | null {
  return header === undefined ? null : { hash: digest(header), fingerprint: digest(canonicalJson(body)) };
}

/**
 * The OTP that this request made when it came before; null when it is the first. Whoever comes with the same key waits
 * until the caller's transaction ends. A Problem when the key belongs to another request.
 */
export async function findRepeated(db: Queryable, whose: Whose, key: RepeatKey): Promise<OtpRow | null> {
  await lockKey(db, whose, key.hash);
  const found = await findOtpByKey(db, whose, key.hash);
  if (!found) return null;
  if (!found.fingerprint?.equals(key.fingerprint))
    throw new Problem('idempotency.mismatch', 'This idempotency key belongs to a request with another body');
  return found;
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, 16);
}
