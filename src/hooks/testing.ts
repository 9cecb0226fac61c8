import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { Message } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';

export interface HookCall {
  headers: IncomingHttpHeaders;
  body: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what was sent
  event: any;
}

/** For tests: somebody's server on loopback that is called as a hook. */
export interface HookPeer {
  url: string;
  calls: HookCall[];
  /** Resolves when this many calls have come. */
  called(count: number): Promise<void>;
  /** Writes the answer to a call; an answer that never comes is one that writes nothing. */
  answer: (response: ServerResponse, call: HookCall) => void;
  close(): Promise<void>;
}

export const say =
  (value: unknown, status = 200) =>
  (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof value === 'string' ? value : JSON.stringify(value));
  };
export const sayNothing = () => {};

export async function startHookPeer(): Promise<HookPeer> {
  const waiting = new Set<{ count: number; resolve: () => void }>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const call = { headers: request.headers, body, event: JSON.parse(body) };
    peer.calls.push(call);
    peer.answer(response, call);
    for (const waiter of waiting) if (peer.calls.length >= waiter.count) waiter.resolve();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer: HookPeer = {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/hook`,
    calls: [],
    called: (count) =>
      new Promise((resolve) => {
        if (peer.calls.length >= count) resolve();
        else waiting.add({ count, resolve });
      }),
    answer: say({ verdict: 'send' }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return peer;
}

/** Checks a call as a receiver does: https://github.com/standard-webhooks/standard-webhooks. Returns which signature fits. */
export function verifiedBy({ headers, body }: HookCall, secret: string): number {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
  return String(headers['webhook-signature']).split(' ').indexOf(expected);
}

export function makeClaimed(tenantId: string, rest: Partial<Claimed> = {}): Claimed {
  return {
    id: '019a0000-0000-7000-8000-000000000001',
    tenantId,
    live: true,
    startedAt: 0,
    choice: null,
    lane: 'push' as Claimed['lane'],
    priority: 'normal',
    notificationId: '019a0000-0000-7000-8000-000000000002',
    channel: 'push',
    connection: 'fcm',
    provider: 'fcm',
    attempt: 1,
    retries: 0,
    cancelRequested: false,
    createdAt: 0,
    sendAt: null,
    expiresAt: null,
    category: 'transactional',
    request: {},
    templateVersion: null,
    user: { id: null, externalId: 'ada', locale: 'en', timezone: null, attributes: { plan: 'gold' } },
    device: null,
    contactKind: null,
    contact: null,
    ...rest,
  };
}

export const MESSAGE: Message = {
  channel: 'push',
  recipient: { address: 'device-token' },
  content: { title: 'Hello', body: 'World' },
  priority: 'normal',
  category: 'transactional',
  userId: 'ada',
};
