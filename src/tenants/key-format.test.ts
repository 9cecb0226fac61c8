import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKey, hasKeyFormat, hintOf } from './key-format.ts';

test('a generated key has the format, names its mode and is never the same twice', () => {
  const keys = Array.from({ length: 1_000 }, (_, i) => generateKey(i % 2 === 0).reveal());
  for (const [i, key] of keys.entries()) {
    assert.ok(hasKeyFormat(key), key);
    assert.ok(key.startsWith(i % 2 === 0 ? 'bh_live_' : 'bh_test_'));
  }
  assert.equal(new Set(keys).size, keys.length);
});

test('a changed, swapped, missing or added character is told apart by the checksum', () => {
  const key = generateKey(true).reveal();
  for (let i = 0; i < key.length; i++) {
    const other = key[i] === 'x' ? 'y' : 'x';
    assert.equal(hasKeyFormat(key.slice(0, i) + other + key.slice(i + 1)), false, `changed at ${i}`);
    assert.equal(hasKeyFormat(key.slice(0, i) + key.slice(i + 1)), false, `missing at ${i}`);
  }
  assert.equal(hasKeyFormat(`${key}x`), false);
  assert.equal(hasKeyFormat(key.replace('bh_live_', 'bh_test_')), false);
  assert.equal(hasKeyFormat(''), false);
});

test('the hint shows the mode and four characters', () => {
  const key = generateKey(false);
  assert.equal(hintOf(key, false), `bh_test_…${key.reveal().slice(-4)}`);
});
