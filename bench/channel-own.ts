import { createECDH, randomBytes, randomFillSync, randomUUID } from 'node:crypto';
import { exchange } from '../src/delivery/exchange.ts';
import { Health } from '../src/delivery/health.ts';
import { JointRequests } from '../src/delivery/joint-requests.ts';
import type { Route } from '../src/delivery/route.ts';
import { Sender } from '../src/delivery/sender.ts';
import { TokenCache } from '../src/delivery/tokens.ts';
import {
  createHttp2Transport,
  createHttpTransport,
  createSmtpTransport,
} from '../src/delivery/transport/index.ts';
import { ReferenceClock } from '../src/lib/clock.ts';
import { createEgressGuard } from '../src/lib/egress.ts';
import { Secret } from '../src/lib/secret.ts';
import { getProvider } from '../src/providers/index.ts';
import type { Claimed } from '../src/queue/index.ts';
import { type ChannelName, type ChannelPlan, drive, IN_FLIGHT } from './drive.ts';
import { task } from './task.ts';

const DEVICES = 1_000;
const PROVIDERS = {
  APNs: { id: 'apns', channel: 'push', platform: 'ios' },
  FCM: { id: 'fcm', channel: 'push', platform: 'android' },
  'Web Push': { id: 'webpush', channel: 'push', platform: 'web' },
  SMTP: { id: 'smtp', channel: 'email', platform: '' },
} satisfies Record<ChannelName, { id: string; channel: string; platform: string }>;

/**
 * P7, our side: what an attempt does between its claim and its result. The message is composed, the request built
 * (signed, encrypted), sent through the transport with the egress guard in it, and the answer classified.
 */
task((plan: ChannelPlan) => {
  const clock = new ReferenceClock();
  const guard = createEgressGuard({ allow: ['127.0.0.1/32'] });
  const transports = {
    http: createHttpTransport({ guard }),
    http2: createHttp2Transport({ guard }),
    smtp: createSmtpTransport({ guard }),
  };
  const token = { value: new Secret('ya29.bench-access-token'), expiresAt: Number.POSITIVE_INFINITY };
  const sender = new Sender(transports, null);
  const tools = {
    clock,
    sender,
    joint: new JointRequests(sender, clock),
    tokens: new TokenCache(async () => ({ token })),
    random: (bytes: number) => randomFillSync(new Uint8Array(bytes)),
    isAlive: () => true,
    callbackUrl: () => undefined,
  };
  const health = new Health(clock.now());
  const route = routeTo(plan);
  const recipients = Array.from({ length: DEVICES }, () => makeRecipient(plan));
  let n = 0;
  return drive(plan, IN_FLIGHT[plan.channel], async () => {
    const claimed = claimedOf(plan, recipients[n++ % DEVICES]!, clock.now());
    const sent = await exchange({ claimed, route, template: null, hooks: null, health }, tools);
    health.answer(claimed.id, { troubled: false, now: clock.now() });
    if ('held' in sent) throw new Error('nobody holds anything here');
    const { outcome, detail } = sent;
    if (outcome.kind === 'accepted') return 1;
    throw new Error(JSON.stringify({ outcome, detail }));
  });
});

function routeTo({ channel, port }: ChannelPlan): Route {
  const provider = getProvider(PROVIDERS[channel].id)!;
  const server = { host: '127.0.0.1', port, security: 'none', username: undefined, password: undefined };
  return {
    key: 'tenant/connection/1',
    connection: 'connection',
    provider,
    config: { ...provider.testConfig(), ...(channel === 'SMTP' ? server : {}) },
    baseUrl: `https://127.0.0.1:${port}`,
    simulated: false,
  };
}

type Recipient = Pick<Claimed, 'device' | 'contact'>;

function makeRecipient({ channel, port }: ChannelPlan): Recipient {
  if (channel === 'SMTP') {
    const address = `${randomBytes(6).toString('hex')}@example.com`;
    return { device: null, contact: { kind: 'email', address, inactive: false, suppressed: false } };
  }
  const secret = randomBytes(32).toString('hex');
  const device = {
    id: 'device',
    app: 'default',
    token: channel === 'Web Push' ? `https://127.0.0.1:${port}/push/${secret}` : secret,
    platform: PROVIDERS[channel].platform,
    keys: channel === 'Web Push' ? makeKeys() : null,
    registeredAt: 1,
    inactive: false,
  };
  return { device, contact: null };
}

function makeKeys(): Record<string, string> {
  return {
    p256dh: createECDH('prime256v1').generateKeys('base64url'),
    auth: randomBytes(16).toString('base64url'),
  };
}

function claimedOf({ channel, message }: ChannelPlan, recipient: Recipient, now: number): Claimed {
  return {
    ...recipient,
    contactKind: recipient.contact?.kind ?? null,
    startedAt: now,
    sendAt: null,
    choice: null,
    id: randomUUID(),
    tenantId: 'tenant',
    live: true,
    lane: `${PROVIDERS[channel].channel}.normal`,
    priority: 'normal',
    notificationId: 'notification',
    channel: PROVIDERS[channel].channel,
    connection: 'connection',
    provider: PROVIDERS[channel].id,
    attempt: 1,
    retries: 0,
    cancelRequested: false,
    createdAt: now,
    expiresAt: now + 3_600_000,
    category: 'transactional',
    request: { message },
    templateVersion: null,
    user: { id: null, externalId: 'ada', locale: null, timezone: null, attributes: {} },
  };
}
