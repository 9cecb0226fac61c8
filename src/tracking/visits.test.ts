import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { ladder } from '../../test/support/laddered.ts';
import { describeStores } from '../../test/support/stores.ts';
import {
  FAILURES_PER_SECOND,
  OTHER_TENANT,
  serveVisited,
  TARGET,
  type Visited,
} from '../../test/support/visited.ts';

const APPLE = 'Mozilla/5.0';

describeStores('visits', (store) => {
  let visited: Visited;
  before(async () => {
    visited = await serveVisited(store());
  });
  after(() => visited.close());

  it('to a link lead on at once, and tell nobody where from', async () => {
    const { id, notification } = await visited.sent('email');
    const url = visited.addressOf(id, 'link');
    const { statusCode, headers, body } = await visited.ask({ url });
    assert.deepEqual([statusCode, headers.location, body], [302, TARGET, '']);
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.match(headers['cache-control'] as string, /no-store/);
    assert.deepEqual(await visited.view(notification), [], 'the answer waits for nothing');
    assert.equal((await visited.ask({ url, method: 'HEAD' })).headers.location, TARGET);
    const longest = `https://shop.example/${'x'.repeat(2_048 - 21)}`;
    assert.equal(
      (await visited.ask({ url: visited.addressOf(id, 'link', { link: 1, url: longest }) })).headers.location,
      longest,
    );
    await visited.settled();
    const { deliveries } = await visited.to.see(notification);
    assert.equal(deliveries[0].clickedAt, new Date(visited.to.clock.now()).toISOString());
    const [link] = await visited.view(notification);
    assert.deepEqual(
      [link.kind, link.url, link.people, link.machines, link.why],
      ['clicked', TARGET, 1, 1, 'head'],
    );
  });

  it('to a picture get the smallest one there is', async () => {
    const { id, notification } = await visited.sent('email');
    const { statusCode, headers, rawPayload } = await visited.ask({ url: visited.addressOf(id, 'pixel') });
    assert.deepEqual([statusCode, headers['content-type'], rawPayload.length], [200, 'image/gif', 43]);
    assert.equal(rawPayload.subarray(0, 6).toString(), 'GIF89a');
    assert.match(headers['cache-control'] as string, /no-store/);
    await visited.settled();
    assert.deepEqual(await visited.marks(notification), ['openedAt']);
  });

  it('count each time, and mark the first time', async () => {
    const { id, notification } = await visited.sent('email');
    const first = new Date(visited.to.clock.now()).toISOString();
    for (let round = 0; round < 3; round++) {
      for (const link of [0, 1])
        await visited.ask({ url: visited.addressOf(id, 'link', { link, url: `https://a.example/${link}` }) });
      await visited.settled();
      visited.to.clock.advance(200_000);
    }
    const items = await visited.view(notification);
    assert.deepEqual(
      items.map(({ url, people, firstAt }: Record<string, unknown>) => [url, people, firstAt]),
      [
        ['https://a.example/0', 3, first],
        ['https://a.example/1', 3, first],
      ],
    );
    assert.equal((await visited.to.see(notification)).deliveries[0].clickedAt, first);
    const { rows } = await store().engine.query('select event from receipts where delivery_id = $1', [id]);
    assert.equal(rows.length, 2, 'a receipt for each link, however often it was clicked');
  });

  it('of proxies and machines are counted apart, and mark nothing', async () => {
    const { id, notification } = await visited.sent('email');
    await visited.ask({ url: visited.addressOf(id, 'pixel') }, APPLE);
    await visited.ask({ url: visited.addressOf(id, 'link') }, 'curl/8.5.0');
    await visited.ask({
      url: visited.addressOf(id, 'link'),
      headers: { 'sec-purpose': 'prefetch;prerender' },
    });
    await visited.settled();
    assert.deepEqual(await visited.marks(notification), []);
    const items = await visited.view(notification);
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
    const { id, notification } = await visited.sent('email');
    for (const link of [0, 1, 2])
      assert.equal((await visited.ask({ url: visited.addressOf(id, 'link', { link }) })).statusCode, 302);
    await visited.settled();
    assert.deepEqual(await visited.marks(notification), []);
    assert.deepEqual(
      (await visited.view(notification)).map(({ machines, why }: Record<string, unknown>) => [machines, why]),
      [0, 1, 2].map(() => [1, 'burst']),
    );
  });

  it('with a token that is not ours, was changed or is for something else get a page, and are led nowhere', async () => {
    const { id } = await visited.sent('email');
    const link = visited.addressOf(id, 'link');
    const ip = (n: number) => ({ 'x-forwarded-for': `198.51.100.${n}` });
    const wrong = [
      '/l/x',
      '/l/https://evil.example/',
      '/l/%2F%2Fevil.example',
      `${link}A`,
      link.slice(0, -1),
      link.slice(0, 60),
      link.replace('/l/', '/o/'),
      visited.addressOf(id, 'pixel').replace('/o/', '/l/'),
      `/l/${visited.addressOf(id, 'beacon')}`,
      `/l/${'A'.repeat(8_000)}`,
    ];
    for (const [n, url] of wrong.entries()) {
      const { statusCode, headers, body } = await visited.ask({ url, headers: ip(n) });
      assert.deepEqual([statusCode, headers.location], [404, undefined], url);
      assert.match(body, /This link does not work/);
      assert.match(headers['content-security-policy'] as string, /default-src 'none'/);
    }
    for (let n = 0; n < FAILURES_PER_SECOND; n++) await visited.ask({ url: '/l/x', headers: ip(99) });
    assert.equal((await visited.ask({ url: '/l/x', headers: ip(99) })).statusCode, 429);
    assert.equal(
      (await visited.ask({ url: link, headers: ip(99) })).statusCode,
      302,
      'a right one still works',
    );
  });

  it('of what is gone, or of another tenant, lead on and are written down nowhere', async () => {
    const { id, notification } = await visited.sent('email');
    const strangers = [
      visited.addressOf('01910000-0000-7000-8000-00000000dead', 'link'),
      visited.addressOf(id, 'link', { tenantId: OTHER_TENANT }),
    ];
    for (const url of strangers) assert.equal((await visited.ask({ url })).statusCode, 302);
    await visited.settled();
    assert.deepEqual([await visited.view(notification), await visited.marks(notification)], [[], []]);
    assert.deepEqual([await visited.view(notification, 'other'), await visited.view(id)], [404, 404]);
  });

  it('are led on while the database is away, and written down when it is back', async () => {
    const { id, notification } = await visited.sent('email');
    const tried = Promise.withResolvers<void>();
    visited.interrupt(() => {
      tried.resolve();
      throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' });
    });
    const { statusCode, headers } = await visited.ask({ url: visited.addressOf(id, 'pixel') });
    assert.equal(statusCode, 200, headers.location as string);
    assert.equal((await visited.ask({ url: visited.addressOf(id, 'link') })).headers.location, TARGET);
    visited.to.clock.advance(250);
    await tried.promise;
    visited.interrupt(() => {});
    await visited.settled();
    assert.deepEqual(await visited.marks(notification), ['openedAt', 'clickedAt']);
  });

  it('end a ladder that goes on until then, and wake routing', async () => {
    for (const [until, kind] of [
      ['seen', 'pixel'],
      ['clicked', 'link'],
    ] as const) {
      const { id, notification } = await visited.sent('email', { ladder: ladder(until, ['email'], ['sms']) });
      await visited.ask({ url: visited.addressOf(id, kind) }, kind === 'pixel' ? APPLE : 'curl/8');
      await visited.settled();
      await visited.to.route();
      assert.deepEqual(await visited.to.story(notification), ['0 email sent'], 'not a machine');
      await visited.ask({ url: visited.addressOf(id, kind) });
      assert.deepEqual(await visited.to.heard(visited.settled), ['route']);
      await visited.to.route();
      assert.deepEqual(await visited.to.story(notification), [
        '0 email sent',
        '1 sms skipped ladder_stopped',
      ]);
    }
  });
});
