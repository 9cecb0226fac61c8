import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAccessToken } from './access-token.ts';

const life = (expires_in: unknown) =>
  readAccessToken({ access_token: 'abcdefgh', expires_in }, { now: 1_000, marginMs: 60_000 })!.expiresAt -
  1_000;

test('a token is used until some time before its end, whether that is a number or a text', () => {
  assert.equal(life(7_200), 7_140_000);
  assert.equal(life('7200'), 7_140_000);
});

test('a short one is used for half its life', () => assert.deepEqual([life(60), life(1)], [30_000, 500]));

test('an end that is none, or far away, is two hours', () => {
  for (const odd of [undefined, null, 0, -1, 7_201, 1e300, 'soon', '', {}, [], { toString: null }])
    assert.equal(life(odd), 7_140_000);
});

test('what is no token is none', () => {
  for (const access_token of [
    undefined,
    7,
    '',
    'short',
    'with space',
    'li\nne',
    'é'.repeat(9),
    'x'.repeat(2_049),
  ])
    assert.equal(readAccessToken({ access_token, expires_in: 7_200 }, { now: 0, marginMs: 0 }), undefined);
  assert.equal(readAccessToken(null, { now: 0, marginMs: 0 }), undefined);
});
