import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';

/** Twilio on loopback, which can be taken down and brought back at the same address. */
export interface TwilioPeer {
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

export async function startTwilioPeer(): Promise<TwilioPeer> {
  let server: Server;
  let port = 0;
  const recipients: string[] = [];
  const listen = async () => {
    server = createServer(async (request, response) => {
      const form = new URLSearchParams(await text(request));
      if (peer.mood === 'silent') return;
      const isWell = peer.mood === 'well';
      // https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
      const answer = isWell
        ? { sid: `SM${randomBytes(16).toString('hex')}`, status: 'queued', error_code: null }
        : { code: 20503, message: 'Service Unavailable', status: 503 };
      if (isWell) recipients.push(form.get('To')!);
      response.writeHead(isWell ? 201 : 503, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as { port: number }).port;
  };
  const die = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  const peer: TwilioPeer = { origin: '', recipients, mood: 'well', die, revive: listen, close: die };
  await listen();
  peer.origin = `http://127.0.0.1:${port}`;
  return peer;
}
