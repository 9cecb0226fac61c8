import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { KEY_BYTES, seal, unseal } from './envelope.ts';

const key = randomBytes(KEY_BYTES);
const context = ['tenant', 'connection', 'apiKey', 1];

test('what was sealed opens in its own context', () => {
  assert.equal(unseal(key, seal(key, 'pässword', context), context)?.toString(), 'pässword');
  assert.equal(unseal(key, seal(key, '', context), context)?.toString(), '');
});

test('sealing twice gives different ciphertexts', () => {
  assert.notDeepEqual(seal(key, 'x', context), seal(key, 'x', context));
});

test('any other context does not open it, nor one whose parts only join to the same text', () => {
  const sealed = seal(key, 'x', context);
  for (const other of [
    ['other', 'connection', 'apiKey', 1],
    ['tenant', 'connection', 'apiKey', 2],
    ['tenant', 'connection', 'apiKey', '1'],
    ['tenantconnection', '', 'apiKey', 1],
  ]) {
    assert.equal(unseal(key, sealed, other), null);
  }
});

test('another key, a changed byte and a cut do not open it', () => {
  const sealed = seal(key, 'x', context);
  assert.equal(unseal(randomBytes(KEY_BYTES), sealed, context), null);
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed);
    changed[i]! ^= 1;
    assert.equal(unseal(key, changed, context), null, `byte ${i}`);
    assert.equal(unseal(key, sealed.subarray(0, i), context), null, `cut at ${i}`);
  }
});
