import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import type { MaskedUrl, Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext } from '../contract.ts';
import apns from './apns.ts';

conformance(apns);

const DELIVERY = '019aa6b0-0000-7000-8000-000000000001';
const config = apns.testConfig();
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: DELIVERY,
  baseUrl: apns.baseUrl,
};

function message(content: Content, extra: Partial<Message> = {}): Message {
  const recipient = { address: 'a1b2c3', platform: 'ios' as const };
  return { channel: 'push', recipient, content, priority: 'high', category: 'order', userId: 'u1', ...extra };
}

const request = (content: Content, extra?: Partial<Message>) =>
  apns.request(message(content, extra), config, context);
const payload = (content: Content) => JSON.parse(String(request(content).body));

// ---------------------------------------------------------------------------------------------- token

test('the token is an ES256 JWT of team and key, used for 40 minutes', () => {
  assert.ok('sign' in apns.token!);
  const token = apns.token.sign(config, { now: context.now, audience: '' });
  const [header, claims, signature] = token.value.reveal().split('.') as [string, string, string];
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  assert.deepEqual(read(header), { alg: 'ES256', kid: 'KEY0000001' });
  assert.deepEqual(read(claims), { iss: 'TEAM000001', iat: context.now / 1000 });
  const key = createPublicKey(config.privateKey.reveal());
  const raw = Buffer.from(signature, 'base64url');
  assert.equal(raw.length, 64);
  assert.ok(verify('sha256', Buffer.from(`${header}.${claims}`), { key, dsaEncoding: 'ieee-p1363' }, raw));
  assert.equal(token.expiresAt, context.now + 40 * 60_000);
});

// ---------------------------------------------------------------------------------------------- request

test('an alert goes to the device with topic, priority, expiry and ids', () => {
  assert.ok('sign' in apns.token!);
  const token = apns.token.sign(config, { now: context.now, audience: '' }).value;
  const expiresAt = context.now + 90_999;
  const { method, url, headers } = apns.request(message({ body: 'x' }, { expiresAt }), config, {
    ...context,
    token,
  });
  const { authorization, ...plain } = headers;
  assert.equal(method, 'POST');
  assert.equal((url as MaskedUrl).reveal(), 'https://api.push.apple.com/3/device/a1b2c3');
  assert.equal(String(url), 'https://api.push.apple.com/3/device/***');
  assert.equal((authorization as Secret).reveal(), `bearer ${token.reveal()}`);
  assert.deepEqual(plain, {
    'apns-topic': 'com.example.app',
    'apns-push-type': 'alert',
    'apns-priority': '10',
    'apns-collapse-id': DELIVERY,
    'apns-expiration': String(context.now / 1000 + 90),
    'apns-id': DELIVERY,
    'content-type': 'application/json',
  });
});

test('the sandbox has its own host, unless the connection names one', () => {
  const url = (baseUrl: string) =>
    String(apns.request(message({}), { ...config, environment: 'sandbox' }, { ...context, baseUrl }).url);
  assert.equal(url(apns.baseUrl), 'https://api.sandbox.push.apple.com/3/device/***');
  assert.equal(url('https://127.0.0.1:8443'), 'https://127.0.0.1:8443/3/device/***');
});

test('the payload carries the alert, and the own values beside it', () => {
  const content = {
    title: 'T',
    subtitle: 'S',
    body: 'B',
    badge: 0,
    image: 'https://a.org/i.png',
    url: 'app://1',
    data: { n: 1, o: { p: 2 }, aps: 'ours wins' },
  };
  assert.deepEqual(payload(content), {
    n: 1,
    o: { p: 2 },
    url: 'app://1',
    image: 'https://a.org/i.png',
    aps: {
      alert: { title: 'T', subtitle: 'S', body: 'B' },
      badge: 0,
      sound: 'default',
      category: 'order',
      'mutable-content': 1,
    },
  });
});

test('a silent push is a background push and shows nothing', () => {
  const content = { silent: true, title: 'T', badge: 1, data: { sync: 'now' } };
  assert.deepEqual(payload(content), { sync: 'now', aps: { 'content-available': 1 } });
  const { headers } = request(content);
  assert.equal(headers['apns-push-type'], 'background');
  assert.equal(headers['apns-priority'], '5');
});

test('low priority saves power', () => {
  assert.equal(request({}, { priority: 'low' }).headers['apns-priority'], '5');
  assert.equal(request({}, { priority: 'normal' }).headers['apns-priority'], '10');
});

