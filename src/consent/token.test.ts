import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { uuidv7 } from '../lib/ids.ts';
import { PURPOSES, readToken, type TokenSubject, tenantOfToken, writeToken } from './token.ts';

const key = randomBytes(32);
const subjects: fc.Arbitrary<TokenSubject> = fc.record(
  {
    purpose: fc.constantFrom(...PURPOSES),
    tenantId: fc.uuid(),
    userId: fc.uuid(),
    live: fc.boolean(),
    detail: fc.string({ unit: 'grapheme', maxLength: 40 }),
  },
  { noNullPrototype: true },
);

describe('a token', () => {
  it('says what was put in, to who has the key', () => {
    fc.assert(
      fc.property(subjects, (subject) => {
        const token = writeToken(subject, key);
        assert.match(token, /^[\w-]+$/);
        assert.equal(tenantOfToken(token), subject.tenantId);
        assert.deepEqual(readToken(token, subject.purpose, key), subject);
      }),
    );
  });

  it('does not open when any of its characters is another, is missing, or is added', () => {
    const characters = fc.constantFrom(
      ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. \u00e9',
    );
    fc.assert(
      fc.property(subjects, fc.nat(), characters, (subject, n, character) => {
        const token = writeToken(subject, key);
        const at = n % token.length;
        fc.pre(token[at] !== character);
        const [head, tail] = [token.slice(0, at), token.slice(at + 1)];
        for (const changed of [head + character + tail, head + tail, head + character + token[at] + tail])
          if (changed !== token) assert.equal(readToken(changed, subject.purpose, key), null, changed);
      }),
      { numRuns: 1_000 },
    );
  });

  it('does not open when any of its bits is another', () => {
    const subject = { purpose: 'unsubscribe', tenantId: uuidv7(1), userId: uuidv7(2), live: true } as const;
    const token = writeToken({ ...subject, detail: 'offers email' }, key);
    const bytes = Buffer.from(token, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      for (const purpose of PURPOSES)
        assert.equal(readToken(changed.toString('base64url'), purpose, key), null, `bit ${bit}`);
    }
  });

  it('opens with its own key, and for its own purpose only', () => {
    fc.assert(
      fc.property(subjects, fc.constantFrom(...PURPOSES), (subject, purpose) => {
        const token = writeToken(subject, key);
        assert.equal(readToken(token, subject.purpose, randomBytes(32)), null);
        assert.equal(readToken(token, purpose, key) === null, purpose !== subject.purpose);
      }),
    );
  });

  it('is nothing that anybody makes up', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) =>
        assert.equal(readToken(text, 'preferences', key), null),
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 50, maxLength: 90 }), (bytes) => {
        bytes[0] = 1;
        assert.equal(readToken(Buffer.from(bytes).toString('base64url'), 'preferences', key), null);
      }),
    );
    assert.equal(tenantOfToken(''), null);
  });
});
