import { type EgressGuard, EgressRefusedError } from '../../lib/egress.ts';
import { reveal } from '../../lib/secret.ts';
import type { HttpRequest } from '../../providers/index.ts';
import { abortError, codedError, judgeFault } from './fault.ts';
import type { Fault, SendOptions } from './transport.ts';

/** A request as it goes on the wire: secrets revealed, its destination approved. */
export interface Outgoing {
  url: URL;
  headers: Record<string, string>;
  body: string | Uint8Array;
  /** Pools are told apart by it. One that goes to the simulator, without the guard, is never used for anything else. */
  poolKey: string;
}

/** RFC 9110, 5.6.2 and 5.5. What is outside could end the header and begin another one (CWE-93). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Reveals, redirects and checks a request; a fault when it may not or cannot be sent. */
export function prepare(
  request: HttpRequest,
  options: SendOptions,
  guard: EgressGuard,
): { outgoing: Outgoing } | Fault {
  const { redirect, connectionKey, signal } = options;
  // A signal that was given already tells nobody who listens only now.
  if (signal?.aborted) return judgeFault(abortError(), 'nothing-written');
  const requested = URL.parse(reveal(request.url));
  if (!requested) return judgeFault(codedError('ERR_INVALID_URL', 'the URL is not one'), 'nothing-written');
  const verdict = redirect ? { ok: true as const } : guard.checkUrl(requested);
  if (!verdict.ok) return judgeFault(new EgressRefusedError(verdict.why), 'nothing-written');
  const headers: Record<string, string> = {};
  for (const name in request.headers) headers[name] = reveal(request.headers[name]!);
  Object.assign(headers, redirect?.headers);
  const unfit = findUnfit(headers);
  if (unfit !== null) return judgeFault(codedError('ERR_INVALID_CHAR', unfit), 'nothing-written');
  const url = redirect ? moveTo(redirect.origin, requested) : requested;
  const poolKey = `${connectionKey} ${redirect ? 'to' : 'at'} ${url.origin}`;
  return { outgoing: { url, headers, body: request.body, poolKey } };
}

/** The same path and query at another origin. Set piece by piece: joined as text, `//host` in the path would win. */
function moveTo(origin: string, { pathname, search }: URL): URL {
  const url = new URL(origin);
  url.pathname = url.pathname.replace(/\/$/, '') + pathname;
  url.search = search;
  return url;
}

function findUnfit(headers: Record<string, string>): string | null {
  for (const name in headers) {
    if (!HEADER_NAME.test(name)) return 'a header has a name that HTTP does not allow';
    if (!HEADER_VALUE.test(headers[name]!)) return `${name} has a character that HTTP does not allow`;
  }
  return null;
}
