import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { unstorable } from '../lib/text.ts';
import { parseJsonBody } from './body.ts';
import { Problem } from './errors.ts';

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const escaped = (character: string, upper: boolean) => {
  const hex = character.charCodeAt(0).toString(16).padStart(4, '0');
  return `\\u${upper ? hex.toUpperCase() : hex}`;
};

function assertRefused(text: string, why: RegExp): void {
  assert.throws(
    () => parseJsonBody(text),
    (error) => error instanceof Problem && error.code === 'request.malformed' && why.test(error.message),
    text.slice(0, 100),
  );
}

describe('a JSON body', () => {
  it('is parsed to what JSON.parse makes of it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5, noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__') && !unstorable(value));
        assert.deepEqual(parseJsonBody(text), JSON.parse(text));
      }),
    );
  });

  it('is refused when it is not JSON', () => {
    for (const text of ['{', '{"a":1,}', "{'a':1}", '[1 2]', 'NaN', '"a', '"\\', '{"a":1}x', ']['])
      assertRefused(text, /is not JSON/);
  });

  it('may be nested 32 levels deep and no deeper', () => {
    assert.doesNotThrow(() => parseJsonBody(nested(32)));
    assertRefused(nested(33), /nested deeper than 32/);
    assertRefused('{"a":'.repeat(100_000), /nested deeper than 32/);
  });

  it('does not count brackets and commas inside texts', () => {
    const text = JSON.stringify({ a: `${'['.repeat(100)}"\\${',{'.repeat(30_000)}` });
    assert.deepEqual(parseJsonBody(text), JSON.parse(text));
  });

  it('may have 20,000 members and no more', () => {
    assert.doesNotThrow(() => parseJsonBody(`[${Array(20_001).fill('1').join()}]`));
    assertRefused(`[${Array(20_002).fill('1').join()}]`, /more than 20000 members/);
  });

  it('never has a key __proto__, however it is spelled', () => {
    const spelling = fc
      .array(fc.constantFrom('plain', 'lower', 'upper'), { minLength: 9, maxLength: 9 })
      .map((ways) =>
        [...'__proto__'].map((c, i) => (ways[i] === 'plain' ? c : escaped(c, ways[i] === 'upper'))).join(''),
      );
    fc.assert(
      fc.property(spelling, fc.constantFrom('', ' ', '\n\t'), (key, space) => {
        assertRefused(`{"a":[{"b\\"":1,"${key}"${space}:{"admin":true}}]}`, /__proto__/);
      }),
    );
  });

  it('may have __proto__ as a value, or as a part of a key or a text', () => {
    const value = { a: '__proto__', b: ['__proto__', '"__proto__":'], my__proto__: 1 };
    assert.deepEqual(parseJsonBody(JSON.stringify(value)), value);
    assert.deepEqual(parseJsonBody('{"a":"\\u005f_proto__"}'), { a: '__proto__' });
  });

  it('refuses text that the database could not store, and says where it is', () => {
    const fieldOf = (value: unknown) => {
      try {
        parseJsonBody(JSON.stringify(value));
      } catch (error) {
        return (error as Problem).errors?.[0]?.field;
      }
    };
    for (const text of ['a\u0000b', 'a\ud800', '\udc00']) {
      assert.equal(fieldOf({ a: [{ deep: text }] }), '/a/0/deep');
      assert.equal(fieldOf({ a: { [text]: 1 } }), `/a/${text}`);
      assert.equal(fieldOf({ 'a/b~c': text }), '/a~1b~0c');
    }
    assert.equal(fieldOf({ a: '😀 \\u0000' }), undefined);
    assert.deepEqual(parseJsonBody('{"a":"\\ud83d\\ude00"}'), { a: '😀' });
  });

  it('takes time in proportion to its length', () => {
    const shapes = ['"__proto__" ', '"\\u005f', '"', '\\"', ' ', '"__proto__', '"a":'];
    const fastest = (text: string) =>
      Math.min(
        ...Array.from({ length: 3 }, () => {
          const start = performance.now();
          assert.throws(() => parseJsonBody(text), Problem);
          return performance.now() - start;
        }),
      );
    for (const shape of shapes) {
      const small = fastest(shape.repeat(50_000));
      const large = fastest(shape.repeat(400_000));
      // Eight times the text: a quadratic pass would take 64 times as long.
      assert.ok(large < Math.max(small, 1) * 30, `${shape}: ${small} ms, then ${large} ms`);
    }
  });
});
