import { truncate } from '../lib/text.ts';

/** A request as it came over the wire, shown on the page without what could be a credential. */
export interface RawRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
}

const MAX_BODY = 16 * 1024;
const REDACTED = '[redacted]';
const CREDENTIAL = /auth|key|token|secret|password|cookie|signature|credential|jwt/i;
// Some vendors carry the credential in the path. A long segment may be one, or a device token: the beginning tells.
const LONG_SEGMENT = /(?<=\/)([^/?]{4})[^/?]{16,}/g;

export function describeRequest(request: {
  method: string;
  url: string;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}): RawRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || name.startsWith(':') || name.startsWith('x-bellhop-')) continue;
    headers[name] = CREDENTIAL.test(name) ? REDACTED : String(value);
  }
  return {
    method: request.method,
    path: redactUrl(request.url),
    headers,
    body: truncate(redactBody(request.body.toString('utf8', 0, MAX_BODY)), MAX_BODY),
  };
}

// Some vendors want the account's key among the fields of a JSON body.
function redactBody(body: string): string {
  return body.replace(/("api_?(?:key|secret)"\s*:\s*)"(?:[^"\\]|\\.)*"?/gi, `$1"${REDACTED}"`);
}

function redactUrl(url: string): string {
  const query = url.indexOf('?');
  const path = (query < 0 ? url : url.slice(0, query)).replace(LONG_SEGMENT, '$1…');
  if (query < 0) return path;
  const parameters = url
    .slice(query + 1)
    .split('&')
    .map((parameter) => {
      const name = parameter.split('=', 1)[0]!;
      return CREDENTIAL.test(name) ? `${name}=${REDACTED}` : parameter;
    });
  return `${path}?${parameters.join('&')}`;
}
