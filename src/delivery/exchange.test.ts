import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TenantHooks } from '../hooks/index.ts';
import { makeClaimed } from '../hooks/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { Secret } from '../lib/secret.ts';
import { rejected } from '../providers/index.ts';
import webhook from '../providers/webhook/webhook.ts';
import { type ExchangeTools, exchange, type Sending } from './exchange.ts';
import { Health } from './health.ts';
import type { Passenger } from './joint-requests.ts';
import { type Route, routeOf } from './route.ts';

const SLOW_MS = 10_000;

describe('an exchange with hooks', () => {
  it('waits for its vendor from when it is sent: slow hooks open no breaker', async () => {
    const clock = new FakeClock();
    const health = new Health(clock.now());
    const tools = { clock, isAlive: () => true, callbackUrl: () => undefined } as unknown as ExchangeTools;
    const answer = Promise.withResolvers<void>();
    const hooks: TenantHooks = {
      postSend: () => {},
      preSend: async (_claimed, { content }) => {
        await answer.promise;
        return { kind: 'send', content, notes: [] };
      },
    };
    const sending = ['1', '2', '3'].map((n) => {
      const request = { message: { title: 'Hi', body: 'World' } };
      const claimed = makeClaimed('t', { id: n, channel: 'inbox', connection: 'inbox', request });
      const talk = { claimed, health, route: routeOf(claimed, []), template: null, hooks };
      return exchange(talk, tools);
    });
    clock.advance(SLOW_MS);
    health.listen(clock.now());
    assert.equal(health.breaker.isOpen, false);
    answer.resolve();
    for (const sent of await Promise.all(sending))
      assert.equal('outcome' in sent && sent.outcome.kind, 'accepted');
    clock.advance(SLOW_MS);
    health.listen(clock.now());
    assert.equal(health.breaker.isOpen, true, 'on their way, and no answer came');
  });
});

describe('a text that the vendor keeps', () => {
  it('is not sent while the vendor has not approved it', async () => {
    const clock = new FakeClock();
    const tools = { clock, isAlive: () => true, callbackUrl: () => undefined } as unknown as ExchangeTools;
    const vendorTemplates = { twilio: { id: 'parcel', parameters: {} } };
    const request = { message: { body: 'Parcel', sms: { vendorTemplates } } };
    const claimed = makeClaimed('t', { channel: 'sms', connection: 'test.twilio', request });
    const heldTemplates = [{ id: 'parcel', language: '', state: 'pending' as const }];
    const route = { ...routeOf(claimed, [])!, heldTemplates };
    const sending = await exchange(
      { claimed, health: new Health(0), route, template: null, hooks: null },
      tools,
    );
    assert.deepEqual(sending, {
      outcome: { kind: 'rejected', reason: 'content_refused', code: 'vendor_template_pending' },
      untried: true,
    });
  });
});

describe('what a vendor answers', () => {
  it('is kept without secrets, nor a part of one where it is cut', async () => {
    const clock = new FakeClock();
    const secret = 'whsec_YS1sb25nLXNlY3JldC1vZi10aGUtYWNjb3VudA==';
    for (const echoed of [secret, '493817']) {
      const body = `${'.'.repeat(997)}${echoed} and more`;
      const sender = { sendHttp: async () => ({ kind: 'reply', reply: { status: 400, headers: {}, body } }) };
      const tools = { clock, sender, isAlive: () => true, callbackUrl: () => undefined };
      const claimed = makeClaimed('t', { request: { message: { body: 'Hi' } } });
      const config = { url: 'https://a.example', secret: new Secret(secret) };
      const route = { provider: webhook, config, baseUrl: 'https://a.example' } as unknown as Route;
      const sealed = { code: '493817' };
      const talk = { claimed, health: new Health(0), route, template: null, hooks: null, sealed };
      const sending = await exchange(talk, tools as unknown as ExchangeTools);
      assert.ok('detail' in sending);
      assert.equal(sending.detail!.answer, `${'.'.repeat(997)}***`);
    }
  });
});

describe('an exchange over a provider that refuses some messages', () => {
  it('rejects them before a token is fetched or anything is sent', async () => {
    const clock = new FakeClock();
    const refusal = rejected('content_invalid', { code: 'template_missing' });
    const provider = { ...webhook, refuse: () => refusal };
    const claimed = makeClaimed('t', { request: { message: { body: 'Hi' } } });
    // No sender, no tokens and no health: whatever asked for them would fail.
    const tools = { clock, isAlive: () => true } as unknown as ExchangeTools;
    const route = { provider, config: {}, baseUrl: 'https://a.example' } as unknown as Route;
    const health = new Health(clock.now());
    const talk = { claimed, health, route, template: null, hooks: null };
    assert.deepEqual(await exchange(talk, tools), { outcome: refusal, untried: true });
  });
});

describe('an exchange that waits for a request with others', () => {
  it('hands back what this process was given up for meanwhile', async () => {
    const clock = new FakeClock();
    let isAlive = true;
    const tools = {
      clock,
      isAlive: () => isAlive,
      callbackUrl: () => undefined,
      joint: {
        send: async ({ isOurs }: Passenger) => {
          assert.equal(isOurs(), true);
          isAlive = false;
          assert.equal(isOurs(), false);
          return 'left behind';
        },
      },
    } as unknown as ExchangeTools;
    const provider = { ...webhook, batch: { max: 10, inFlight: 1, key: () => 'all' } };
    const claimed = makeClaimed('t', { priority: 'normal', request: { message: { body: 'Hi' } } });
    const route = { provider, config: {}, baseUrl: 'https://a.example' } as unknown as Route;
    const talk = { claimed, health: new Health(0), route, template: null, hooks: null };
    assert.deepEqual(await exchange(talk, tools), { held: null });
  });
});

describe('an exchange with the inbox', () => {
  it('refuses what no app should have to load', async () => {
    const clock = new FakeClock();
    const tools = { clock, isAlive: () => true, callbackUrl: () => undefined } as unknown as ExchangeTools;
    const send = (bytes: number) => {
      const request = { message: { title: 'Hi', body: 'World', data: { big: 'x'.repeat(bytes) } } };
      const claimed = makeClaimed('t', { id: '1', channel: 'inbox', connection: 'inbox', request });
      const route = routeOf(claimed, []);
      return exchange({ claimed, health: new Health(0), route, template: null, hooks: null }, tools);
    };
    assert.equal(((await send(65_000)) as Sending).outcome.kind, 'accepted');
    const { outcome, inboxItem } = (await send(66_000)) as Sending;
    assert.deepEqual([outcome.kind, inboxItem], ['rejected', undefined]);
  });
});
