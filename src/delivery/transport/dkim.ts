import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { promisify } from 'node:util';
import { reveal } from '../../lib/secret.ts';
import type { MailRequest } from '../../providers/index.ts';
import { fold } from './mail-header.ts';
import type { MailText } from './mail-text.ts';

/** RFC 8058 wants both unsubscribe headers under the signature. */
const SIGNED = (
  'from:sender:reply-to:to:cc:subject:date:message-id:in-reply-to:references:mime-version:content-type:' +
  'content-transfer-encoding:list-id:list-unsubscribe:list-unsubscribe-post'
).split(':');

const signAsync = promisify(sign);

/** A domain's key, read once for all messages of a connection. */
export interface DkimKey {
  domain: string;
  selector: string;
  key: KeyObject;
}

/** Throws when the key is none, or not RSA. */
export function readDkimKey({
  domainName,
  keySelector,
  privateKey,
}: NonNullable<MailRequest['dkim']>): DkimKey {
  const key = createPrivateKey(reveal(privateKey));
  if (key.asymmetricKeyType !== 'rsa') throw new Error('the DKIM key is not an RSA key');
  const domain = cleanTag(domainName);
  return { domain: domainToASCII(domain) || domain, selector: cleanTag(keySelector), key };
}

/**
 * The `DKIM-Signature` header of a message (RFC 6376, rsa-sha256, relaxed/relaxed), to stand before all others. Signs
 * on a thread of Node's pool: an RSA signature takes as long as the rest of a message several times over.
 */
export async function signMail(mail: MailText, { domain, selector, key }: DkimKey): Promise<string> {
  const headers = canonicalHeaders(mail.headers);
  const bodyHash = createHash('sha256').update(canonicalBody(mail.body)).digest('base64');
  const names = headers.map((line) => line.slice(0, line.indexOf(':'))).join(':');
  const tags = `v=1; a=rsa-sha256; c=relaxed/relaxed; d=${domain}; q=dns/txt; s=${selector}; bh=${bodyHash}; h=${names};`;
  const unsigned = `${fold(`DKIM-Signature: ${tags}`)}\r\n b=`;
  const signed = [...headers, canonicalHeader(unsigned)].join('\r\n');
  const signature = (await signAsync('sha256', Buffer.from(signed), key)).toString('base64');
  return unsigned + signature.replace(/.{72}(?=.)/g, '$&\r\n ');
}

/** Of several with one name the last counts (RFC 6376, 5.4.2). */
function canonicalHeaders(headers: string[]): string[] {
  const byName = new Map(
    headers.map((header) => [header.slice(0, header.indexOf(':')).toLowerCase(), header]),
  );
  return SIGNED.flatMap((name) => {
    const header = byName.get(name);
    return header === undefined ? [] : [canonicalHeader(header)];
  });
}

/** RFC 6376, 3.4.2. */
function canonicalHeader(header: string): string {
  const colon = header.indexOf(':');
  const value = header
    .slice(colon + 1)
    .replaceAll('\r\n', '')
    .replace(/[ \t]+/g, ' ')
    .trim();
  return `${header.slice(0, colon).toLowerCase()}:${value}`;
}

/** RFC 6376, 3.4.4, of a body that has no line break but CRLF. */
function canonicalBody(body: string): string {
  const lines = body.replace(/[ \t]+/g, ' ').replaceAll(' \r\n', '\r\n');
  let end = lines.length;
  while (end >= 2 && lines.startsWith('\r\n', end - 2)) end -= 2;
  return end === 0 ? '' : `${lines.slice(0, end)}\r\n`;
}

/** What would end a tag and open another. */
function cleanTag(value: string): string {
  return value.replace(/[\x00-\x1f\x7f;=]/g, '');
}
