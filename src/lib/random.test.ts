import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { randomBytes } from './random.ts';

describe('random bytes', () => {
  it('are as many as were asked for, and never the same again', () => {
    const drawn = Array.from({ length: 2_000 }, () => randomBytes(16));
    assert.ok(drawn.every((bytes) => bytes.length === 16));
    const texts = new Set(drawn.map((bytes) => Buffer.from(bytes).toString('hex')));
    assert.equal(texts.size, drawn.length);
  });

  it('stay what they are when more are drawn', () => {
    const first = randomBytes(8);
    const copy = first.slice();
    for (let i = 0; i < 2_000; i++) randomBytes(8);
    assert.deepEqual(first, copy);
  });

  it('may be more than a pool holds', () => {
    const many = randomBytes(10_000);
    assert.equal(many.length, 10_000);
    assert.ok(new Set(many).size > 200);
  });
});
