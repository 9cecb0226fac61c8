import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idOf, parseExactObject } from './exact-json.ts';

test('an integer that a number cannot hold keeps its digits', () => {
  const parsed = parseExactObject(
    '{"id":9122821270554876574,"list":[-9122821270554876574],"small":7,"half":0.5}',
  );
  assert.deepEqual(parsed, {
    id: '9122821270554876574',
    list: ['-9122821270554876574'],
    small: 7,
    half: 0.5,
  });
});

test('what is no object is null, however deep or broken', () => {
  for (const body of ['', '[]', 'null', '7', '"x"', '{', `${'['.repeat(100_000)}${']'.repeat(100_000)}`])
    assert.equal(parseExactObject(body), null);
});

test('an id is a text that is not empty', () => {
  assert.deepEqual([idOf('a'), idOf(7), idOf('')], ['a', '7', undefined]);
  for (const odd of [null, undefined, 1e300, 0.5, {}, []]) assert.equal(idOf(odd), undefined);
});
