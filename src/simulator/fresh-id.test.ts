import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshId, seededRandom, shapeOf } from './fresh-id.ts';

const SHAPES: [example: string, looksLike: RegExp][] = [
  ['SM0123456789abcdef0123456789abcdef', /^SM[0-9a-f]{32}$/],
  ['5E47E0B1-2D2A-4A5B-9C5B-0F8E2A6C1D3F', /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/],
  [
    'projects/shop/messages/0:1500415314455276%31bd1c9631bd1c96',
    /^projects\/shop\/messages\/[1-9]:[1-9][0-9]{15}%[0-9a-f]{16}$/,
  ],
  ['14c5d75ce93.dfd.64b469@mail.example', /^[0-9a-f]{11}\.dfd\.[0-9a-f]{6}@mail\.example$/],
  ['xK3pQz9LmN4rT8', /^[a-z][A-Z][0-9][a-z][A-Z][a-z][0-9][A-Z][a-z][A-Z][0-9][a-z][A-Z][0-9]$/],
  // Too few random characters to be unique: these get longer.
  ['123', /^[1-9][0-9]{12}$/],
  ['<d1@example.com>', /^<[0-9a-f]{12}@example\.com>$/],
  ['queued', /^queued-[0-9a-f]{10}$/],
];

for (const [example, looksLike] of SHAPES) {
  test(`fresh ids look like ${example} and differ`, () => {
    const shape = shapeOf(example);
    const ids = new Set(Array.from({ length: 1_000 }, () => freshId(shape, Math.random)));
    for (const id of ids) assert.match(id, looksLike);
    assert.equal(ids.size, 1_000);
    assert.ok(!ids.has(example));
  });
}

test('the same seed gives the same ids', () => {
  const shape = shapeOf('SM0123456789abcdef');
  assert.equal(freshId(shape, seededRandom(1)), freshId(shape, seededRandom(1)));
  assert.notEqual(freshId(shape, seededRandom(1)), freshId(shape, seededRandom(2)));
});
