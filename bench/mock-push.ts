import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';

/**
 * Mocks of the push services over TLS, at HTTP/2 and at HTTP/1.1: Apple, Google, and those of the browsers. They read
 * the request and accept it at once. Run as a child process, with the folder of key and certificate as argument.
 */
const folder = process.argv[2]!;
const tls = { key: readFileSync(join(folder, 'key.pem')), cert: readFileSync(join(folder, 'cert.pem')) };
const GOOGLE_ANSWER = '{"name":"projects/bench/messages/0:1500415314455276%31bd1c9631bd1c96"}';
const BROWSER_ANSWER = { location: 'https://127.0.0.1/message/qDIYHNcfAIPP_5ITvURr-d6BGt' };

const http2 = createSecureServer({ ...tls, settings: { maxConcurrentStreams: 1_000 } });
http2.on('stream', (stream: ServerHttp2Stream, headers) => {
  stream.on('error', () => {});
  stream.resume();
  if (headers[':path']!.startsWith('/3/device/')) {
    stream.respond({ ':status': 200, 'apns-id': headers['apns-id'] ?? '' }, { endStream: true });
    return;
  }
  stream.respond({ ':status': 200, 'content-type': 'application/json; charset=UTF-8' });
  stream.end(GOOGLE_ANSWER);
});

const http1 = createServer({ ...tls, keepAliveTimeout: 60_000 }, (request, response) => {
  request.resume().on('end', () => {
    if (request.url!.endsWith('messages:send')) {
      response.writeHead(200, { 'content-type': 'application/json; charset=UTF-8' }).end(GOOGLE_ANSWER);
    } else {
      response.writeHead(201, BROWSER_ANSWER).end();
    }
  });
});

process.send!({ http1: await listen(http1), http2: await listen(http2) });
process.on('disconnect', () => process.exit(0));

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
