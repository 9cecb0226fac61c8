import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { Http1Reader, Http2Reader, type Reader } from './mock-wire.ts';

/**
 * Mocks of the push services over TLS, each on a port of its own: they accept everything at once. A server of Node's
 * would be as much work as the clients that are measured, so these know no more of HTTP than framing. Run as a child
 * process, with the folder of key and certificate as argument.
 */
const folder = process.argv[2]!;
const tls = { key: readFileSync(join(folder, 'key.pem')), cert: readFileSync(join(folder, 'cert.pem')) };
const GOOGLE_ANSWER = '{"name":"projects/bench/messages/0:1"}';

const browser =
  'HTTP/1.1 201 Created\r\nlocation: https://127.0.0.1/message/qDIYHNcfAIPP_5ITvURr-d6BGt\r\ncontent-length: 0\r\n\r\n';

process.send!({
  apple: await listen('h2', () => new Http2Reader('')),
  google: await listen('h2', () => new Http2Reader(GOOGLE_ANSWER)),
  browser: await listen('http/1.1', () => new Http1Reader(browser)),
});
process.on('disconnect', () => process.exit(0));

async function listen(protocol: string, createReader: () => Reader): Promise<number> {
  const server = createServer({ ...tls, ALPNProtocols: [protocol] }, (socket: TLSSocket) => {
    const reader = createReader();
    socket.setNoDelay(true);
    socket.on('error', () => {});
    if (reader.greeting.length > 0) socket.write(reader.greeting);
    socket.on('data', (chunk: Buffer) => {
      const answers = reader.read(chunk);
      if (answers.length > 0) socket.write(Buffer.concat(answers));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
