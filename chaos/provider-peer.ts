import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

/** What the peer does with a request instead of accepting it and saying so at once. */
export type PeerFault = 'refuse' | 'reset' | 'hang' | 'reset-mid-body' | 'late' | 'garbage';

/** A request that the peer accepted: whatever the caller learned of it, the recipient has the message. */
export interface Accepted {
  deliveryId: string;
  /** The key the sender gave the message: `category/channel/number`. */
  key: string;
  /** performance.now() of this process. */
  at: number;
  /** The process that had the delivery claimed; null when nobody could tell. */
  owner: string | null;
  fault: PeerFault | null;
}

export interface ProviderPeer {
  origin: string;
  accepted: Accepted[];
  requests: number;
  /** Chooses what goes wrong; null for nothing. */
  faultOf: (deliveryId: string) => PeerFault | null;
  ownerOf: (deliveryId: string) => string | null;
  /** Told of every accepted request: before its answer, and right after. */
  onMoment: (when: 'before-answer' | 'after-answer', accepted: Accepted) => void;
  close(): Promise<void>;
}

const LATE_MS = 3_000;
/** Then the socket is closed without an answer: providers' deadlines are longer than a run wants to be. */
const HANG_MS = 4_000;

/** A webhook receiver and Twilio's API in one: accepts, logs with the delivery's id, answers; or makes faults. */
export async function startProviderPeer(): Promise<ProviderPeer> {
  const server = createServer((request, response) => {
    response.on('error', () => {});
    receive(peer, request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer: ProviderPeer = {
    origin: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    accepted: [],
    requests: 0,
    faultOf: () => null,
    ownerOf: () => null,
    onMoment: () => {},
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return peer;
}

async function receive(
  peer: ProviderPeer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await text(request);
  const { deliveryId, key } = identify(request, body);
  peer.requests++;
  const fault = peer.faultOf(deliveryId);
  if (fault === 'refuse') {
    response.writeHead(503).end();
    return;
  }
  if (fault === 'reset') {
    request.socket.resetAndDestroy();
    return;
  }
  const accepted = { deliveryId, key, at: performance.now(), owner: peer.ownerOf(deliveryId), fault };
  peer.accepted.push(accepted);
  peer.onMoment('before-answer', accepted);
  if (fault) return spoil(fault, request, response);
  answer(request, response);
  peer.onMoment('after-answer', accepted);
}

/** Accepted, but the caller does not learn it in good order. */
function spoil(fault: PeerFault, request: IncomingMessage, response: ServerResponse): void {
  switch (fault) {
    case 'hang':
      setTimeout(() => request.socket.destroy(), HANG_MS).unref();
      return;
    case 'late':
      setTimeout(() => answer(request, response), LATE_MS).unref();
      return;
    case 'reset-mid-body':
      response.writeHead(201, { 'content-type': 'application/json', 'content-length': 200 });
      response.write('{"sid":"SM', () => request.socket.resetAndDestroy());
      return;
    default:
      response.writeHead(200, { 'content-type': 'application/json' }).end('\u0000<html>}{');
  }
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  if (isWebhook(request)) response.writeHead(204).end();
  else {
    const sid = `SM${crypto.randomUUID().replaceAll('-', '')}`;
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ sid }));
  }
}

/** Webhooks carry the delivery's id as `webhook-id`; Twilio gets it in the URL for its receipts. */
function identify(request: IncomingMessage, body: string): { deliveryId: string; key: string } {
  if (isWebhook(request)) {
    const payload = JSON.parse(body) as { data: { body: unknown } };
    return { deliveryId: String(request.headers['webhook-id']), key: String(payload.data.body) };
  }
  const form = new URLSearchParams(body);
  const deliveryId = URL.parse(form.get('StatusCallback') ?? '')?.searchParams.get('delivery') ?? '';
  return { deliveryId, key: form.get('Body') ?? '' };
}

function isWebhook(request: IncomingMessage): boolean {
  return request.headers['webhook-id'] !== undefined;
}
