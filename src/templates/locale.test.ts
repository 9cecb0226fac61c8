import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkLocale, pickLocale } from './locale.ts';

describe('a locale tag', () => {
  it('is accepted as BCP 47 spells it', () => {
    for (const tag of ['en', 'pt-BR', 'zh-Hant-TW', 'es-419', 'sr-Latn'])
      assert.equal(checkLocale(tag), null);
  });

  it('is refused in any other spelling, which is named when it can be guessed', () => {
    assert.match(checkLocale('pt-br')!, /"pt-BR"/);
    for (const tag of ['pt_BR', '', 'e', '-', 'constructor', '__proto__', 'en-'])
      assert.match(checkLocale(tag)!, /BCP 47/);
  });
});

describe('picking a locale', () => {
  const available = { en: 1, pt: 1, 'pt-BR': 1, 'zh-Hant': 1 };

  it('goes from the exact one over its parents to the default', () => {
    const expected = [
      ['pt-BR', 'pt-BR'],
      ['pt-AO', 'pt'],
      ['zh-Hant-TW', 'zh-Hant'],
      ['zh-TW', 'en'],
      ['fr', 'en'],
      ['en-US-u-ca-buddhist', 'en'],
    ];
    for (const [wanted, picked] of expected) assert.equal(pickLocale(available, wanted, 'en'), picked);
  });

  it('understands what devices send, and takes the default for nonsense', () => {
    assert.equal(pickLocale(available, 'pt_br', 'en'), 'pt-BR');
    for (const wanted of [null, undefined, '', 'C', '__proto__', 'constructor', '*', '😀'])
      assert.equal(pickLocale(available, wanted, 'en'), 'en');
  });
});
