import { createHash, createHmac } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: Secret;
  /** Of temporary credentials. */
  sessionToken?: Secret;
}

export interface AwsRequest {
  method: string;
  /** Its path is expected to be encoded already. */
  url: string;
  /** Lower-case names. All are signed. */
  headers: Record<string, string>;
  body: string;
}

/** What a signature is bound to besides the request. */
export interface AwsScope {
  region: string;
  service: string;
  /** Milliseconds since the epoch; AWS allows five minutes of difference. */
  now: number;
}

/**
 * The headers that authenticate a request to AWS: Signature Version 4.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signAwsRequest(
  request: AwsRequest,
  credentials: AwsCredentials,
  { region, service, now }: AwsScope,
): Record<string, string | Secret> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const date = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const headers = {
    ...request.headers,
    host: new URL(request.url).host,
    'x-amz-date': date,
    ...(sessionToken && { 'x-amz-security-token': sessionToken.reveal() }),
  };
  const signedHeaders = Object.keys(headers).sort().join(';');
  const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonicalRequest({ ...request, headers }))].join(
    '\n',
  );
  const key = [date.slice(0, 8), region, service, 'aws4_request'].reduce<string | Buffer>(
    (derived, part) => createHmac('sha256', derived).update(part).digest(),
    `AWS4${secretAccessKey.reveal()}`,
  );
  const signature = createHmac('sha256', key).update(text).digest('hex');
  return {
    'x-amz-date': date,
    ...(sessionToken && { 'x-amz-security-token': sessionToken }),
    authorization: new Secret(
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
    ),
  };
}

function canonicalRequest({ method, url, headers, body }: AwsRequest): string {
  const { pathname, searchParams } = new URL(url);
  const query = [...searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]!.trim().replace(/ +/g, ' ')}\n`).join('');
  // Every service but S3 wants the path encoded once more.
  const path = pathname.split('/').map(encode).join('/');
  return [method, path, query, lines, names.join(';'), sha256(body)].join('\n');
}

/** RFC 3986, 2.3: only unreserved characters stay. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
