import { createHmac } from 'node:crypto';
import type { Secret } from '../../lib/secret.ts';
import type { ReceiptRequest } from '../contract.ts';
import { isEqual } from '../wire/equal.ts';
import type { Reader } from './reader.ts';

const TYPES = ['hmac', 'basic', 'header', 'none'] as const;
const HEADER = { regex: /^[a-z0-9-]{1,100}$/, hint: 'a name in lower case' };
const NAMES: Record<(typeof TYPES)[number], string[]> = {
  hmac: ['type', 'header', 'algorithm', 'encoding', 'prefix', 'secret'],
  basic: ['type', 'username', 'secret'],
  header: ['type', 'header', 'secret'],
  none: ['type'],
};

/** By what the vendor's posts are known to be the vendor's. */
export type Signature =
  /** HMAC of the raw body, with a secret of the connection as the key. */
  | {
      type: 'hmac';
      header: string;
      algorithm: 'sha1' | 'sha256' | 'sha512';
      encoding: 'hex' | 'base64';
      prefix: string;
      secret: string;
    }
  /** The password of HTTP authentication. */
  | { type: 'basic'; username: string; secret: string }
  /** A header that holds the secret itself. */
  | { type: 'header'; header: string; secret: string }
  /** Whoever knows the address is believed. */
  | { type: 'none' };

export function compileSignature(given: unknown, reader: Reader): Signature {
  const type = reader.at('type').oneOf((given as { type?: unknown } | null)?.type, TYPES) ?? 'none';
  const raw = reader.object(given, NAMES[type]) ?? {};
  const secret = () => reader.at('secret').secretName(raw.secret) ?? '';
  const header = () => reader.at('header').text(raw.header, HEADER) ?? '';
  switch (type) {
    case 'none':
      return { type };
    case 'basic':
      return { type, username: reader.at('username').text(raw.username) ?? '', secret: secret() };
    case 'header':
      return { type, header: header(), secret: secret() };
    case 'hmac':
      return {
        type,
        header: header(),
        algorithm:
          reader.at('algorithm').oneOf(raw.algorithm ?? 'sha256', ['sha1', 'sha256', 'sha512']) ?? 'sha256',
        encoding: reader.at('encoding').oneOf(raw.encoding ?? 'hex', ['hex', 'base64']) ?? 'hex',
        prefix: raw.prefix === undefined ? '' : (reader.at('prefix').text(raw.prefix) ?? ''),
        secret: secret(),
      };
  }
}

export function isSigned(
  signature: Signature,
  { headers, body }: ReceiptRequest,
  secrets: Record<string, Secret>,
): boolean {
  if (signature.type === 'none') return true;
  const key = Object.hasOwn(secrets, signature.secret) ? secrets[signature.secret]!.reveal() : '';
  if (key === '') return false;
  if (signature.type === 'basic')
    return isEqual(headers.authorization ?? '', `Basic ${btoaUtf8(`${signature.username}:${key}`)}`);
  const given = headers[signature.header] ?? '';
  if (signature.type === 'header') return isEqual(given, key);
  const { algorithm, encoding, prefix } = signature;
  const mac = createHmac(algorithm, key).update(body).digest(encoding);
  // Hex is written in capitals too, and so may the prefix be.
  if (encoding === 'hex') return isEqual(given.toLowerCase(), `${prefix.toLowerCase()}${mac}`);
  return isEqual(given, `${prefix}${mac}`);
}

function btoaUtf8(text: string): string {
  return Buffer.from(text).toString('base64');
}
