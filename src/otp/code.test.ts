import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import { ALPHABETS, drawCode, hashCode, hashKeyFrom, hashMark, isSame, readCode } from './code.ts';

const TENANT = { tenantId: 't', id: 'o', sends: 1 };

describe('a code', () => {
  it('is drawn fairly: every character comes as often as the others', () => {
    const draws = 40_000;
    for (const alphabet of ['digits', 'letters'] as const) {
      const counts = new Map<string, number>();
      for (const letter of drawCode({ length: draws, alphabet }, randomInt))
        counts.set(letter, (counts.get(letter) ?? 0) + 1);
      const expected = draws / ALPHABETS[alphabet].length;
      const chiSquare = [...ALPHABETS[alphabet]].reduce(
        (sum, letter) => sum + ((counts.get(letter) ?? 0) - expected) ** 2 / expected,
        0,
      );
      // Far beyond the 99.9999th percentile for 9 and 31 degrees of freedom.
      assert.ok(chiSquare < 120, `${alphabet}: ${chiSquare}`);
    }
  });

  it('asks for as many numbers as it has characters, each within its alphabet', () => {
    const asked: number[] = [];
    const code = drawCode({ length: 6, alphabet: 'letters' }, (max) => asked.push(max) - 1);
    assert.deepEqual([code, asked], ['234567', [32, 32, 32, 32, 32, 32]]);
  });

  it('has no letters that look alike', () => {
    assert.doesNotMatch(ALPHABETS.letters, /[01OI]/);
  });

  it('is read however it was typed', () => {
    for (const typed of [
      '123456',
      ' 123 456 ',
      '123-456',
      '123–456',
      '１２３４５６',
      '١٢٣٤٥٦',
      '۱۲۳۴۵۶',
      '1 2 3.4 5 6',
    ])
      assert.equal(readCode(typed), '123456', typed);
    assert.equal(readCode('ab-2c'), 'AB2C');
  });

  it('is stored so that place and key belong to it', () => {
    const key = hashKeyFrom(randomBytes(32));
    const hash = hashCode(key, TENANT, '123456');
    assert.ok(isSame(hash, hashCode(key, TENANT, '123456')));
    const others = [
      hashCode(hashKeyFrom(randomBytes(32)), TENANT, '123456'),
      hashCode(key, TENANT, '123457'),
      hashCode(key, { ...TENANT, sends: 2 }, '123456'),
      hashCode(key, { ...TENANT, id: 'p' }, '123456'),
      hashCode(key, { ...TENANT, tenantId: 'u' }, '123456'),
      hashMark(key, 'recipient', 'o', '123456'),
    ];
    for (const other of others) assert.equal(isSame(hash, other), false);
    assert.equal(hash.includes('123456'), false);
  });
});
