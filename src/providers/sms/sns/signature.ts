import { createHash, createHmac } from 'node:crypto';
import type { Secret } from '../../../lib/secret.ts';

export interface AwsKeys {
  accessKeyId: string;
  secretAccessKey: Secret;
  /** Of temporary credentials. */
  sessionToken?: Secret;
}

/** What is signed of a request: all its headers, by lower-case names, besides those that the signature adds. */
export interface Signable {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body: string;
}

/**
 * The headers by which AWS knows who asks: Signature Version 4
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). `now` in milliseconds.
 */
export function signAws(
  { method, url, headers, body }: Signable,
  { region, service, now }: { region: string; service: string; now: number },
  { accessKeyId, secretAccessKey, sessionToken }: AwsKeys,
): Record<string, string | Secret> {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const date = time.slice(0, 8);
  const scope = `${date}/${region}/${service}/aws4_request`;
  const signed: Record<string, string> = { ...headers, host: url.host, 'x-amz-date': time };
  if (sessionToken) signed['x-amz-security-token'] = sessionToken.reveal();
  const names = Object.keys(signed).sort();
  const canonical = [
    method,
    url.pathname,
    canonicalQuery(url.searchParams),
    ...names.map((name) => `${name}:${signed[name]!.trim().replace(/ +/g, ' ')}`),
    '',
    names.join(';'),
    sha256(body),
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(
    (previous, part) => hmac(previous, part),
    `AWS4${secretAccessKey.reveal()}`,
  );
  const signature = hmac(key, toSign).toString('hex');
  return {
    'x-amz-date': time,
    ...(sessionToken && { 'x-amz-security-token': sessionToken }),
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}

/** Sorted, and encoded by RFC 3986, which keeps fewer characters than a URL does. */
function canonicalQuery(parameters: URLSearchParams): string {
  return [...parameters]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
