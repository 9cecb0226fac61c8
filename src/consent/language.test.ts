import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseLanguage } from './language.ts';
import { TEXTS } from './texts.ts';

const tagOf = (locale: string | null, accept?: string) => chooseLanguage(locale, accept).tag;

describe('the language of a page', () => {
  it("is the user's, then what the browser likes best, then English", () => {
    assert.equal(tagOf('de-AT', 'fr'), 'de');
    assert.equal(tagOf(null, 'it, fr;q=0.4, es;q=0.9'), 'es');
    assert.equal(tagOf('it', 'ja'), 'ja');
    assert.equal(tagOf('zh-Hant-TW'), 'zh-CN');
    assert.equal(tagOf('pt_BR'), 'pt');
    assert.equal(tagOf(null, 'fr;q=0, *;q=0.1'), 'en');
    assert.equal(tagOf(null), 'en');
    assert.equal(tagOf('constructor', '__proto__'), 'en');
  });

  it('has every text, with the same places to fill in', () => {
    const flat = (texts: object, at = ''): [string, string][] =>
      Object.entries(texts).flatMap(([name, value]) =>
        typeof value === 'string' ? [[at + name, value] as [string, string]] : flat(value, `${at}${name}.`),
      );
    const holes = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort().join();
    const english = flat(TEXTS.en!);
    for (const [tag, texts] of Object.entries(TEXTS)) {
      const own = new Map(flat(texts));
      for (const [name, text] of english) {
        assert.ok(own.get(name), `${tag} ${name}`);
        assert.equal(holes(own.get(name)!), holes(text), `${tag} ${name}`);
      }
      assert.equal(own.size, english.length, tag);
    }
  });
});
