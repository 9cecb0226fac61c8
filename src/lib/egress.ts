import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress, Networks } from './ip-ranges.ts';

/** A connection to an address that tenants must not reach. */
export class EgressRefusedError extends Error {
  override name = 'EgressRefusedError';
  readonly code = 'EGRESS_REFUSED';
}

/** That a target may be reached, or why it may not. */
export type EgressVerdict = { ok: true } | { ok: false; why: string };

/** Where a connection is to go. */
export interface Target {
  protocol: 'https:' | 'http:' | 'smtp:';
  /** A name or an address; IPv6 without brackets. */
  host: string;
  port: number;
}

/** Resolves a name to all its addresses. */
export type Resolve = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * The one guard for every address that tenants supply. Two looks: `checkUrl` or `checkTarget` before anything else,
 * since Node never looks up a host that is an address already, and `lookupFor` in the connect. Both are needed.
 */
export interface EgressGuard {
  checkUrl(url: string | URL): EgressVerdict;
  checkTarget(target: Target): EgressVerdict;
  checkAddress(address: string): EgressVerdict;
  /** For `net`, `tls` and undici: resolves, refuses forbidden addresses, and hands on exactly those it checked. */
  lookup: LookupFunction;
  /** `lookup` with the rules for the target's scheme and port. */
  lookupFor(target: Target): LookupFunction;
}

/**
 * The ports that are open on public addresses; besides them all from 1024 on, where vendors (APNs 2197) and
 * self-hosters (8443) listen. Plain http has none. Addresses in the allow list are open on every port, and for http.
 */
const PUBLIC_PORTS = { 'https:': [443], 'http:': [], 'smtp:': [25, 465, 587] } satisfies Record<
  Target['protocol'],
  number[]
>;
const FIRST_UNPRIVILEGED_PORT = 1024;

/** `allow`: networks in CIDR notation that tenants may reach although they are not public (BELLHOP_EGRESS_ALLOW). */
export function createEgressGuard({
  allow,
  resolve = resolveByDns,
}: {
  allow: string[];
  resolve?: Resolve;
}): EgressGuard {
  return new Guard(allow, resolve);
}

class Guard implements EgressGuard {
  readonly #allowed: Networks;
  readonly #resolve: Resolve;
  readonly lookup: LookupFunction = (hostname, options, callback) =>
    this.#lookup(hostname, options, callback, null);

  constructor(allow: string[], resolve: Resolve) {
    try {
      this.#allowed = new Networks(allow);
    } catch (cause) {
      throw new Error(`BELLHOP_EGRESS_ALLOW: ${(cause as Error).message}`, { cause });
    }
    this.#resolve = resolve;
  }

  checkUrl(url: string | URL): EgressVerdict {
    const parsed = typeof url === 'string' ? URL.parse(url) : url;
    if (!parsed) return refuse('it is not a URL');
    const { protocol, username, password } = parsed;
    if (protocol !== 'https:' && protocol !== 'http:') return refuse(`${protocol} is not https`);
    if (username || password) return refuse('a URL must not carry a user name or password');
    return this.checkTarget(targetOfUrl(parsed));
  }

  checkTarget(target: Target): EgressVerdict {
    const host = target.host.replace(/\.$/, '').toLowerCase();
    if (host === '') return refuse('it has no host');
    if (!Number.isInteger(target.port) || target.port < 1 || target.port > 65_535)
      return refuse('it has no port');
    const restriction = restrictionOf(target);
    if (isIP(host) !== 0) return this.#judge(host, restriction);
    // A name is judged when it is resolved, but some cannot turn out well.
    if (!this.#allowed.isEmpty) return { ok: true };
    if (restriction) return refuse(restriction);
    // RFC 6761, 6.3: this machine, whatever a DNS server says.
    return /(^|\.)localhost$/.test(host) ? refuse(`${host} is this machine`) : { ok: true };
  }

  checkAddress(address: string): EgressVerdict {
    return this.#judge(address, null);
  }

  lookupFor(target: Target): LookupFunction {
    const restriction = restrictionOf(target);
    return (hostname, options, callback) => this.#lookup(hostname, options, callback, restriction);
  }

  #judge(address: string, restriction: string | null): EgressVerdict {
    if (this.#allowed.has(address)) return { ok: true };
    if (!isPublicAddress(address)) return refuse(`${address} is not a public address`);
    return restriction ? refuse(restriction) : { ok: true };
  }

  #lookup(
    hostname: string,
    { all, family }: Parameters<LookupFunction>[1],
    callback: Parameters<LookupFunction>[2],
    restriction: string | null,
  ): void {
    this.#resolve(hostname, (error, addresses) => {
      if (error) return callback(error, []);
      if (addresses.length === 0) return callback(new EgressRefusedError(`${hostname} has no address`), []);
      // One forbidden address among several is a trick or a mistake; taking another one helps neither.
      for (const { address } of addresses) {
        const verdict = this.#judge(address, restriction);
        if (!verdict.ok) return callback(new EgressRefusedError(`${hostname}: ${verdict.why}`), []);
      }
      const ofFamily = addresses.filter((entry) => entry.family === family);
      const usable = ofFamily.length > 0 ? ofFamily : addresses;
      if (all) callback(null, usable);
      else callback(null, usable[0]!.address, usable[0]!.family);
    });
  }
}

/** Where a URL leads, with the port that its scheme implies. */
export function targetOfUrl({ protocol, hostname, port }: URL): Target {
  return {
    protocol: protocol as 'https:' | 'http:',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
}

/** Why only addresses in the allow list will do for a target; null when public ones do as well. */
function restrictionOf({ protocol, port }: Target): string | null {
  if (protocol === 'http:') return 'plain http reaches only addresses in BELLHOP_EGRESS_ALLOW';
  const isOpen = port >= FIRST_UNPRIVILEGED_PORT || (PUBLIC_PORTS[protocol] as number[]).includes(port);
  return isOpen ? null : `port ${port} reaches only addresses in BELLHOP_EGRESS_ALLOW`;
}

function refuse(why: string): EgressVerdict {
  return { ok: false, why };
}

function resolveByDns(hostname: string, callback: Parameters<Resolve>[1]): void {
  dnsLookup(hostname, { all: true, verbatim: true }, callback);
}
