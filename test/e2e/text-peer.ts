import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { text } from 'node:stream/consumers';

/** A vendor of text messages on loopback, which can be taken down and brought back at the same address. */
export interface TextPeer {
  origin: string;
  /** Who was written to, in the order of the requests that were accepted. */
  recipients: string[];
  /** `down` answers 503, `silent` takes the request and says nothing. */
  mood: 'well' | 'down' | 'silent';
  /** Takes its socket away: connections are refused. */
  die(): Promise<void>;
  revive(): Promise<void>;
  close(): Promise<void>;
}

export interface TextVendor {
  /** The recipient of a request, or the answer to one that the vendor would refuse. */
  read(request: IncomingMessage, body: string): { recipient: string } | Answer;
  accepted(): Answer;
  down: Answer;
}

interface Answer {
  status: number;
  body: string;
}

export async function startTextPeer(vendor: TextVendor): Promise<TextPeer> {
  let server: Server;
  let port = 0;
  const listen = async () => {
    server = createServer(async (request, response) => {
      // A process that was killed in the middle of a request sent nothing.
      const body = await text(request).catch(() => null);
      if (body === null) return;
      const read = vendor.read(request, body);
      if (peer.mood === 'silent') return;
      const answer = peer.mood === 'down' ? vendor.down : 'recipient' in read ? vendor.accepted() : read;
      if (peer.mood === 'well' && 'recipient' in read) peer.recipients.push(read.recipient);
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(answer.body);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as { port: number }).port;
  };
  const die = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  const peer: TextPeer = { origin: '', recipients: [], mood: 'well', die, revive: listen, close: die };
  await listen();
  peer.origin = `http://127.0.0.1:${port}`;
  return peer;
}
