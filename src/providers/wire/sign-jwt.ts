import { type KeyObject, sign } from 'node:crypto';

/**
 * A compact JWT (RFC 7515, 3.1), signed with the algorithm that its header names. ECDSA signatures are the raw
 * r‖s of RFC 7518, 3.4, not the DER that OpenSSL makes by default.
 */
export function signJwt(
  header: { alg: 'ES256' | 'RS256'; [name: string]: string },
  claims: object,
  key: KeyObject,
) {
  const input = `${encode(header)}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
