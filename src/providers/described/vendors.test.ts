import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import httpChat from '../chat/http-chat.ts';
import { sampleMessages } from '../conformance/samples.ts';
import { assertOutcome, deepFreeze, revealAll } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { HttpProvider, HttpResponse, Message, Outcome, RequestContext } from '../contract.ts';
import { parseConfig } from '../fields.ts';
import httpSms from '../sms/http-sms.ts';
import termii from '../sms/termii.ts';
import twilio from '../sms/twilio.ts';

/** The configuration of an example, as a connection would have it. */
function load(name: string, provider: HttpProvider) {
  const file = new URL(`../../../examples/http-providers/${name}.json`, import.meta.url);
  const parsed = parseConfig(provider, JSON.parse(readFileSync(file, 'utf8')).config);
  assert.ok('config' in parsed, JSON.stringify(parsed));
  return deepFreeze(parsed.config) as ReturnType<typeof httpSms.testConfig>;
}

const NOW = Date.UTC(2026, 10, 21, 12);
const context: RequestContext = {
  now: NOW,
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: '',
  callbackUrl: 'https://bellhop.example/v1/receipts/t/c?delivery=d1',
};

// ---------------------------------------------------------------------------------------------- Twilio and Termii

interface Twin {
  name: string;
  written: HttpProvider;
  ownConfig: object;
  described: ReturnType<typeof load>;
}

const TWINS: Twin[] = [
  {
    name: 'Twilio',
    written: twilio as HttpProvider,
    ownConfig: {
      accountSid: `AC${'0'.repeat(32)}`,
      authToken: new Secret('the auth token'),
      from: '+15005550006',
    },
    described: load('twilio', httpSms as HttpProvider),
  },
  {
    name: 'Termii',
    written: termii as HttpProvider,
    ownConfig: { apiKey: new Secret('the API key'), from: 'Shop', channel: 'dnd' },
    described: load('termii', httpSms as HttpProvider),
  },
];

/** Passthrough goes by the id of the provider, so that each has its own. */
function* messagesFor(): Generator<Message> {
  for (const message of sampleMessages(httpSms as HttpProvider, NOW)) {
    const { passthrough: _, ...content } = message.content;
    yield { ...message, content };
    yield { ...message, content: { ...content, body: 'Ẹ káàbọ̀ {{ secret.apiKey }} "&=\\\r\n📦' } };
  }
}

for (const { name, written, ownConfig, described } of TWINS) {
  test(`${name} as data makes byte by byte the requests of the provider that is written`, () => {
    let made = 0;
    for (const message of messagesFor()) {
      for (const callbackUrl of [context.callbackUrl, undefined]) {
        const own = { ...context, callbackUrl, baseUrl: described.baseUrl };
        const expected = revealAll(written.request(message, ownConfig as never, own));
        assert.deepEqual(revealAll(httpSms.request(message, described, own)), expected);
        made++;
      }
    }
    assert.equal(made, 16);
  });

  test(`${name} as data judges every example as the provider that is written`, () => {
    for (const [example, { reply, outcome }] of Object.entries(written.examples)) {
      const judged = httpSms.classify(reply, { now: NOW, config: described });
      assert.deepEqual(judged, written.classify(reply, { now: NOW }), example);
      assertOutcome(judged, outcome);
    }
  });

  test(`${name} as data agrees on every status without a known body`, () => {
    for (let status = 100; status <= 599; status++) {
      for (const body of ['', '<html>', '[]', '{}']) {
        const reply = { status, headers: { 'retry-after': '7' }, body };
        const judged = httpSms.classify(reply, { now: NOW, config: described });
        assert.deepEqual(judged, written.classify(reply, { now: NOW }), `${status} ${body}`);
      }
    }
  });

  // The whole suite, with the replies of the vendor: no odd answer is accepted, no secret repeated.
  conformance({
    ...(httpSms as HttpProvider),
    id: 'http-sms',
    testConfig: () => described,
    examples: written.examples,
  });
}

