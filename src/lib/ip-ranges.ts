import { BlockList, isIP } from 'node:net';

/** A set of IPv4 and IPv6 networks. */
export class Networks {
  // Two lists: in one, Node would judge an IPv4 address by IPv6 networks too, as its mapped form ::ffff:a.b.c.d.
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();
  readonly isEmpty: boolean;

  /** CIDR notation; an address alone is a network of one. Throws on anything else. */
  constructor(cidrs: string[]) {
    this.isEmpty = cidrs.length === 0;
    for (const cidr of cidrs) this.#add(cidr);
  }

  /** A mapped address (::ffff:a.b.c.d) is where the IPv4 address inside it leads, so it belongs to its networks. */
  has(address: string): boolean {
    const version = isIP(address);
    if (version === 4) return this.#ipv4.check(address, 'ipv4');
    return version === 6 && (this.#ipv6.check(address, 'ipv6') || this.#ipv4.check(address, 'ipv6'));
  }

  #add(cidr: string): void {
    const [address = '', prefix, ...rest] = cidr.split('/');
    const version = isIP(address);
    const longest = version === 6 ? 128 : 32;
    const bits = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (version === 0 || rest.length > 0 || !(bits <= longest)) {
      throw new Error(`"${cidr}" is not a network such as 127.0.0.1/32 or fd00::/8`);
    }
    (version === 6 ? this.#ipv6 : this.#ipv4).addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4');
  }
}

/** https://www.iana.org/assignments/iana-ipv4-special-registry */
const SPECIAL_IPV4 = new Networks([
  '0.0.0.0/8', // this host: connects to loopback
  '10.0.0.0/8',
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8',
  '168.63.129.16/32', // public by number, but Azure's metadata and agent endpoint inside its networks
  '169.254.0.0/16', // link-local, and the metadata address of most clouds
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16',
  '198.18.0.0/15', // benchmarking
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
]);

/**
 * IANA has given out global unicast addresses from this block only. Outside of it are loopback, private, link-local
 * and multicast networks, and those that carry an IPv4 address inside: mapped, compatible, NAT64 (64:ff9b::/96 and
 * 64:ff9b:1::/48). https://www.iana.org/assignments/ipv6-address-space
 */
const GLOBAL_IPV6 = new Networks(['2000::/3']);

/** https://www.iana.org/assignments/iana-ipv6-special-registry */
const SPECIAL_IPV6 = new Networks([
  '2001::/23', // protocol assignments: Teredo, benchmarking, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4: an IPv4 address inside
  '3fff::/20', // documentation
]);

/** Whether packets to an address leave for the public internet. False for what is no address, or names a zone. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !SPECIAL_IPV4.has(address);
  return version === 6 && !address.includes('%') && GLOBAL_IPV6.has(address) && !SPECIAL_IPV6.has(address);
}
