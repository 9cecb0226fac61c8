import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { eventually, type RunningBellhop, startBellhop, temporaryFolder } from '../support/process.ts';
import { createTestDatabase, stopOwnCluster } from '../support/stores.ts';
import { type MailServer, startMailServer } from './counterparts.ts';
import { signAsTermii, startTermiiPeer, TERMII } from './termii-peer.ts';
import type { TextPeer } from './text-peer.ts';
import { startTwilioPeer } from './twilio-peer.ts';

const MESSAGE = { title: 'Your parcel', body: 'It arrives today.' };
const MESSAGES = 12;
const SOON_MS = 20_000;
const RECOVERED_MS = 90_000;

// Two connections of a channel against real peers, on a real PostgreSQL: the first one fails, in several ways.
describe('failover from Twilio to Termii', () => {
  let bellhop: RunningBellhop;
  let databaseUrl: string;
  const dataDir = temporaryFolder();
  let [first, second]: TextPeer[] = [];

  before(async () => {
    databaseUrl = await createTestDatabase();
    bellhop = await startBellhop({ DATABASE_URL: databaseUrl }, { dataDir });
    [first, second] = await Promise.all([startTwilioPeer(), startTermiiPeer()]);
    await bellhop.call('PUT', '/v1/users/ada', {
      contacts: { phone: '+4915112345678', email: 'ada@mail.example' },
    });
  });
  after(async () => {
    await bellhop?.dispose();
    await Promise.all([first?.close(), second?.close()]);
    await stopOwnCluster();
  });

  /** A changed connection begins with a clean record. */
  async function connectTexts(): Promise<void> {
    for (const peer of [first!, second!]) {
      peer.recipients.length = 0;
      peer.mood = 'well';
    }
    const twilio = { accountSid: `AC${'0'.repeat(32)}`, authToken: 'token', from: '+15005550006' };
    for (const [id, request] of [
      ['first', { provider: 'twilio', priority: 1, config: { ...twilio, baseUrl: first!.origin } }],
      ['second', { provider: 'termii', priority: 2, config: { ...TERMII, baseUrl: second!.origin } }],
    ] as const) {
      const { status, body } = await bellhop.call('PUT', `/v1/connections/${id}`, request);
      assert.ok(status < 300, JSON.stringify(body));
    }
  }

  async function send(channel: string, extra: object = {}): Promise<string> {
    const request = { userId: 'ada', message: MESSAGE, channels: [channel], ...extra };
    const { status, body } = await bellhop.call('POST', '/v1/notifications', request);
    assert.equal(status, 202, JSON.stringify(body));
    return body.id;
  }
  const sendMany = (channel: string) => Promise.all(Array.from({ length: MESSAGES }, () => send(channel)));
  const view = async (id: string) => (await bellhop.call('GET', `/v1/notifications/${id}`)).body;
  const healthOf = async (id: string) => (await bellhop.call('GET', `/v1/connections/${id}/health`)).body;
  const sent = (id: string) =>
    eventually(
      () => view(id),
      ({ status }) => status === 'sent',
      SOON_MS,
    );

  it('brings all messages over the second connection within seconds while the first is refused', async () => {
    await connectTexts();
    await first!.die();
    const startedAt = performance.now();
    const views = await Promise.all((await sendMany('sms')).map(sent));
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs < 10_000, `${tookMs} ms`);
    assert.deepEqual([first!.recipients.length, second!.recipients.length], [0, MESSAGES]);
    for (const { deliveries } of views) {
      assert.equal(deliveries[0].connection, 'second');
      assert.match(deliveries[0].why, /^(Moved from first to second|Passed over first)/);
    }
    assert.equal((await healthOf('first')).breaker, 'open');
    const later = await sent(await send('sms'));
    const { choice, why, attempts } = later.deliveries[0];
    assert.deepEqual(choice, { leftOut: [{ connection: 'first', why: 'breaker_open' }] });
    assert.equal(why, 'Passed over first, which did not work.');
    assert.equal(attempts.length, 1);
  });

  it('hears from the second vendor what became of a message, by an id that no number can hold', async () => {
    const id = await send('sms');
    const { providerMessageId } = (await sent(id)).deliveries[0];
    assert.match(providerMessageId, /^9122821270554876\d{3}$/);
    const { receiptsPath } = (await bellhop.call('GET', '/v1/connections/second')).body;
    const report = `{"type":"outbound","message_id":${providerMessageId},"status":"DELIVERED | Message delivered to handset"}`;
    const post = (signature: string) =>
      fetch(bellhop.url + receiptsPath, {
        method: 'POST',
        headers: { 'x-termii-signature': signature },
        body: report,
      });
    assert.equal((await post(signAsTermii(`${report} `))).status, 401);
    assert.equal((await post(signAsTermii(report))).status, 204);
    assert.ok((await view(id)).deliveries[0].deliveredAt);
  });

  it('keeps the breaker open over a restart, and gives the traffic back step by step', async () => {
    const { openUntil } = await healthOf('first');
    await bellhop.end();
    bellhop = await startBellhop({ DATABASE_URL: databaseUrl }, { dataDir });
    const { breaker, openUntil: restored } = await healthOf('first');
    assert.equal(breaker, 'open');
    assert.ok(restored >= openUntil);
    await first!.revive();
    const shares = new Set<number>();
    const health = await eventually(
      async () => {
        await send('sms');
        const now = await healthOf('first');
        shares.add(now.share);
        return now;
      },
      ({ breaker }) => breaker === 'closed',
      RECOVERED_MS,
    );
    assert.equal(health.share, 1);
    for (const share of [0, 0.1]) assert.ok(shares.has(share), [...shares].join());
    assert.equal((await sent(await send('sms'))).deliveries[0].connection, 'first');
  });

  it('moves on from a vendor that answers 503', async () => {
    await connectTexts();
    first!.mood = 'down';
    const views = await Promise.all((await sendMany('sms')).map(sent));
    assert.ok(views.every(({ deliveries }) => deliveries[0].connection === 'second'));
    assert.equal((await healthOf('first')).breaker, 'open');
  });

  it('moves an urgent message after its first retry, even when nothing else is known of the connection', async () => {
    await connectTexts();
    first!.mood = 'down';
    const { deliveries } = await sent(await send('sms', { priority: 'high' }));
    const tries = deliveries[0].attempts.map((attempt: { connection: string; outcome: string }) => [
      attempt.connection,
      attempt.outcome,
    ]);
    assert.deepEqual(tries, [
      ['first', 'retry'],
      ['second', 'accepted'],
    ]);
    assert.equal((await healthOf('first')).breaker, 'closed');
  });

  it('notices silence before any deadline, and never sends over another connection what may have been sent', async () => {
    await connectTexts();
    first!.mood = 'silent';
    const hanging = await Promise.all(Array.from({ length: 4 }, () => send('sms')));
    const startedAt = performance.now();
    await eventually(
      () => healthOf('first'),
      ({ breaker }) => breaker === 'open',
      SOON_MS,
    );
    assert.ok(performance.now() - startedAt < 10_000);
    const { deliveries } = await sent(await send('sms'));
    assert.equal(deliveries[0].connection, 'second');
    assert.equal(second!.recipients.length, 1);
    for (const id of hanging) assert.equal((await view(id)).deliveries[0].connection, 'first');
    // The probe does not wait for those that still hang (their deadline is 30 s).
    first!.mood = 'well';
    await eventually(
      async () => {
        await send('sms');
        return healthOf('first');
      },
      ({ breaker }) => breaker !== 'open',
      15_000,
    );
    assert.ok(performance.now() - startedAt < 25_000);
  });

  it('keeps to the countries that a connection serves, and says so when none does', async () => {
    await connectTexts();
    const config = { accountSid: `AC${'0'.repeat(32)}`, from: '+15005550006', baseUrl: first!.origin };
    const countries = { deny: ['DE'] };
    const put = (id: string, request: object) => bellhop.call('PUT', `/v1/connections/${id}`, request);
    await put('first', { provider: 'twilio', priority: 1, countries, config });
    const { deliveries } = await sent(await send('sms'));
    assert.deepEqual(deliveries[0].choice.leftOut, [{ connection: 'first', why: 'country_not_served' }]);
    await put('second', {
      provider: 'termii',
      enabled: false,
      config: { ...TERMII, baseUrl: second!.origin },
    });
    const refused = await eventually(
      async () => view(await send('sms')),
      ({ status }) => status === 'skipped',
    );
    assert.equal(refused.deliveries[0].reason, 'country_not_served');
  });
});

