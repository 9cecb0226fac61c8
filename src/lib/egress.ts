import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';

/** An outgoing connection to an address that tenants must not reach. */
export class EgressRefusedError extends Error {
  override name = 'EgressRefusedError';
  readonly code = 'EGRESS_REFUSED';
}

/** Why an address is refused, or that it may be reached. */
export type EgressVerdict = { ok: true } | { ok: false; why: string };

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;
export type Lookup = (hostname: string, options: LookupOptions, callback: LookupCallback) => void;
/** Resolves a name to all its addresses; replaced in tests. */
export type Resolve = (hostname: string, callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void) => void;

export interface EgressGuard {
  /** Judges a URL before anything is resolved: scheme, port, and the host if it is an address in any spelling. */
  checkUrl(url: string): EgressVerdict;
  checkAddress(address: string): EgressVerdict;
  /** For `net`, `tls` and undici: resolves, refuses forbidden addresses, and hands on exactly what was checked. */
  lookup: Lookup;
  /** The same for connections without TLS, which only allowed addresses may have. */
  plainLookup: Lookup;
  /** A host of tenants (SMTP): its checked address, to be connected to instead of the name. */
  resolve(host: string): Promise<string>;
}

// https://www.iana.org/assignments/iana-ipv4-special-registry and …ipv6-special-registry
const REFUSED_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
// Whole families that carry an IPv4 address inside (mapped, compatible, NAT64, 6to4, Teredo) are refused.
const REFUSED_IPV6 = [
  '::/96',
  '::ffff:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];
/** Ports of other protocols on public hosts stay closed; above 1024 vendors and self-hosters listen where they like. */
const HTTPS_PORT = 443;
const FIRST_FREE_PORT = 1024;
const PLAIN_REFUSED = 'without TLS only addresses in BELLHOP_EGRESS_ALLOW may be reached';

export function createEgressGuard(options: { allow: string[]; resolve?: Resolve }): EgressGuard {
  const refused = toBlockList([...REFUSED_IPV4, ...REFUSED_IPV6]);
  const allowed = toBlockList(options.allow);
  const resolveAll = options.resolve ?? resolveByDns;
  const has = (list: BlockList, address: string) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  const isAllowed = (address: string) => isIP(address) !== 0 && has(allowed, unmap(address));

  const checkAddress = (address: string): EgressVerdict => {
    if (isIP(address) === 0) return { ok: false, why: `${address} is not an IP address` };
    if (isAllowed(address)) return { ok: true };
    // A mapped address is judged by the IPv4 address it stands for; without an allowance its family is refused.
    if (has(refused, address)) return { ok: false, why: `${address} is not a public address` };
    return { ok: true };
  };

  const checkUrl = (text: string): EgressVerdict => {
    if (!URL.canParse(text)) return { ok: false, why: 'it is not a URL' };
    const url = new URL(text);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return { ok: false, why: `${url.protocol} is not http or https` };
    if (url.username || url.password) return { ok: false, why: 'a URL must not carry a user name or password' };
    const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    if (host === '') return { ok: false, why: 'it has no host' };
    if (isIP(host) !== 0) {
      const verdict = checkAddress(host);
      if (!verdict.ok || isAllowed(host)) return verdict;
      if (url.protocol === 'http:') return { ok: false, why: PLAIN_REFUSED };
    } else if (host === 'localhost' || host.endsWith('.localhost')) {
      // RFC 6761, 6.3: names that mean this machine; the look-up judges them by their addresses.
      if (!isAllowed('127.0.0.1') && !isAllowed('::1')) return { ok: false, why: `${host} is this machine` };
      return { ok: true };
    }
    // Plain http to a name is left to plainLookup, which lets allowed addresses through only.
    const port = Number(url.port) || HTTPS_PORT;
    const isOpen = port === HTTPS_PORT || port >= FIRST_FREE_PORT || url.protocol === 'http:';
    return isOpen ? { ok: true } : { ok: false, why: `port ${port} is not open to connections of tenants` };
  };

  const judge = (hostname: string, addresses: LookupAddress[], plain: boolean): EgressRefusedError | null => {
    if (addresses.length === 0) return new EgressRefusedError(`${hostname} has no address`);
    // One forbidden address among several is a trick or a mistake; neither is helped by taking another one.
    for (const { address } of addresses) {
      const verdict = checkAddress(address);
      if (!verdict.ok) return new EgressRefusedError(`${hostname} is refused: ${verdict.why}`);
      if (plain && !isAllowed(address)) return new EgressRefusedError(`${hostname} is refused: ${PLAIN_REFUSED}`);
    }
    return null;
  };

  const resolveChecked = (hostname: string, plain: boolean, callback: Parameters<Resolve>[1]): void => {
    const finish = (addresses: LookupAddress[]) => callback(judge(hostname, addresses, plain), addresses);
    if (isIP(hostname) !== 0) finish([{ address: hostname, family: isIP(hostname) }]);
    else resolveAll(hostname, (error, addresses) => (error ? callback(error, []) : finish(addresses)));
  };

  const lookupFor =
    (plain: boolean): Lookup =>
    (hostname, lookupOptions, callback) => {
      resolveChecked(hostname, plain, (error, addresses) => {
        if (error) return callback(error, []);
        const fitting = addresses.filter(({ family }) => family === lookupOptions.family);
        const usable = fitting.length > 0 ? fitting : addresses;
        if (lookupOptions.all) callback(null, usable);
        else callback(null, usable[0]!.address, usable[0]!.family);
      });
    };

  return {
    checkUrl,
    checkAddress,
    lookup: lookupFor(false),
    plainLookup: lookupFor(true),
    resolve: (host) =>
      new Promise((resolve, reject) =>
        resolveChecked(host, false, (error, addresses) => (error ? reject(error) : resolve(addresses[0]!.address))),
      ),
  };
}

function resolveByDns(hostname: string, callback: Parameters<Resolve>[1]): void {
  dnsLookup(hostname, { all: true, verbatim: true }, callback);
}

function toBlockList(networks: string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const version = isIP(address);
    const prefix = bits === undefined ? (version === 6 ? 128 : 32) : Number(bits);
    if (version === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > (version === 6 ? 128 : 32)) {
      throw new Error(`BELLHOP_EGRESS_ALLOW: "${network}" is not a network such as 127.0.0.1/32 or fd00::/8`);
    }
    list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** The IPv4 address inside `::ffff:a.b.c.d` (also in its hexadecimal spelling), or the address itself. */
function unmap(address: string): string {
  if (isIP(address) !== 6) return address;
  const url = new URL(`http://[${address}]`);
  const match = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(url.hostname);
  if (!match) return address;
  const high = Number.parseInt(match[1]!, 16);
  const low = Number.parseInt(match[2]!, 16);
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
