import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { Secret } from '../lib/secret.ts';
import { checkFacts, checkTestConfig } from './conformance/facts.ts';
import { oddReplies, oddResponses, quotingBodies, sampleMessages } from './conformance/samples.ts';
import {
  assertHidden,
  assertOutcome,
  assertValid,
  deepFreeze,
  needlesOf,
  revealAll,
} from './conformance/valid.ts';
import type {
  Example,
  HttpProvider,
  HttpResponse,
  Message,
  Outcome,
  Provider,
  RequestContext,
  SmtpReply,
} from './contract.ts';

/** A message and the request that the vendor must get for it. */
export interface Golden {
  name: string;
  message: Message;
  /** Over the test configuration and the context of the suite (its token is `token-of-the-suite`). */
  config?: object;
  context?: Partial<RequestContext>;
  /** The parts of the request to compare, secrets in plain text; a `body` that is an object is compared as JSON. */
  expected: Record<string, unknown>;
}

const NOW = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 86_400_000;

/** The tests that every provider must pass, whatever it speaks. */
export function conformance(provider: Provider, { golden = [] }: { golden?: Golden[] } = {}): void {
  // One configuration for all: it holds freshly made keys.
  const config = deepFreeze(provider.testConfig());
  const suite: Suite = { provider, config, needles: Object.values(config).flatMap(findNeedles) };
  describe(`${provider.id} conforms`, () => {
    it('states sane facts', () => checkFacts(provider));
    it('has a test configuration that its fields accept', () => checkTestConfig(provider, config));
    it('makes a request of nothing but its arguments', (t) => checkPurity(suite, t));
    it('makes requests that can be sent, and print no secret', () => checkRequests(suite));
    for (const one of golden) it(`makes the request: ${one.name}`, () => checkGolden(suite, one));
    if (provider.transport === 'inbox') return;
    const examples: Record<string, Example<unknown>> = provider.examples;
    it('has examples of the outcomes that matter', () => checkExamples(examples));
    for (const [name, { reply, outcome }] of Object.entries(examples)) {
      it(`understands its example ${name}`, () => {
        assertOutcome(provider.classify(deepFreeze(reply) as never, { now: NOW }), outcome);
      });
    }
    it('makes a valid outcome of every answer', () => checkAnswers(provider));
    it('repeats no text of an answer that may quote a secret', () => checkQuotes(suite));
    if (provider.receipts) it('refuses receipts that nobody signed', () => checkReceipts(suite));
    if (provider.transport !== 'smtp' && provider.token)
      it('gets usable tokens', () => checkToken(suite, provider));
  });
}

interface Suite {
  provider: Provider;
  // biome-ignore lint/suspicious/noExplicitAny: each provider types its own configuration
  config: any;
  needles: string[];
}

function findNeedles(value: unknown): string[] {
  return value instanceof Secret ? needlesOf(value) : [];
}

/** Everything is fixed, the randomness too: the same bytes in the same order, however often a request is made. */
function contextOf(provider: Provider): RequestContext {
  let drawn = 0;
  return Object.freeze({
    now: NOW,
    random: (outputLength: number) => createHash('shake256', { outputLength }).update(`${drawn++}`).digest(),
    deliveryId: '019aa6b0-0000-7000-8000-000000000001',
    baseUrl: 'baseUrl' in provider ? provider.baseUrl : '',
    callbackUrl: 'https://bellhop.example/v1/receipts/c1',
    ...('token' in provider && provider.token && { token: new Secret('token-of-the-suite') }),
  });
}

// ---------------------------------------------------------------------------------------------- request

function checkPurity({ provider, config }: Suite, t: TestContext): void {
  const forbid = (what: string) => () => assert.fail(`${what} is passed in, not asked for`);
  t.mock.method(Date, 'now', forbid('the time'));
  t.mock.method(Math, 'random', forbid('randomness'));
  // Writing to what is frozen throws.
  const messages = deepFreeze(sampleMessages(provider, NOW));
  const make = (message: Message) => revealAll(provider.request(message, config, contextOf(provider)));
  const first = messages.map(make);
  // Backwards, so that what an earlier request left behind would show.
  const again = messages.toReversed().map(make).toReversed();
  assert.deepEqual(again, first);
}

function checkRequests({ provider, config, needles }: Suite): void {
  for (const message of sampleMessages(provider, NOW)) {
    const context = contextOf(provider);
    const request = provider.request(message, config, context);
    assertHidden(request, [...needles, ...findNeedles(context.token)]);
    if ('url' in request && 'method' in request) {
      const { url, headers } = revealAll(request) as { url: string; headers: Record<string, string> };
      assert.match(url, /^https:\/\//);
      assert.ok(URL.canParse(url));
      for (const [name, value] of Object.entries(headers)) checkHeader(name, value);
    }
    assert.ok(!JSON.stringify(revealAll(request)).includes('leak'), "another provider's passthrough");
  }
}

/** RFC 9110, 5.5 and 5.6.2; HTTP/2 wants lower case. A line break in a value would begin a header of its own. */
function checkHeader(name: string, value: string): void {
  assert.match(name, /^[a-z0-9!#$%&'*+.^_`|~-]+$/);
  assert.match(value, /^[\x20-\x7e\x80-\xff\t]*$/, `the value of ${name}`);
}

function checkGolden({ provider, config }: Suite, { message, expected, ...own }: Golden): void {
  const request = provider.request(
    deepFreeze(message),
    { ...config, ...own.config },
    { ...contextOf(provider), ...own.context },
  );
  const revealed = revealAll(request) as Record<string, unknown>;
  if (typeof expected.body === 'object') revealed.body = JSON.parse(String(revealed.body));
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, revealed[key]])), expected);
}

