import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { type MaskedUrl, Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, HttpResponse, Message, Outcome, RequestContext } from '../contract.ts';
import { buildPayload } from './webpush/message.ts';
import webpush from './webpush.ts';

conformance(webpush);

const DELIVERY = '019aa6b0-0000-7000-8000-000000000001';
const ENDPOINT = 'https://updates.push.services.mozilla.com/wpush/v2/gAAAA';
const KEYS = {
  p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
  auth: 'BTBZMqHH6r4Tts7J_aSIgg',
};
const config = webpush.testConfig();
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes).fill(7),
  deliveryId: DELIVERY,
  baseUrl: webpush.baseUrl,
};

function message(content: Content, extra: Partial<Message> = {}, recipient = {}): Message {
  return {
    channel: 'push',
    recipient: { address: ENDPOINT, platform: 'web', keys: KEYS, ...recipient },
    content,
    priority: 'high',
    category: 'c',
    userId: 'u1',
    ...extra,
  };
}

const request = (...parts: Parameters<typeof message>) =>
  webpush.request(message(...parts), config, { ...context, token: new Secret('jwt') });

// ---------------------------------------------------------------------------------------------- token

test("the token is an ES256 JWT for the endpoint's origin, used for 11 of its 12 hours", () => {
  const source = webpush.token!;
  assert.ok('sign' in source);
  const audience = source.audience!(message({}));
  assert.equal(audience, 'https://updates.push.services.mozilla.com');
  const token = source.sign(config, { now: context.now, audience });
  const [header, claims, signature] = token.value.reveal().split('.') as [string, string, string];
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  assert.deepEqual(read(header), { typ: 'JWT', alg: 'ES256' });
  assert.deepEqual(read(claims), {
    aud: audience,
    exp: context.now / 1000 + 43_200,
    sub: 'mailto:push@example.com',
  });
  const point = Buffer.from(config.publicKey, 'base64url');
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'));
  const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  const raw = Buffer.from(signature, 'base64url');
  assert.ok(verify('sha256', Buffer.from(`${header}.${claims}`), { key, dsaEncoding: 'ieee-p1363' }, raw));
  assert.equal(token.expiresAt, context.now + 11 * 3_600_000);
});

test('the audience keeps a port, and an endpoint that is no URL does not throw', () => {
  const source = webpush.token!;
  assert.ok('sign' in source);
  const audience = (address: string) => source.audience!(message({}, {}, { address }));
  assert.equal(audience('https://127.0.0.1:8443/push/1'), 'https://127.0.0.1:8443');
  assert.equal(audience('nonsense'), '');
});

// ---------------------------------------------------------------------------------------------- request

test('an encrypted body goes to the endpoint, whose path stays out of print', () => {
  const { method, url, headers, body } = request({ title: 'T' });
  assert.equal(method, 'POST');
  assert.equal((url as MaskedUrl).reveal(), ENDPOINT);
  assert.equal(String(url), 'https://updates.push.services.mozilla.com/***');
  const { authorization, topic, ...plain } = headers;
  assert.equal((authorization as Secret).reveal(), `vapid t=jwt, k=${config.publicKey}`);
  assert.match(String(topic), /^[\w-]{32}$/);
  assert.deepEqual(plain, {
    ttl: '2419200',
    urgency: 'high',
    'content-encoding': 'aes128gcm',
    'content-type': 'application/octet-stream',
  });
  const plaintext = buildPayload(message({ title: 'T' }), DELIVERY);
  assert.equal((body as Uint8Array).length, 86 + plaintext.length + 17);
  assert.deepEqual([...(body as Uint8Array).subarray(0, 16)], new Array(16).fill(7));
});

test('what is tracked carries its beacon, unless that made it larger than 2 KB', () => {
  const beacon = { url: 'https://bell.example/v1/beacons', token: 't'.repeat(75) };
  const read = (content: Content) => JSON.parse(String(buildPayload(message(content, { beacon }), DELIVERY)));
  assert.deepEqual(read({ title: 'T' }), { title: 'T', tag: DELIVERY, beacon });
  assert.equal(read({ title: 'T', body: 'x'.repeat(1_900) }).beacon, undefined);
  assert.deepEqual(read({ silent: true, data: { a: 1 } }), { data: { a: 1 } }, 'nothing is shown');
  assert.equal('beacon' in JSON.parse(String(buildPayload(message({ title: 'T' }), DELIVERY))), false);
});

test('a subscription without usable keys is woken without payload', () => {
  const point = Buffer.alloc(65, 4).toString('base64url');
  for (const keys of [undefined, {}, { p256dh: 'x', auth: 'y' }, { ...KEYS, p256dh: point }]) {
    const { body, headers } = request({ title: 'T' }, {}, { keys });
    assert.equal(body, '');
    assert.equal(headers['content-encoding'], undefined);
    assert.equal(headers.ttl, '2419200');
  }
});

test('the time to live follows the expiry, never negative', () => {
  const ttl = (ms: number) => request({}, { expiresAt: context.now + ms }).headers.ttl;
  assert.equal(ttl(90_500), '90');
  assert.equal(ttl(-1), '0');
  assert.equal(ttl(60 * 86_400_000), '2419200');
});

