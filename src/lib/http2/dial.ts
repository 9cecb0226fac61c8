import { connect as connectPlain, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** Where a connection goes. */
export interface Destination {
  /** `https://host:port`, or `http://host:port` for HTTP/2 with prior knowledge (RFC 9113, 3.3). */
  origin: string;
  /** Resolves the host, and may refuse; absent: the system's. */
  lookup: LookupFunction | undefined;
}

/** A socket on its way to its destination; `onOpen` is called when HTTP/2 may be spoken on it. */
export function dial({ origin, lookup }: Destination, onOpen: () => void): Socket {
  const { protocol, hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  const common = { host, ...(lookup ? { lookup } : {}) };
  if (protocol === 'http:')
    return connectPlain({ ...common, port: Number(port || 80) }, onOpen).setNoDelay(true);
  const socket: TLSSocket = connectTls({
    ...common,
    port: Number(port || 443),
    // RFC 6066, 3: no addresses.
    ...(isIP(host) === 0 && { servername: host }),
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
  });
  return socket.setNoDelay(true).once('secureConnect', () => {
    if (socket.alpnProtocol === 'h2') onOpen();
    else socket.destroy(Object.assign(new Error('the peer speaks no HTTP/2'), { code: 'ERR_HTTP2_NO_ALPN' }));
  });
}