// ---------------------------------------------------------------------------------------------- answers

function checkExamples(examples: Record<string, Example<unknown>>): void {
  for (const kind of ['accepted', 'rejected', 'retry', 'unavailable']) {
    assert.equal(examples[kind]?.outcome.kind, kind);
  }
  for (const name of Object.keys(examples)) {
    // Part of addresses for the simulator, which has these three breakdowns of its own.
    assert.match(name, /^(?!(?:hang|reset|cut)$)[a-z][A-Za-z0-9]*$/);
  }
}

function checkAnswers(provider: Exclude<Provider, { transport: 'inbox' }>): void {
  const check = (answer: object, classify: () => Outcome) => {
    try {
      const outcome = classify();
      assertValid(outcome);
      return outcome;
    } catch (cause) {
      throw new Error(`of ${JSON.stringify(answer).slice(0, 500)}`, { cause });
    }
  };
  if (provider.transport === 'smtp') {
    for (const reply of oddReplies()) {
      const { kind } = check(reply, () => provider.classify(Object.freeze(reply), { now: NOW }));
      assert.notEqual(kind, 'accepted', JSON.stringify(reply).slice(0, 500));
      if (isCutOff(reply)) assert.equal(kind === 'unknown', reply.dataSent, reply.code);
    }
    return;
  }
  for (const response of oddResponses(Object.values(provider.examples))) {
    const { kind } = check(response, () => provider.classify(deepFreeze(response), { now: NOW }));
    if (response.status < 200 || response.status > 299)
      assert.notEqual(kind, 'accepted', `${response.status}`);
  }
}

/** A connection that died without a reply: only what was written tells whether the message may have gone out. */
function isCutOff(reply: SmtpReply): reply is Extract<SmtpReply, { kind: 'fault' }> {
  const isDead = reply.kind === 'fault' && /^(ECONN(ECTION|RESET)|ESOCKET|ETIMEDOUT)$/.test(reply.code);
  return isDead && reply.replyCode === undefined;
}

function checkQuotes({ provider, needles }: Suite): void {
  for (const needle of needles) {
    for (const body of quotingBodies(`Key ${needle} is not valid`)) {
      if (provider.transport === 'smtp') {
        const reply: SmtpReply = {
          kind: 'refused',
          replyCode: 535,
          reply: `535 5.7.8 ${body}`,
          command: 'AUTH',
        };
        assertHidden(provider.classify(reply, { now: NOW }), needles);
      } else if (provider.transport !== 'inbox') {
        for (const status of [200, 400, 401, 403, 429, 500])
          assertHidden(provider.classify({ status, headers: {}, body }, { now: NOW }), needles);
      }
    }
  }
}

function checkReceipts({ provider, config }: Suite): void {
  const { verify, handshake, parse, inbound } = provider.receipts!;
  for (const body of ['', '{', 'null', '[]', '{}', 'a=b&c', 'x'.repeat(65_536)]) {
    const request = {
      method: 'POST',
      url: 'https://bellhop.example/r',
      headers: {},
      body: Buffer.from(body),
    };
    assert.equal(verify(request, config, { now: NOW }), false);
    for (const verified of [false, true])
      assert.equal(handshake?.(request, config, { now: NOW, verified }) ?? null, null);
    assert.deepEqual(parse(request, config), []);
    assert.deepEqual(inbound?.parse(request, config) ?? [], []);
  }
}

// ---------------------------------------------------------------------------------------------- tokens

function checkToken(suite: Suite, provider: HttpProvider): void {
  const { config, needles } = suite;
  const source = provider.token!;
  const isUsable = (token: { value: Secret; expiresAt: number }) => {
    assert.ok(token.value.reveal());
    assert.ok(token.expiresAt > NOW && token.expiresAt <= NOW + DAY_MS, 'expires within a day');
    assertHidden(token, [...needles, token.value.reveal()]);
  };
  if ('sign' in source) {
    for (const message of sampleMessages(provider, NOW)) {
      isUsable(source.sign(config, { now: NOW, audience: source.audience?.(message) ?? '' }));
    }
    return;
  }
  const ask = () => source.request(config, { now: NOW, baseUrl: provider.baseUrl });
  assert.deepEqual(revealAll(ask()), revealAll(ask()));
  assertHidden(ask(), needles);
  assert.ok(provider.tokenExample, 'the simulator needs an answer');
  const answered = source.parse(deepFreeze(provider.tokenExample), { now: NOW });
  assert.ok('token' in answered);
  isUsable(answered.token);
  const example: Example<HttpResponse> = { reply: provider.tokenExample, outcome: { kind: 'accepted' } };
  for (const response of oddResponses([example])) {
    const parsed = source.parse(deepFreeze(response), { now: NOW });
    if ('token' in parsed) isUsable(parsed.token);
    else {
      assertValid(parsed.outcome);
      assert.ok(!['accepted', 'token-expired'].includes(parsed.outcome.kind), 'nothing was sent yet');
    }
  }
}
