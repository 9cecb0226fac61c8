import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lru } from './lru.ts';

describe('the cache', () => {
  it('drops what was not used for longest', () => {
    const cache = new Lru<number>(2);
    cache.set('a', 1);
    cache.set('b', 2);
    cache.get('a');
    cache.set('c', 3);
    assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], [1, undefined, 3]);
  });

  it('stays within its weight and keeps at least the newest', () => {
    const cache = new Lru<number>(10, 100);
    cache.set('a', 1, 60);
    cache.set('b', 2, 30);
    cache.set('b', 2, 40);
    assert.equal(cache.get('a'), 1);
    cache.set('c', 3, 500);
    assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], [undefined, undefined, 3]);
    cache.delete('c');
    cache.set('d', 4, 100);
    assert.equal(cache.get('d'), 4);
  });
});