test('a collapse key that is too long or not ASCII is hashed', () => {
  const collapseId = (collapseKey: string) => String(request({ collapseKey }).headers['apns-collapse-id']);
  assert.equal(collapseId('order-7'), 'order-7');
  assert.equal(collapseId('x'.repeat(64)), 'x'.repeat(64));
  assert.match(collapseId('x'.repeat(65)), /^[\w-]{43}$/);
  assert.match(collapseId('заказ'), /^[\w-]{43}$/);
});

test('passthrough adds to aps without losing the alert', () => {
  const { aps, extra } = payload({
    body: 'B',
    passthrough: { apns: { aps: { 'interruption-level': 'time-sensitive', sound: 'a.caf' }, extra: [1] } },
  });
  assert.deepEqual(aps.alert, { body: 'B' });
  assert.equal(aps['interruption-level'], 'time-sensitive');
  assert.equal(aps.sound, 'a.caf');
  assert.deepEqual(extra, [1]);
});

// ---------------------------------------------------------------------------------------------- classify

const prune = { effect: { type: 'prune-device' } } as const;
const REFUSALS: [status: number, reasons: string, outcome: Partial<Outcome>][] = [
  [
    400,
    'BadDeviceToken DeviceTokenNotForTopic',
    { kind: 'rejected', reason: 'device_unregistered', ...prune },
  ],
  [410, 'Unregistered ExpiredToken', { kind: 'rejected', reason: 'device_unregistered', ...prune }],
  [
    400,
    'BadCollapseId BadExpirationDate BadMessageId BadPriority InvalidPushType DuplicateHeaders MissingDeviceToken',
    { kind: 'rejected', reason: 'request_invalid' },
  ],
  [400, 'PayloadEmpty', { kind: 'rejected', reason: 'content_invalid' }],
  [400, 'BadTopic MissingTopic TopicDisallowed', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [400, 'IdleTimeout', { kind: 'retry', reason: 'connection_lost' }],
  [403, 'ExpiredProviderToken', { kind: 'token-expired' }],
  [
    403,
    'BadCertificate BadCertificateEnvironment Forbidden InvalidProviderToken MissingProviderToken ' +
      'UnrelatedKeyIdInToken BadEnvironmentKeyIdInToken BadEnvironmentKeyInToken',
    { kind: 'unavailable', reason: 'credentials_invalid' },
  ],
  [404, 'BadPath', { kind: 'rejected', reason: 'request_invalid' }],
  [405, 'MethodNotAllowed', { kind: 'rejected', reason: 'request_invalid' }],
  [413, 'PayloadTooLarge', { kind: 'rejected', reason: 'content_too_large' }],
  [
    429,
    'TooManyProviderTokenUpdates',
    { kind: 'retry', reason: 'rate_limited', afterMs: 1_200_000, scope: 'connection' },
  ],
  [
    429,
    'TooManyRequests',
    { kind: 'retry', reason: 'recipient_rate_limited', afterMs: 30_000, scope: 'message' },
  ],
  [500, 'InternalServerError', { kind: 'retry', reason: 'provider_error' }],
  [503, 'ServiceUnavailable Shutdown', { kind: 'retry', reason: 'provider_unavailable' }],
  // Not in the table.
  [400, 'BadWeather', { kind: 'rejected', reason: 'request_invalid' }],
  [403, 'BadWeather', { kind: 'unavailable', reason: 'credentials_invalid' }],
];

for (const [status, reasons, expected] of REFUSALS) {
  for (const reason of reasons.split(' ')) {
    test(`${status} ${reason}: ${expected.kind}`, () => {
      const reply = { status, headers: {}, body: JSON.stringify({ reason }) };
      assertOutcome(apns.classify(reply, context), { ...expected, code: reason });
    });
  }
}

test('410 prunes only what was registered before its timestamp', () => {
  const body = JSON.stringify({ reason: 'ExpiredToken', timestamp: 1_454_948_015_990 });
  assertOutcome(apns.classify({ status: 410, headers: {}, body }, context), {
    effect: { type: 'prune-device', invalidSince: 1_454_948_015_990 },
  });
});

test('an answer without a reason goes by its status', () => {
  const cases: [number, Partial<Outcome>][] = [
    [410, { kind: 'rejected', reason: 'device_unregistered', ...prune }],
    [413, { kind: 'rejected', reason: 'content_too_large' }],
    [429, { kind: 'retry', reason: 'rate_limited' }],
    [500, { kind: 'retry', reason: 'provider_error' }],
    [502, { kind: 'retry', reason: 'provider_unavailable' }],
    [301, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [418, { kind: 'rejected', reason: 'request_invalid' }],
  ];
  for (const [status, expected] of cases) {
    for (const body of ['', '<html>', '{}', '{"reason":{}}', '[]', '{"reason":"toString"}'])
      assertOutcome(apns.classify({ status, headers: {}, body }, context), expected);
  }
});
