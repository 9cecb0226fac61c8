import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from './secret.ts';
import { signWebhook } from './standard-webhooks.ts';

const KEY = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const content = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}', now: 1_614_265_330_999 };

test("the specification's own vector", () => {
  assert.deepEqual(signWebhook(content, [new Secret(`whsec_${KEY}`)]), {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test("Svix's vector", () => {
  const svix = {
    id: 'msg_1',
    body: '{"type":"email.delivered","data":{"email_id":"e1"}}',
    now: 1_700_000_000_000,
  };
  const headers = signWebhook(svix, [new Secret(`whsec_${KEY}`)]);
  assert.equal(headers['webhook-signature'], 'v1,MMz24nVQqoHi1hzpAWl5bQtL92sSnHWwHKlsPXHI4bQ=');
});

test('during rotation there is one signature for each secret', () => {
  const old = new Secret(`whsec_${KEY}`);
  const next = new Secret(`whsec_${Buffer.alloc(32, 7).toString('base64')}`);
  const of = (...secrets: Secret[]) => signWebhook(content, secrets)['webhook-signature'];
  assert.equal(of(next, old), `${of(next)} ${of(old)}`);
  assert.notEqual(of(next), of(old));
});
