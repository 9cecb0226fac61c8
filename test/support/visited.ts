import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { createServer } from '../../src/http/index.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import type { Store } from '../../src/store/index.ts';
import { createMetrics } from '../../src/telemetry/index.ts';
import { makeMasterKeys } from '../../src/tenants/testing.ts';
import { applyVisits, registerVisitRoutes, registerVisitsView, VisitLine } from '../../src/tracking/index.ts';
import { createTracker, type Kind, loadVisitsKey } from '../../src/visits/index.ts';
import { type Laddered, serveLaddered } from './laddered.ts';

const ORIGIN = 'https://bell.example';
export const OTHER_TENANT = '01910000-0000-7000-8000-0000000000ff';
export const TARGET = 'https://shop.example/offers?a=1&b=%22';
export const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
/** Of wrong tokens, by one address. */
export const FAILURES_PER_SECOND = 5;

/** A tenant whose messages are sent and visited. */
export interface Visited {
  to: Laddered;
  /** Sends on one channel; the ids of the notification and of the delivery. */
  sent(channel: string, body?: object): Promise<{ notification: string; id: string }>;
  /** A tracked address as it stands in a message that was sent a minute ago: its path, or the token of a beacon. */
  addressOf(
    deliveryId: string,
    kind: Kind,
    more?: { link?: number; url?: string; tenantId?: string },
  ): string;
  ask(request: InjectOptions, agent?: string): Promise<LightMyRequestResponse>;
  /** What was visited is written down. */
  settled(): Promise<void>;
  /** From now on this is asked before anything is written down. */
  interrupt(before: () => void): void;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
  view(notification: string, key?: 'own' | 'other'): Promise<any>;
  /** Which times the first delivery of a notification has. */
  marks(notification: string): Promise<string[]>;
  close(): Promise<void>;
}

export async function serveVisited(store: Store): Promise<Visited> {
  const to = await serveLaddered(store);
  const { clock } = to;
  const key = await loadVisitsKey({ store, masterKeys: makeMasterKeys(), logger: silentLogger });
  const tracker = createTracker({ clock, key, origin: ORIGIN });
  const metrics = createMetrics();
  const tenants = new Map([
    ['own', to.tenantId],
    ['other', OTHER_TENANT],
  ]);
  let before = () => {};
  const makeLine = () =>
    new VisitLine({
      clock,
      logger: silentLogger,
      metrics,
      apply: async (visits) => {
        before();
        await applyVisits({ ...to, store }, visits);
      },
    });
  let line = makeLine();
  const app = await createServer({
    authenticate: (name) => {
      const tenantId = tenants.get(name);
      return tenantId ? { tenantId, live: false, keyId: name, scopes: ['owner'] } : null;
    },
    clock,
    logger: silentLogger,
    version: '0',
    bodyLimit: 10_000,
    requestsPerSecondPerKey: 0,
    authFailuresPerSecondPerAddress: 0,
    trustProxy: true,
  });
  await registerVisitRoutes(app, {
    tracker,
    clock,
    metrics,
    line: { add: (visit) => line.add(visit) },
    failuresPerSecondPerAddress: FAILURES_PER_SECOND,
  });
  registerVisitsView(app, { store });
  await app.ready();
  return {
    to,
    async sent(channel, body = { channels: [channel] }) {
      const notification = await to.notify(body);
      await to.route();
      const [id] = await to.send(channel);
      return { notification, id: id! };
    },
    addressOf(deliveryId, kind, { link = 0, url = TARGET, tenantId = to.tenantId } = {}) {
      const delivery = { id: deliveryId, tenantId, startedAt: clock.now() - 60_000 };
      const facts = {
        channel: kind === 'beacon' ? 'push' : 'email',
        category: { kind: 'marketing', tracking: true } as const,
        asked: undefined,
        provider: { supports: { beacons: kind === 'beacon' } },
      };
      const tracking = tracker.of(delivery, facts, undefined)!;
      if (kind === 'beacon') return tracking.beacon().token;
      return (kind === 'link' ? tracking.link(url, link) : tracking.pixel()).slice(ORIGIN.length);
    },
    ask: (request, agent = BROWSER) =>
      app.inject({ ...request, headers: { 'user-agent': agent, ...request.headers } }),
    async settled() {
      await line.close();
      line = makeLine();
    },
    interrupt(interruption) {
      before = interruption;
    },
    async view(notification, name = 'own') {
      const url = `/v1/notifications/${notification}/visits`;
      const { statusCode, body } = await app.inject({ url, headers: { authorization: `Bearer ${name}` } });
      return statusCode === 200 ? JSON.parse(body).items : statusCode;
    },
    async marks(notification) {
      const { deliveries } = await to.see(notification);
      return ['deliveredAt', 'openedAt', 'clickedAt'].filter((mark) => deliveries[0][mark]);
    },
    async close() {
      await app.close();
      await to.close();
    },
  };
}