test('the topic stands for the collapse key, else for the delivery; for Google only for a collapse key', () => {
  const google = { address: 'https://fcm.googleapis.com/fcm/send/abc' };
  const { topic } = request({ collapseKey: 'order 7' }).headers;
  assert.match(String(topic), /^[\w-]{32}$/);
  assert.notEqual(topic, request({}).headers.topic);
  assert.equal(request({ collapseKey: 'order 7' }, {}, google).headers.topic, topic);
  assert.equal(request({}, {}, google).headers.topic, undefined);
});

test('the service worker gets what to show, with a tag that makes a repeat replace the first', () => {
  const read = (content: Content) =>
    JSON.parse(Buffer.from(buildPayload(message(content), DELIVERY)).toString());
  const actions = [{ id: 'a', title: 'A', url: 'https://a.org' }];
  const content = {
    title: 'T',
    body: 'B',
    icon: 'i',
    image: 'm',
    url: 'u',
    badge: 2,
    actions,
    data: { n: 1 },
  };
  assert.deepEqual(read(content), { ...content, tag: DELIVERY });
  assert.equal(read({ collapseKey: 'k' }).tag, 'k');
  assert.deepEqual(read({ silent: true, title: 'T', data: { n: 1 } }), { data: { n: 1 } });
  assert.deepEqual(read({ title: 'T', passthrough: { webpush: { dir: 'rtl' } } }), {
    title: 'T',
    tag: DELIVERY,
    dir: 'rtl',
  });
});

// ---------------------------------------------------------------------------------------------- classify

const gone = { kind: 'rejected', reason: 'device_unregistered', effect: { type: 'prune-device' } } as const;
const bad = { kind: 'rejected', reason: 'request_invalid', effect: undefined } as const;
const refused = { kind: 'unavailable', reason: 'credentials_invalid' } as const;
const down = { kind: 'retry', reason: 'provider_unavailable', scope: 'message' } as const;

const MOZILLA: [status: number, numbers: number[], outcome: Partial<Outcome>][] = [
  [400, [101, 108, 110, 111, 112, 113], bad],
  [401, [109], refused],
  [404, [102], gone],
  [410, [103, 105, 106], gone],
  [413, [104], { kind: 'rejected', reason: 'content_too_large' }],
  [500, [999], { kind: 'retry', reason: 'provider_error' }],
  [502, [900, 901, 902, 903], down],
  [503, [201], { ...down, afterMs: 60_000 }],
  [503, [202], { ...down, afterMs: 0 }],
  [400, [555], bad],
];

for (const [status, numbers, expected] of MOZILLA) {
  test(`Mozilla ${status} ${numbers}: ${expected.kind}`, () => {
    for (const errno of numbers)
      assertOutcome(classify(status, { code: status, errno }), { ...expected, code: `${errno}` });
  });
}

const APPLE: [status: number, reasons: string, outcome: Partial<Outcome>][] = [
  [400, 'BadTtl BadUrgency BadWebPushTopic BadWebPushRequest', bad],
  [400, 'VapidPkHashMismatch', gone],
  [403, 'VapidPkHashMismatch', gone],
  [403, 'BadJwtToken BadVapidPublicKey', refused],
  [410, 'Unregistered', gone],
];

for (const [status, reasons, expected] of APPLE) {
  test(`Apple ${status} ${reasons}: ${expected.kind}`, () => {
    for (const reason of reasons.split(' '))
      assertOutcome(classify(status, { reason }), { ...expected, code: reason });
  });
}

test('Google says in words that a subscription belongs to another key', () => {
  const text =
    'the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.';
  assertOutcome(classify(403, text), gone);
  assertOutcome(classify(400, '<HTML><TITLE>UnauthorizedRegistration</TITLE>'), gone);
  assertOutcome(classify(403, 'invalid JWT provided'), refused);
});

test('an answer without a code goes by its status', () => {
  const cases: [number, Partial<Outcome>][] = [
    [400, bad],
    [401, refused],
    [403, refused],
    [404, gone],
    [406, { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'message' }],
    [410, gone],
    [413, { kind: 'rejected', reason: 'content_too_large' }],
    [418, bad],
    [429, { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'message' }],
    [500, { kind: 'retry', reason: 'provider_error' }],
    [502, down],
    [503, down],
    [599, { kind: 'retry', reason: 'provider_error' }],
    [307, { kind: 'rejected', reason: 'recipient_invalid', effect: undefined }],
  ];
  for (const [status, expected] of cases) {
    for (const body of ['', '<html>', '[]', '{"errno":"x","reason":1}'])
      assertOutcome(classify(status, body), { ...expected, code: `${status}` });
  }
});

test('Retry-After is honoured before our own pause', () => {
  assertOutcome(classify(429, '', { 'retry-after': '7' }), { afterMs: 7_000 });
  assertOutcome(classify(500, '', { 'retry-after': '7' }), { afterMs: 7_000 });
});

test("the message's name is its Location, else Apple's id, else there is none", () => {
  const id = (headers: HttpResponse['headers']) => classify(201, '', headers);
  assertOutcome(id({ location: 'https://p.org/m/1', 'apns-id': 'A' }), {
    providerMessageId: 'https://p.org/m/1',
  });
  assertOutcome(id({ 'apns-id': 'A' }), { kind: 'accepted', providerMessageId: 'A' });
  assertOutcome(id({}), { kind: 'accepted', providerMessageId: null });
});

function classify(status: number, body: object | string, headers: HttpResponse['headers'] = {}): Outcome {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return webpush.classify({ status, headers, body: text }, context);
}
