import { type EgressGuard, EgressRefusedError, type EgressVerdict } from '../../lib/egress.ts';
import { reveal } from '../../lib/secret.ts';
import { type HttpRequest, revealBody } from '../../providers/index.ts';
import { abortError, codedError, judgeFault } from './fault.ts';
import type { Fault, SendOptions } from './transport.ts';

/** A request as it goes on the wire: secrets revealed, its destination approved. */
export interface Outgoing {
  /** Of this only the scheme, the host and the port count. */
  origin: URL;
  /** With the query. */
  path: string;
  headers: Record<string, string>;
  body: string | Uint8Array;
  /** Pools are told apart by it. One that goes to the simulator, without the guard, is never used for anything else. */
  poolKey: string;
}

type Prepare = (request: HttpRequest, options: SendOptions) => { outgoing: Outgoing } | Fault;

/** RFC 9110, 5.6.2 and 5.5. What is outside could end the header and begin another one (CWE-93). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/**
 * A URL whose path and query a parser would leave as they are: no dot segments, nothing to encode, no credentials. Its
 * origin still needs one. Anything else is parsed whole.
 */
const PLAIN_URL =
  /^(https?:\/\/[a-z0-9.:[\]-]+)((?:\/(?!\.|%2[eE])[\w.~!$&()*+,;=:@%-]*)+(?:\?[\w.~!$&()*+,;=:@%/?-]+)?)$/;
/** Of places that are remembered; tenants can name as many hosts as they like. */
const MAX_PLACES = 1_000;

/** An origin, and what the guard says of it: always the same, since it asks for scheme, host and port. */
interface Place {
  origin: URL;
  name: string;
  verdict: EgressVerdict;
}

/** Reveals, redirects and checks requests; a fault when one may not or cannot be sent. */
export function createPreparation(guard: EgressGuard): Prepare {
  const places = new Map<string, Place>();
  const find = (text: string): { place: Place; path: string } | null => {
    const [, written, path] = PLAIN_URL.exec(text) ?? [];
    const known = written && places.get(written);
    if (known) return { place: known, path: path! };
    const url = URL.parse(text);
    if (!url) return null;
    // Without the path: it may hold a secret, and the place is kept.
    const origin = written ? new URL(written) : url;
    const place = { origin, name: url.origin, verdict: guard.checkUrl(url) };
    if (written) {
      if (places.size >= MAX_PLACES) places.clear();
      places.set(written, place);
    }
    return { place, path: url.pathname + url.search };
  };
  return (request, options) => {
    const { redirect, connectionKey, signal } = options;
    // A signal that was given already tells nobody who listens only now.
    if (signal?.aborted) return judgeFault(abortError(), 'nothing-written');
    const found = find(reveal(request.url));
    if (!found) return judgeFault(codedError('ERR_INVALID_URL', 'the URL is not one'), 'nothing-written');
    const { verdict } = found.place;
    if (!redirect && !verdict.ok) return judgeFault(new EgressRefusedError(verdict.why), 'nothing-written');
    const headers: Record<string, string> = {};
    for (const name in request.headers) headers[name] = reveal(request.headers[name]!);
    if (redirect) Object.assign(headers, redirect.headers);
    const unfit = findUnfit(headers);
    if (unfit !== null) return judgeFault(codedError('ERR_INVALID_CHAR', unfit), 'nothing-written');
    const { origin, name, path } = redirect
      ? moveTo(redirect.origin, found.path)
      : { ...found.place, path: found.path };
    const poolKey = `${connectionKey} ${redirect ? 'to' : 'at'} ${name}`;
    return { outgoing: { origin, path, headers, body: revealBody(request.body), poolKey } };
  };
}

/** The same path and query at another origin, which is parsed alone: joined before, `//host` in the path would win. */
function moveTo(to: string, path: string): { origin: URL; name: string; path: string } {
  const origin = new URL(to);
  return { origin, name: origin.origin, path: origin.pathname.replace(/\/$/, '') + path };
}

function findUnfit(headers: Record<string, string>): string | null {
  for (const name in headers) {
    if (!HEADER_NAME.test(name)) return 'a header has a name that HTTP does not allow';
    if (!HEADER_VALUE.test(headers[name]!)) return `${name} has a character that HTTP does not allow`;
  }
  return null;
}
