import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MaskedUrl, Secret, secret } from '../../lib/secret.ts';
import { accepted, type Outcome, rejected, retry, tokenExpired, unavailable, unknown } from '../contract.ts';
import { assertHidden, assertValid, deepFreeze, needlesOf, revealAll } from './valid.ts';

const KEY = new Secret('p4ss/w0rd+of=the&account');

test('a secret is found however it is printed', () => {
  const text = KEY.reveal();
  const leaks = [
    text,
    { nested: [{ key: text }] },
    { [text]: 1 },
    { headers: { authorization: `Basic ${btoa(`user:${text}`)}` } },
    { url: `https://example.org/send?key=${encodeURIComponent(text)}` },
    { body: new URLSearchParams({ key: text }).toString() },
    { body: Buffer.from(text) },
    new Error(`cannot sign with ${text}`),
  ];
  for (const leak of leaks) assert.throws(() => assertHidden(leak, [text]), /a secret is printed/);
});

test('a wrapped secret is hidden', () => {
  const hidden = {
    authorization: secret`Bearer ${KEY}`,
    url: new MaskedUrl(KEY.reveal(), 'https://x.org/***'),
  };
  assertHidden(hidden, [KEY.reveal()]);
});

test('each line of a key counts, also where JSON wrote its line breaks', () => {
  const line = 'A'.repeat(64);
  const pem = `-----BEGIN PRIVATE KEY-----\n${line}\n-----END PRIVATE KEY-----\n`;
  assert.deepEqual(needlesOf(new Secret(pem)), [pem, line]);
  const json = JSON.stringify({ project: 'p', private_key: pem });
  assert.deepEqual(needlesOf(new Secret(json)), [json, line]);
});

test('every outcome that the contract makes is valid', () => {
  const all = [
    accepted('m1'),
    accepted(null),
    retry('rate_limited', { afterMs: 0, scope: 'connection', code: '429' }),
    tokenExpired(),
    rejected('device_unregistered', { effect: { type: 'prune-device', invalidSince: 1 } }),
    rejected('recipient_opted_out', { effect: { type: 'suppress-contact' } }),
    unavailable('quota_exhausted', { afterMs: 1 }),
    unknown('timeout', { code: 'ETIMEDOUT' }),
  ];
  for (const outcome of all) assertValid(outcome);
});

test('an outcome that the engine could not act on is invalid', () => {
  const since = (invalidSince: number) =>
    rejected('device_unregistered', { effect: { type: 'prune-device', invalidSince } });
  const all: object[] = [
    { kind: 'lost' },
    { kind: 'accepted' },
    { kind: 'rejected', reason: 'bad_weather' },
    { kind: 'rejected' },
    { ...rejected('content_invalid'), afterMs: 5 },
    { ...rejected('content_invalid'), effect: { type: 'delete-user' } },
    { ...retry('timeout'), scope: 'world' },
    { ...retry('timeout'), code: 500 },
    ...[Number.NaN, Number.POSITIVE_INFINITY, -1, 1e12].map((afterMs) => retry('timeout', { afterMs })),
    ...[-1, 1e300].map(since),
  ];
  for (const outcome of all) assert.throws(() => assertValid(outcome as Outcome), assert.AssertionError);
});

test('what is frozen cannot be written to, at any depth', () => {
  const value = deepFreeze({ list: [{ a: 1 }] });
  assert.throws(() => {
    value.list[0]!.a = 2;
  }, TypeError);
});

test('revealing makes plain values of secrets, URLs and bytes', () => {
  const value = { a: [new Secret('s')], url: new MaskedUrl('https://x.org/k', 'm'), body: Buffer.from('b') };
  assert.deepEqual(revealAll(value), { a: ['s'], url: 'https://x.org/k', body: 'Yg' });
});