test('every code of Twilio that answers a request means the same', () => {
  const { rules } = TWINS[0]!.described.response as { rules: { when: { equals?: number[] } }[] };
  const codes = [...rules.flatMap(({ when }) => when.equals ?? []), 21_699, 29_999];
  assert.ok(codes.length > 70, `${codes.length} codes`);
  for (const code of codes) {
    const reply = { status: 400, headers: {}, body: JSON.stringify({ code, message: 'm' }) };
    const judged = httpSms.classify(reply, { now: NOW, config: TWINS[0]!.described });
    assert.deepEqual(judged, twilio.classify(reply, { now: NOW }), `${code}`);
  }
});

test("Termii's reports as data are the receipts of the provider that is written", () => {
  const { described } = TWINS[1]!;
  for (const status of [
    'DELIVERED',
    'Message Sent',
    'Rejected',
    'Expired',
    'DND Active on Phone Number',
    'New',
  ]) {
    const report = { type: 'outbound', message_id: '9122821270554876574', status };
    const body = Buffer.from(JSON.stringify(report).replace(/"(\d{19})"/, '$1'));
    const mac = createHmac('sha512', 'the secret key of the dashboard').update(body).digest('hex');
    const received = {
      method: 'POST',
      url: 'https://bellhop.example/r',
      headers: { 'x-termii-signature': mac },
      body,
    };
    const verified = httpSms.receipts!.verify(received, described, { now: NOW });
    assert.equal(verified, true);
    const [mine] = httpSms.receipts!.parse(received, described);
    const [theirs] = termii.receipts!.parse(received, termii.testConfig());
    const { code: _, ...expected } = theirs ?? {};
    assert.deepEqual(mine, theirs && expected);
  }
});

// ---------------------------------------------------------------------------------------------- Viber and LINE

const chat = (address: string, body: string): Message => ({
  channel: 'chat',
  recipient: { address },
  content: { body },
  priority: 'normal',
  category: 'orders',
  userId: 'u1',
});
const reply = (status: number, body: object): HttpResponse => ({
  status,
  headers: {},
  body: JSON.stringify(body),
});

const viber = load('viber', httpChat as HttpProvider);

test('Viber: the request', () => {
  const request = revealAll(httpChat.request(chat('01234567890A=', 'Hi "you"'), viber, context));
  assert.deepEqual(request, {
    method: 'POST',
    url: 'https://chatapi.viber.com/pa/send_message',
    headers: { 'content-type': 'application/json', 'x-viber-auth-token': 'the token of the bot' },
    body:
      '{"receiver":"01234567890A=","type":"text","text":"Hi \\"you\\"","sender":{"name":"Shop"},' +
      '"tracking_data":"019aa6b0-0000-7000-8000-000000000001","min_api_version":1}',
  });
});

const VIBER: [status: number, outcome: Partial<Outcome>][] = [
  [1, { kind: 'unavailable', reason: 'account_misconfigured', code: '1' }],
  [2, { kind: 'unavailable', reason: 'credentials_invalid' }],
  [3, { kind: 'rejected', reason: 'request_invalid' }],
  [5, { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } }],
  [6, { kind: 'rejected', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } }],
  [7, { kind: 'unavailable', reason: 'account_suspended' }],
  [12, { kind: 'retry', reason: 'recipient_rate_limited', afterMs: 600_000, scope: 'message' }],
  [99, { kind: 'unknown', reason: 'response_unreadable', code: '99' }],
];

test('Viber: every answer comes with HTTP 200, and the status within it counts', () => {
  const token = '{"status":0,"status_message":"ok","message_token":5741311803571721087}';
  assert.deepEqual(
    httpChat.classify({ status: 200, headers: {}, body: token }, { now: NOW, config: viber }),
    { kind: 'accepted', providerMessageId: '5741311803571721087' },
  );
  for (const [status, expected] of VIBER)
    assertOutcome(httpChat.classify(reply(200, { status }), { now: NOW, config: viber }), expected);
});

