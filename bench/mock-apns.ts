import { createServer, type ServerHttp2Stream } from 'node:http2';

/** A mock of Apple's push service over h2c: answers 200 with an apns-id at once and counts. Run as a child process. */
let count = 0;
const server = createServer({ settings: { maxConcurrentStreams: 1_000 } });
server.on('stream', (stream: ServerHttp2Stream, headers) => {
  count++;
  stream.on('error', () => {});
  stream.resume();
  stream.respond({ ':status': 200, 'apns-id': headers['apns-id'] ?? '' }, { endStream: true });
});
server.listen(0, '127.0.0.1', () => {
  process.send!({ port: (server.address() as { port: number }).port });
});
process.on('message', () => process.send!({ count }));
process.on('disconnect', () => process.exit(0));