describe('failover from mail server to mail server', () => {
  let bellhop: RunningBellhop;
  let first: MailServer;
  let second: MailServer;
  const silent = createServer(() => {});

  before(async () => {
    const databaseUrl = await createTestDatabase();
    bellhop = await startBellhop({ DATABASE_URL: databaseUrl });
    [first, second] = await Promise.all([startMailServer(), startMailServer()]);
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
  });
  after(async () => {
    await bellhop?.dispose();
    silent.close();
    await Promise.all([first?.close(), second?.close()].map((closed) => closed?.catch(() => {})));
    await stopOwnCluster();
  });

  async function connect(port: number): Promise<void> {
    for (const [id, to] of [
      ['first', port],
      ['second', second.port],
    ] as const) {
      const config = { host: '127.0.0.1', port: to, security: 'none', from: 'Shop <news@shop.example>' };
      const request = { provider: 'smtp', priority: id === 'first' ? 1 : 2, config };
      assert.ok((await bellhop.call('PUT', `/v1/connections/${id}`, request)).status < 300);
    }
  }

  async function sendToMany(name: string): Promise<void> {
    const startedAt = performance.now();
    const before = second.mails.length;
    await Promise.all(
      Array.from({ length: MESSAGES }, async (_, i) => {
        await bellhop.call('PUT', `/v1/users/${name}-${i}`, {
          contacts: { email: `${name}-${i}@mail.example` },
        });
        const request = { userId: `${name}-${i}`, message: MESSAGE, channels: ['email'] };
        assert.equal((await bellhop.call('POST', '/v1/notifications', request)).status, 202);
      }),
    );
    await eventually(
      async () => second.mails.length - before,
      (count) => count === MESSAGES,
      SOON_MS,
    );
    assert.ok(performance.now() - startedAt < 15_000);
  }

  it('works while the first accepts connections and never says a word', async () => {
    await connect((silent.address() as { port: number }).port);
    await sendToMany('silent');
  });

  it('works while the first answers that its system is broken', async () => {
    await connect(first.port);
    for (let i = 0; i < MESSAGES; i++) first.replies.set(`busy-${i}@mail.example`, Array(10).fill(451));
    await sendToMany('busy');
    assert.equal(first.mails.length, 0);
  });

  it('works while the first is refused, and mail goes there again when it is back', async () => {
    await connect(first.port);
    await first.close();
    await sendToMany('refused');
    first = await startMailServer(first.port);
    await bellhop.call('PUT', '/v1/users/ada', { contacts: { email: 'ada@mail.example' } });
    const health = await eventually(
      async () => {
        await bellhop.call('POST', '/v1/notifications', {
          userId: 'ada',
          message: MESSAGE,
          channels: ['email'],
        });
        return (await bellhop.call('GET', '/v1/connections/first/health')).body;
      },
      ({ breaker }) => breaker === 'closed',
      RECOVERED_MS,
    );
    assert.equal(health.share, 1);
    assert.ok(first.mails.length > 0);
  });
});
