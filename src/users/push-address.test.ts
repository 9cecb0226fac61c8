import assert from 'node:assert/strict';
import { createECDH, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { hashToken, type PushAddressInput, parsePushAddress } from './push-address.ts';

const ecdh = createECDH('prime256v1');
ecdh.generateKeys();
const point = ecdh.getPublicKey();
const auth = randomBytes(16);
const subscription = {
  endpoint: 'https://push.example.com/x/y',
  keys: { p256dh: point.toString('base64url'), auth: auth.toString('base64url') },
};
const withKeys = (keys: Partial<typeof subscription.keys>): PushAddressInput => ({
  platform: 'web',
  subscription: { ...subscription, keys: { ...subscription.keys, ...keys } },
});

test('an APNs token is kept in lower case', () => {
  assert.deepEqual(parsePushAddress({ platform: 'ios', token: 'AB'.repeat(32) }), {
    token: 'ab'.repeat(32),
    keys: null,
  });
});

test('an FCM token keeps its case', () => {
  const token = 'cKq_9-A:APA91bH';
  assert.deepEqual(parsePushAddress({ platform: 'android', token }), { token, keys: null });
});

test('a WNS channel URI is a token of windows', () => {
  const token = 'https://db5p.notify.windows.com/?token=abc%2B';
  assert.deepEqual(parsePushAddress({ platform: 'windows', token }), { token, keys: null });
});

test('keys of a subscription are stored as unpadded base64url, however they were encoded', () => {
  const parsed = parsePushAddress(
    withKeys({ p256dh: point.toString('base64'), auth: auth.toString('base64') }),
  );
  assert.deepEqual(parsed, { token: subscription.endpoint, keys: subscription.keys });
});

test('an endpoint on loopback may be plain http', () => {
  const endpoint = 'http://127.0.0.1:4000/push';
  const parsed = parsePushAddress({ platform: 'web', subscription: { ...subscription, endpoint } });
  assert.equal('token' in parsed && parsed.token, endpoint);
});

test('a token hash has 32 bytes and tells tokens apart', () => {
  assert.equal(hashToken('a').length, 32);
  assert.notDeepEqual(hashToken('a'), hashToken('b'));
});

const offCurve = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]);
const compressed = Buffer.from(ecdh.getPublicKey(null, 'compressed'));
const REFUSED: [fact: string, input: PushAddressInput, field: string][] = [
  ['an APNs token of odd length', { platform: 'ios', token: 'a'.repeat(65) }, '/token'],
  ['an APNs token that is too short', { platform: 'macos', token: 'ab'.repeat(31) }, '/token'],
  ['an APNs token that is too long', { platform: 'ios', token: 'ab'.repeat(101) }, '/token'],
  ['an APNs token with a path in it', { platform: 'ios', token: `${'ab'.repeat(31)}/.` }, '/token'],
  ['an FCM token with a line break', { platform: 'android', token: 'abc\r\nX: y' }, '/token'],
  ['an FCM token with a quote', { platform: 'android', token: 'abc"' }, '/token'],
  ['a WNS token that is no URL', { platform: 'windows', token: 'abc' }, '/token'],
  ['no token for ios', { platform: 'ios' }, '/token'],
  ['a subscription for android', { platform: 'android', token: 'a', subscription }, '/subscription'],
  ['a token for web', { platform: 'web', token: 'a', subscription }, '/token'],
  ['no subscription for web', { platform: 'web' }, '/subscription'],
  [
    'an endpoint that is no URL',
    { platform: 'web', subscription: { ...subscription, endpoint: 'file:///etc/passwd' } },
    '/subscription/endpoint',
  ],
  [
    'a point off the curve',
    withKeys({ p256dh: offCurve.toString('base64url') }),
    '/subscription/keys/p256dh',
  ],
  ['a compressed point', withKeys({ p256dh: compressed.toString('base64url') }), '/subscription/keys/p256dh'],
  ['a key that is not base64url', withKeys({ p256dh: '!'.repeat(87) }), '/subscription/keys/p256dh'],
  [
    'an auth of 15 bytes',
    withKeys({ auth: Buffer.alloc(15).toString('base64url') }),
    '/subscription/keys/auth',
  ],
];
for (const [fact, input, field] of REFUSED) {
  test(`${fact} is refused`, () => {
    const parsed = parsePushAddress(input);
    assert.ok('problem' in parsed, JSON.stringify(parsed));
    assert.equal(parsed.field, field);
    assert.match(parsed.problem, /^(must|is) /);
  });
}
