import { hash, timingSafeEqual } from 'node:crypto';
import { isPublicAddress } from '../lib/ip-ranges.ts';

/** Who may read the metrics (BELLHOP_METRICS, BELLHOP_METRICS_TOKEN). */
export interface Access {
  mode: 'off' | 'local' | 'on';
  token: string | undefined;
}

export interface Caller {
  address: string;
  /** Whether the request carries the mark of a proxy: the address is then the proxy's and says nothing. */
  forwarded: boolean;
  authorization: string | undefined;
}

// How a socket that listens on IPv6 names an IPv4 peer.
const MAPPED = /^::ffff:(?=\d+\.)/i;

/** `hidden`: there is nothing at this address, as far as this caller is told. */
export type Judgement = 'welcome' | 'hidden' | 'token-missing' | 'token-wrong';

/**
 * Prometheus by habit brings no credential, while this API may face the internet: by default only neighbours (loopback
 * and private addresses) get an answer. A proxy makes everybody look like a neighbour, so what it forwards is refused.
 */
export function judgeCaller({ mode, token }: Access, caller: Caller): Judgement {
  if (mode === 'off') return 'hidden';
  if (mode === 'local' && (caller.forwarded || isPublicAddress(caller.address.replace(MAPPED, ''))))
    return 'hidden';
  if (token === undefined) return 'welcome';
  const given = caller.authorization && /^Bearer +(\S+)$/i.exec(caller.authorization)?.[1];
  if (!given) return 'token-missing';
  // Digests have one length, so that comparing them tells nothing about the token's.
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', token, 'buffer'))
    ? 'welcome'
    : 'token-wrong';
}
