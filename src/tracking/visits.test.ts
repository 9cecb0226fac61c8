import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import type { InjectOptions } from 'fastify';
import { type Laddered, ladder, serveLaddered } from '../../test/support/laddered.ts';
import { describeStores } from '../../test/support/stores.ts';
import { createServer, type Server } from '../http/index.ts';
import { silentLogger } from '../lib/logger.ts';
import { createMetrics } from '../telemetry/index.ts';
import { makeMasterKeys } from '../tenants/testing.ts';
import { createTracker, type Kind, loadVisitsKey, type Tracker } from '../visits/index.ts';
import { applyVisits, registerVisitRoutes, registerVisitsView, VisitLine } from './index.ts';

const ORIGIN = 'https://bell.example';
const TARGET = 'https://shop.example/offers?a=1&b=%22';
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const APPLE = 'Mozilla/5.0';
const FAILURES = 5;

describeStores('visits', (store) => {
  const metrics = createMetrics();
  let to: Laddered;
  let app: Server;
  let tracker: Tracker;
  let line: VisitLine;
  before(async () => {
    to = await serveLaddered(store());
    const { clock } = to;
    const key = await loadVisitsKey({ store: store(), masterKeys: makeMasterKeys(), logger: silentLogger });
    tracker = createTracker({ clock, key, origin: ORIGIN });
    const tenants = new Map([
      ['own', to.tenantId],
      ['other', '01910000-0000-7000-8000-0000000000ff'],
    ]);
    app = await createServer({
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
      failuresPerSecondPerAddress: FAILURES,
    });
    registerVisitsView(app, { store: store() });
    await app.ready();
  });
  after(async () => {
    await app.close();
    await to.close();
  });
  const makeLine = (
    apply = (visits: Parameters<typeof applyVisits>[1]) => applyVisits({ ...to, store: store() }, visits),
  ) => new VisitLine({ clock: to.clock, logger: silentLogger, metrics, apply });
  beforeEach(() => {
    line = makeLine();
  });

  const ask = (request: InjectOptions, agent = BROWSER) =>
    app.inject({ ...request, headers: { 'user-agent': agent, ...request.headers } });
  /** What was visited is written down. */
  const settled = async () => {
    await line.close();
    line = makeLine();
  };
  /** A tracked address, as it stands in a message that was sent a minute ago. */
  const addressOf = (
    deliveryId: string,
    kind: Kind,
    { link = 0, url = TARGET, tenantId = to.tenantId } = {},
  ) => {
    const delivery = { id: deliveryId, tenantId, startedAt: to.clock.now() - 60_000 };
    const facts = {
      channel: kind === 'beacon' ? 'push' : 'email',
      category: { kind: 'marketing', tracking: true } as const,
      asked: undefined,
      provider: { supports: { beacons: kind === 'beacon' } },
    };
    const tracking = tracker.of(delivery, facts, undefined)!;
    if (kind === 'beacon') return tracking.beacon().token;
    return (kind === 'link' ? tracking.link(url, link) : tracking.pixel()).slice(ORIGIN.length);
  };
  const sent = async (channel: string, body: object = { channels: [channel] }) => {
    const notification = await to.notify(body);
    await to.route();
    const [id] = await to.send(channel);
    return { notification, id: id! };
  };
  const view = async (notification: string, key = 'own') => {
    const url = `/v1/notifications/${notification}/visits`;
    const { statusCode, body } = await app.inject({ url, headers: { authorization: `Bearer ${key}` } });
    return statusCode === 200 ? JSON.parse(body).items : statusCode;
  };
  const marks = async (notification: string) => {
    const { deliveries } = await to.see(notification);
    return ['deliveredAt', 'openedAt', 'clickedAt'].filter((mark) => deliveries[0][mark]);
  };
  const beacon = (payload: string | object, type = 'text/plain;charset=UTF-8') =>
    ask({
      method: 'POST',
      url: '/v1/beacons',
      headers: { 'content-type': type },
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    });

  it('to a link lead on at once, and tell nobody where from', async () => {
    const { id, notification } = await sent('email');
    const url = addressOf(id, 'link');
    const { statusCode, headers, body } = await ask({ url });
    assert.deepEqual([statusCode, headers.location, body], [302, TARGET, '']);
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.match(headers['cache-control'] as string, /no-store/);
    assert.deepEqual(await view(notification), [], 'the answer waits for nothing');
    assert.equal((await ask({ url, method: 'HEAD' })).headers.location, TARGET);
    const longest = `https://shop.example/${'x'.repeat(2_048 - 21)}`;
    assert.equal(
      (await ask({ url: addressOf(id, 'link', { link: 1, url: longest }) })).headers.location,
      longest,
    );
    await settled();
    const { deliveries } = await to.see(notification);
    assert.equal(deliveries[0].clickedAt, new Date(to.clock.now()).toISOString());
    const [link] = await view(notification);
    assert.deepEqual(
      [link.kind, link.url, link.people, link.machines, link.why],
      ['clicked', TARGET, 1, 1, 'head'],
    );
  });

  it('to a picture get the smallest one there is', async () => {
    const { id, notification } = await sent('email');
    const { statusCode, headers, rawPayload } = await ask({ url: addressOf(id, 'pixel') });
    assert.deepEqual([statusCode, headers['content-type'], rawPayload.length], [200, 'image/gif', 43]);
    assert.equal(rawPayload.subarray(0, 6).toString(), 'GIF89a');
    assert.match(headers['cache-control'] as string, /no-store/);
    await settled();
    assert.deepEqual(await marks(notification), ['openedAt']);
  });

  it('count each time, and mark the first time', async () => {
    const { id, notification } = await sent('email');
    const first = new Date(to.clock.now()).toISOString();
    for (let round = 0; round < 3; round++) {
      for (const link of [0, 1])
        await ask({ url: addressOf(id, 'link', { link, url: `https://a.example/${link}` }) });
      await settled();
      to.clock.advance(200_000);
    }
    const items = await view(notification);
    assert.deepEqual(
      items.map(({ url, people, firstAt }: Record<string, unknown>) => [url, people, firstAt]),
      [
        ['https://a.example/0', 3, first],
        ['https://a.example/1', 3, first],
      ],
    );
    assert.equal((await to.see(notification)).deliveries[0].clickedAt, first);
    const { rows } = await store().engine.query('select event from receipts where delivery_id = $1', [id]);
    assert.equal(rows.length, 2, 'a receipt for each link, however often it was clicked');
  });

  it('of proxies and machines are counted apart, and mark nothing', async () => {
    const { id, notification } = await sent('email');
    await ask({ url: addressOf(id, 'pixel') }, APPLE);
    await ask({ url: addressOf(id, 'link') }, 'curl/8.5.0');
    await ask({ url: addressOf(id, 'link'), headers: { 'sec-purpose': 'prefetch;prerender' } });
    await settled();
    assert.deepEqual(await marks(notification), []);
    const items = await view(notification);
    assert.deepEqual(
      items.map((each: Record<string, unknown>) => [
        each.kind,
        each.people,
        each.proxies,
        each.machines,
        each.why,
      ]),
      [
        ['clicked', 0, 0, 2, 'prefetch'],
        ['opened', 0, 1, 0, 'apple-mail'],
      ],
    );
  });

  it('of a scanner that tries all links still lead on, and mark nothing', async () => {
    const { id, notification } = await sent('email');
    for (const link of [0, 1, 2])
      assert.equal((await ask({ url: addressOf(id, 'link', { link }) })).statusCode, 302);
    await settled();
    assert.deepEqual(await marks(notification), []);
    assert.deepEqual(
      (await view(notification)).map(({ machines, why }: Record<string, unknown>) => [machines, why]),
      [0, 1, 2].map(() => [1, 'burst']),
    );
  });

  it('with a token that is not ours, was changed or is for something else get a page, and are led nowhere', async () => {
    const { id } = await sent('email');
    const link = addressOf(id, 'link');
    const ip = (n: number) => ({ 'x-forwarded-for': `198.51.100.${n}` });
    const wrong = [
      '/l/x',
      '/l/https://evil.example/',
      '/l/%2F%2Fevil.example',
      `${link}A`,
      link.slice(0, -1),
      link.slice(0, 60),
      link.replace('/l/', '/o/'),
      addressOf(id, 'pixel').replace('/o/', '/l/'),
      `/l/${addressOf(id, 'beacon')}`,
      `/l/${'A'.repeat(8_000)}`,
    ];
    for (const [n, url] of wrong.entries()) {
      const { statusCode, headers, body } = await ask({ url, headers: ip(n) });
      assert.deepEqual([statusCode, headers.location], [404, undefined], url);
      assert.match(body, /This link does not work/);
      assert.match(headers['content-security-policy'] as string, /default-src 'none'/);
    }
    for (let n = 0; n < FAILURES; n++) await ask({ url: '/l/x', headers: ip(99) });
    assert.equal((await ask({ url: '/l/x', headers: ip(99) })).statusCode, 429);
    assert.equal((await ask({ url: link, headers: ip(99) })).statusCode, 302, 'a right one still works');
  });

  it('of what is gone, or of another tenant, lead on and are written down nowhere', async () => {
    const { id, notification } = await sent('email');
    const strangers = [
      addressOf('01910000-0000-7000-8000-00000000dead', 'link'),
      addressOf(id, 'link', { tenantId: '01910000-0000-7000-8000-0000000000ff' }),
    ];
    for (const url of strangers) assert.equal((await ask({ url })).statusCode, 302);
    await settled();
    assert.deepEqual([await view(notification), await marks(notification)], [[], []]);
    assert.deepEqual([await view(notification, 'other'), await view(id)], [404, 404]);
  });

  it('are led on while the database is away, and written down when it is back', async () => {
    const { id, notification } = await sent('email');
    let isAway = true;
    const tried = Promise.withResolvers<void>();
    line = makeLine(async (visits) => {
      tried.resolve();
      if (isAway) throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' });
      await applyVisits({ ...to, store: store() }, visits);
    });
    const { statusCode, headers } = await ask({ url: addressOf(id, 'pixel') });
    assert.equal(statusCode, 200, headers.location as string);
    assert.equal((await ask({ url: addressOf(id, 'link') })).headers.location, TARGET);
    to.clock.advance(250);
    await tried.promise;
    isAway = false;
    await settled();
    assert.deepEqual(await marks(notification), ['openedAt', 'clickedAt']);
  });

  it('end a ladder that goes on until then, and wake routing', async () => {
    for (const [until, kind] of [
      ['seen', 'pixel'],
      ['clicked', 'link'],
    ] as const) {
      const { id, notification } = await sent('email', { ladder: ladder(until, ['email'], ['sms']) });
      await ask({ url: addressOf(id, kind) }, kind === 'pixel' ? APPLE : 'curl/8');
      await settled();
      await to.route();
      assert.deepEqual(await to.story(notification), ['0 email sent'], 'not a machine');
      await ask({ url: addressOf(id, kind) });
      assert.deepEqual(await to.heard(settled), ['route']);
      await to.route();
      assert.deepEqual(await to.story(notification), ['0 email sent', '1 sms skipped ladder_stopped']);
    }
  });

  it('are said by beacons: shown on a screen is delivered, and what is dismissed was seen', async () => {
    const { id, notification } = await sent('webhook');
    const token = addressOf(id, 'beacon');
    const { statusCode, headers } = await beacon({ token, event: 'shown' });
    assert.deepEqual([statusCode, headers['access-control-allow-origin']], [204, '*']);
    assert.equal(headers['access-control-allow-credentials'], undefined);
    await settled();
    assert.deepEqual(await marks(notification), ['deliveredAt']);
    await beacon({ token, event: 'dismissed' }, 'application/json');
    await settled();
    assert.deepEqual(await marks(notification), ['deliveredAt', 'openedAt']);
    await beacon({ token, event: 'clicked' });
    await settled();
    assert.deepEqual(await marks(notification), ['deliveredAt', 'openedAt', 'clickedAt']);
    const items = await view(notification);
    assert.deepEqual(
      items.map(({ kind, people }: Record<string, unknown>) => [kind, people]),
      [
        ['clicked', 1],
        ['dismissed', 1],
        ['shown', 1],
      ],
    );
  });

  it('of the inbox are seen when they are shown', async () => {
    const { id, notification } = await sent('inbox');
    await beacon({ token: addressOf(id, 'beacon'), event: 'shown' });
    await settled();
    assert.deepEqual(await marks(notification), ['openedAt']);
  });

  it('by beacons are refused unless everything is as it should be, and a page can read why', async () => {
    const { id } = await sent('inbox');
    const token = addressOf(id, 'beacon');
    const refused: [payload: string | object, status: number, type?: string][] = [
      ['', 400],
      ['not json', 400],
      [{ token, event: 'bought' }, 400],
      [{ token, event: 'shown', more: 1 }, 400],
      [{ event: 'shown' }, 400],
      [`{"__proto__":{},"token":"${token}","event":"shown"}`, 400],
      [{ token: `${token}A`, event: 'shown' }, 404],
      [{ token: addressOf(id, 'pixel').slice(3), event: 'shown' }, 404],
      [{ token, event: 'shown' }, 415, 'application/x-www-form-urlencoded'],
      [{ token, event: 'shown', more: 'x'.repeat(5_000) }, 413],
    ];
    for (const [payload, status, type] of refused) {
      const answer = await beacon(payload, type);
      assert.equal(answer.statusCode, status, JSON.stringify(payload).slice(0, 100));
      assert.equal(answer.headers['access-control-allow-origin'], '*');
    }
    const preflight = await ask({ method: 'OPTIONS', url: '/v1/beacons' });
    assert.deepEqual(
      [preflight.statusCode, preflight.headers['access-control-allow-methods']],
      [204, 'POST'],
    );
  });
});