test('Viber: a signed callback is a receipt, by the vector of its fact sheet', () => {
  const own = { ...viber, secrets: { authToken: new Secret('auth_token') } };
  const received = (body: string, signature: string) => ({
    method: 'POST',
    url: 'https://bellhop.example/r',
    headers: { 'x-viber-content-signature': signature },
    body: Buffer.from(body),
  });
  const vector = 'b0a47bacce9f6db6ef175af1af44f4de999df4355d27b3364d24a5f46d20c9bf';
  const verify = (signature: string) =>
    httpChat.receipts!.verify(received('{"event":"webhook"}', signature), own, { now: NOW });
  assert.deepEqual([verify(vector), verify(vector.replace('b', 'c')), verify('')], [true, false, false]);
  const seen = '{"event":"seen","timestamp":1457764197627,"message_token":5741311803571721087,"user_id":"u"}';
  assert.deepEqual(httpChat.receipts!.parse(received(seen, ''), viber), [
    {
      event: 'opened',
      deliveryId: null,
      providerMessageId: '5741311803571721087',
      at: 1_457_764_197_627,
      eventKey: '5741311803571721087:seen',
    },
  ]);
  assert.deepEqual(httpChat.receipts!.parse(received('{"event":"webhook"}', ''), viber), []);
});

const line = load('line', httpChat as HttpProvider);

test('LINE: the delivery is the key by which a repeat is known, and known to have arrived', () => {
  const { headers, body } = revealAll(httpChat.request(chat('U1', 'Hi'), line, context)) as {
    headers: Record<string, string>;
    body: string;
  };
  assert.equal(headers['x-line-retry-key'], context.deliveryId);
  assert.equal(body, '{"to":"U1","messages":[{"type":"text","text":"Hi"}]}');
  const judge = (status: number, answer: object) =>
    httpChat.classify(reply(status, answer), { now: NOW, config: line });
  assert.deepEqual(judge(200, { sentMessages: [{ id: '461230966842064897' }] }), {
    kind: 'accepted',
    providerMessageId: '461230966842064897',
  });
  assert.deepEqual(judge(409, { message: 'The retry key is already accepted' }), {
    kind: 'accepted',
    providerMessageId: null,
  });
  const cases: [number, string, Partial<Outcome>][] = [
    [
      400,
      "The property, 'to', in the request body is invalid",
      { kind: 'rejected', reason: 'recipient_invalid' },
    ],
    [400, 'May not be empty', { kind: 'rejected', reason: 'request_invalid' }],
    [401, 'Authentication failed', { kind: 'unavailable', reason: 'credentials_invalid' }],
    [429, 'You have reached your monthly limit.', { kind: 'unavailable', reason: 'quota_exhausted' }],
    [429, 'The API rate limit has been exceeded.', { kind: 'retry', reason: 'rate_limited' }],
    [500, 'Internal server error', { kind: 'retry', reason: 'provider_unavailable' }],
  ];
  for (const [status, message, expected] of cases) assertOutcome(judge(status, { message }), expected);
});

test('the examples of the guide are descriptions', () => {
  const guide = readFileSync(new URL('../../../docs/http-provider.md', import.meta.url), 'utf8');
  const [connection, receipts] = [...guide.matchAll(/```json\n(.*?)```/gs)].map(([, json]) =>
    JSON.parse(json!),
  );
  const { config } = connection;
  const parsed = parseConfig(httpChat as HttpProvider, { ...config, receipts });
  assert.ok('config' in parsed, JSON.stringify(parsed));
  const json = { ...config.request.json, to: '{{ recipient.adress }}' };
  const wrong = parseConfig(httpChat as HttpProvider, { ...config, request: { ...config.request, json } });
  assert.ok('problems' in wrong);
  const said = wrong.problems.map(({ path, rule }) => `/config${path} ${rule}`).join('; ');
  assert.ok(guide.replaceAll('\n', ' ').includes(said), said);
});
