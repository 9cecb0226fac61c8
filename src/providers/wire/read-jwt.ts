import { createHmac } from 'node:crypto';
import type { Secret } from '../../lib/secret.ts';
import { parseObject } from '../contract.ts';
import { isEqual } from './equal.ts';

const HASHES: Record<string, string> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

/**
 * The claims of a compact JWT (RFC 7515, 3.1) that one of the keys signed, else null. The algorithms are the caller's
 * choice, never the token's (RFC 8725, 3.1); times are the caller's to judge.
 */
export function readSignedJwt(
  token: string,
  keys: Secret[],
  algorithms: readonly ('HS256' | 'HS384' | 'HS512')[],
): Record<string, unknown> | null {
  const [header, claims, signature, ...rest] = token.split('.');
  if (!header || !claims || !signature || rest.length > 0) return null;
  const named = decode(header)?.alg;
  const algorithm = algorithms.find((one) => one === named);
  if (!algorithm) return null;
  const isSigned = keys.some((key) => {
    const mac = createHmac(HASHES[algorithm]!, key.reveal()).update(`${header}.${claims}`);
    return isEqual(signature, mac.digest('base64url'));
  });
  return isSigned ? decode(claims) : null;
}

function decode(part: string): Record<string, unknown> | null {
  return parseObject(Buffer.from(part, 'base64url').toString());
}
