import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import { assertOutcome } from '../../conformance/valid.ts';
import type { Outcome } from '../../contract.ts';
import fcm from '../fcm.ts';

const config = fcm.testConfig();
const context = { now: Date.UTC(2026, 10, 21, 12), baseUrl: fcm.baseUrl };
const source = fcm.token!;
assert.ok('request' in source);
const fetched = (status: number, body: object | string, headers = {}) =>
  source.parse({ status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) }, context);

test("the token is asked for with an assertion signed by the service account's key", () => {
  const { method, url, body } = source.request(config, context);
  assert.equal(method, 'POST');
  assert.equal(url, 'https://oauth2.googleapis.com/token');
  const form = new URLSearchParams(String(body));
  assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  const [header, claims, signature] = form.get('assertion')!.split('.') as [string, string, string];
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  assert.deepEqual(read(header), { alg: 'RS256', typ: 'JWT', kid: 'test-key-1' });
  assert.deepEqual(read(claims), {
    iss: 'sender@bellhop-test.iam.gserviceaccount.com',
    scope: 'https://www.googleapis.com/auth/firebase.messaging',
    aud: 'https://oauth2.googleapis.com/token',
    iat: context.now / 1000,
    exp: context.now / 1000 + 3600,
  });
  const key = createPublicKey(JSON.parse(config.serviceAccount.reveal()).private_key);
  const signed = Buffer.from(`${header}.${claims}`);
  assert.ok(verify('sha256', signed, key, Buffer.from(signature, 'base64url')));
});

test('a service account without a token URI asks Google', () => {
  const { token_uri, ...file } = JSON.parse(config.serviceAccount.reveal());
  const serviceAccount = new Secret(JSON.stringify(file));
  assert.equal(source.request({ serviceAccount }, context).url, token_uri);
});

test('the token is used until five minutes before its end', () => {
  const reply = source.parse(fcm.tokenExample!, context);
  assert.ok('token' in reply);
  assert.equal(reply.token.value.reveal(), 'ya29.c.example-access-token');
  assert.equal(reply.token.expiresAt, context.now + 3_299_000);
});

test('a token that is refused breaks the connection, one that fails is fetched later', () => {
  const cases: [ReturnType<typeof fetched>, Partial<Outcome>][] = [
    [
      fetched(400, { error: 'invalid_grant' }),
      { kind: 'unavailable', reason: 'credentials_invalid', code: 'invalid_grant' },
    ],
    [fetched(401, { error: 'invalid_client' }), { kind: 'unavailable', reason: 'credentials_invalid' }],
    [fetched(403, ''), { kind: 'unavailable', reason: 'credentials_invalid' }],
    [
      fetched(429, '', { 'retry-after': '5' }),
      { kind: 'retry', reason: 'rate_limited', afterMs: 5_000, scope: 'connection' },
    ],
    [fetched(500, { error: 'internal_failure' }), { kind: 'retry', reason: 'provider_error' }],
    [fetched(502, '<html>'), { kind: 'retry', reason: 'provider_error', code: '502' }],
    [fetched(200, '<html>'), { kind: 'retry', reason: 'response_unreadable' }],
    [fetched(302, ''), { kind: 'retry', reason: 'response_unreadable' }],
  ];
  for (const [reply, expected] of cases) {
    assert.ok('outcome' in reply);
    assertOutcome(reply.outcome, expected);
  }
});
