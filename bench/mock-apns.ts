import { readFileSync } from 'node:fs';
import { createSecureServer, createServer, type ServerHttp2Stream } from 'node:http2';
import { join } from 'node:path';

/** What goes wrong at the mock: that share of the pushes is answered with this refusal. */
export interface MockFaults {
  share: number;
  /** So many in each second are spared. */
  allowedPerSecond?: number;
  status: number;
  reason: string;
  headers?: Record<string, string>;
}

/** Pushes seen, and those among them that were answered with 200. */
export interface MockCounts {
  count: number;
  good: number;
}

/**
 * A mock of Apple's push service: answers at once and counts. Over h2c, or over TLS when given the folder of key and
 * certificate as argument. Run as a child process; a message sets faults.
 */
let faults: MockFaults | null = null;
let count = 0;
let good = 0;
const settings = { maxConcurrentStreams: 1_000 };
const folder = process.argv[2];
const server = folder
  ? createSecureServer({
      settings,
      key: readFileSync(join(folder, 'key.pem')),
      cert: readFileSync(join(folder, 'cert.pem')),
    })
  : createServer({ settings });
server.on('stream', (stream: ServerHttp2Stream, headers) => {
  count++;
  stream.on('error', () => {});
  stream.resume();
  if (faults && !isAllowed(faults) && Math.random() < faults.share) {
    stream.respond({ ':status': faults.status, 'apns-id': headers['apns-id'] ?? '', ...faults.headers });
    stream.end(JSON.stringify({ reason: faults.reason }));
    return;
  }
  good++;
  stream.respond({ ':status': 200, 'apns-id': headers['apns-id'] ?? '' }, { endStream: true });
});

let second = 0;
let inSecond = 0;
function isAllowed({ allowedPerSecond = 0 }: MockFaults): boolean {
  const now = Math.floor(performance.now() / 1000);
  if (now !== second) inSecond = 0;
  second = now;
  return ++inSecond <= allowedPerSecond;
}

server.listen(0, '127.0.0.1', () => {
  process.send!({ port: (server.address() as { port: number }).port });
});
process.on('message', (message: { faults?: MockFaults | null }) => {
  if (message.faults !== undefined) faults = message.faults;
  process.send!({ count, good } satisfies MockCounts);
});
process.on('disconnect', () => process.exit(0));
