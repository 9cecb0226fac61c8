import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { ReferenceClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import {
  accepted,
  defineHttpProvider,
  defineSmtpProvider,
  type Provider,
  retry,
} from '../providers/contract.ts';
import { createSimulator, type SimulatorOptions } from './simulator.ts';

const facts = {
  docs: 'https://example.com',
  fields: {},
  reaches: 'contact' as const,
  limits: { connectTimeoutMs: 1_000, deadlineMs: 5_000, maxInFlight: 10 },
  supports: { dedupeKey: false, replaces: false, receipts: false },
  testConfig: () => ({}),
};

export const PUSH_ID = '5E47E0B1-2D2A-4A5B-9C5B-0F8E2A6C1D3F';

/** Shaped like a vendor that tells the message's id in a header and answers 200 with an empty body. */
export const pushery = defineHttpProvider({
  ...facts,
  id: 'pushery',
  name: 'Pushery',
  channel: 'push',
  transport: 'http2',
  baseUrl: 'https://push.example.com',
  request: () => ({ method: 'POST', url: 'https://push.example.com/3/device/x', headers: {}, body: '' }),
  classify: () => accepted(null),
  tokenExample: { status: 200, headers: {}, body: '{"access_token":"t","expires_in":3600}' },
  examples: {
    accepted: {
      reply: { status: 200, headers: { 'x-push-id': PUSH_ID, connection: 'keep-alive' }, body: '' },
      outcome: { kind: 'accepted', providerMessageId: PUSH_ID },
    },
    rejected: {
      reply: { status: 410, headers: {}, body: '{"reason":"Unregistered"}' },
      outcome: { kind: 'rejected' },
    },
    retry: {
      reply: { status: 429, headers: { 'retry-after': '3' }, body: '{"reason":"TooManyRequests"}' },
      outcome: { kind: 'retry' },
    },
    retryLater: { reply: { status: 503, headers: {}, body: '{}' }, outcome: { kind: 'retry' } },
    unavailable: {
      reply: { status: 403, headers: {}, body: '{"reason":"InvalidProviderToken"}' },
      outcome: { kind: 'unavailable' },
    },
  },
});

export const TEXT_ID = 'SM0123456789abcdef0123456789abcdef';

export const textery = defineHttpProvider({
  ...facts,
  id: 'textery',
  name: 'Textery',
  channel: 'sms',
  transport: 'http',
  baseUrl: 'https://sms.example.com',
  request: () => ({ method: 'POST', url: 'https://sms.example.com/', headers: {}, body: '' }),
  classify: () => retry('rate_limited'),
  examples: {
    accepted: {
      reply: { status: 201, headers: { 'content-type': 'application/json' }, body: `{"sid":"${TEXT_ID}"}` },
      outcome: { kind: 'accepted', providerMessageId: TEXT_ID },
    },
    rejected: { reply: { status: 400, headers: {}, body: '{"code":21211}' }, outcome: { kind: 'rejected' } },
    retry: { reply: { status: 429, headers: {}, body: '{"code":20429}' }, outcome: { kind: 'retry' } },
    unavailable: {
      reply: { status: 401, headers: {}, body: '{"code":20003}' },
      outcome: { kind: 'unavailable' },
    },
  },
});

export const mailery = defineSmtpProvider({
  ...facts,
  id: 'mailery',
  name: 'Mailery',
  channel: 'email',
  transport: 'smtp',
  request: () => {
    throw new Error('not needed here');
  },
  classify: () => accepted(null),
  examples: {
    accepted: {
      reply: { kind: 'delivered', messageId: '<d1@example.com>', reply: '250 2.0.0 Ok: queued as 4Xw1' },
      outcome: { kind: 'accepted' },
    },
    rejected: {
      reply: {
        kind: 'refused',
        replyCode: 550,
        reply: '550-5.1.1 The account does not exist.\n550 5.1.1 Check it for typos.',
        command: 'RCPT TO',
      },
      outcome: { kind: 'rejected' },
    },
    blocked: {
      reply: { kind: 'refused', replyCode: 550, reply: '550 5.7.1 Looks like spam', command: 'DATA' },
      outcome: { kind: 'rejected' },
    },
    retry: {
      reply: { kind: 'refused', replyCode: 451, reply: '451 4.7.1 Greylisted', command: 'RCPT TO' },
      outcome: { kind: 'retry' },
    },
    unavailable: {
      reply: { kind: 'fault', code: 'EAUTH', dataSent: false, replyCode: 535, reply: '535 5.7.8 Error' },
      outcome: { kind: 'unavailable' },
    },
    networkDown: {
      reply: { kind: 'fault', code: 'ECONNECTION', dataSent: false },
      outcome: { kind: 'retry' },
    },
  },
});

/** A plain one for each of the channels whose looks only the page knows. */
const others = (['webhook', 'chat', 'email'] as const).map((channel) => ({
  ...textery,
  id: `${channel}ery`,
  name: `${channel}ery`,
  channel,
}));

export const providers: Provider[] = [pushery, textery, mailery, ...others];

/** A simulator on free ports, and a server that has its page mounted under `/simulator`; both end with the test. */
export async function startSimulator(t: TestContext, options: Partial<SimulatorOptions> = {}) {
  const simulator = createSimulator({
    providers,
    clock: new ReferenceClock(),
    logger: silentLogger,
    ...options,
  });
  const { origin, smtpOrigin } = await simulator.listen();
  const host: Server = createServer((request, response) => simulator.handle(request, response, '/simulator'));
  host.listen(0, '127.0.0.1');
  await once(host, 'listening');
  t.after(() => {
    simulator.close();
    host.close();
    host.closeAllConnections();
  });
  const pageOrigin = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;
  return { ...simulator, simulator, origin, smtpPort: Number(smtpOrigin.split(':').at(-1)), pageOrigin };
}

/** The header our own sender adds in test mode. */
export function previewHeader(fields: Record<string, unknown>): string {
  const preview = {
    tenant: 'default',
    live: false,
    userId: 'ann',
    notificationId: 'n-1',
    deliveryId: 'd-1',
    channel: 'push',
    provider: 'pushery',
    recipient: 'token-1',
    content: { title: 'Hello', body: 'World' },
    ...fields,
  };
  return Buffer.from(JSON.stringify(preview)).toString('base64url');
}

export interface Http2Answer {
  headers: Record<string, string>;
  body: string;
}

export function openHttp2(t: TestContext, origin: string): ClientHttp2Session {
  const session = connect(origin);
  session.on('error', () => {});
  t.after(() => session.destroy());
  return session;
}

export function requestHttp2(
  session: ClientHttp2Session,
  path: string,
  { headers = {}, body = '' }: { headers?: Record<string, string>; body?: string } = {},
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
    let answer: Record<string, string> = {};
    let text = '';
    stream.on('response', (received) => {
      answer = received as unknown as Record<string, string>;
    });
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('error', reject);
    stream.on('close', () =>
      stream.rstCode === 0 && stream.readableEnded
        ? resolve({ headers: answer, body: text })
        : reject(new Error('the stream broke off')),
    );
    stream.end(body);
  });
}
