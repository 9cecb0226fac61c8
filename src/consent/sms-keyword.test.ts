import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readSmsWish } from './sms-keyword.ts';

describe('the answer to a text message', () => {
  it('stops with the words that carriers know, however they are written', () => {
    const words =
      'STOP,stop,Stop.,  stop!\n,STOPALL,Stop all,unsubscribe,CANCEL,end,quit,revoke,OPT OUT,opt-out,"STOP"';
    for (const word of words.split(',')) assert.equal(readSmsWish(word, 'US'), 'stop', word);
    assert.equal(readSmsWish('ＳＴＯＰ', 'JP'), 'stop', 'wide letters');
  });

  it('takes up again, and asks for help', () => {
    for (const word of ['START', 'unstop', 'Yes!']) assert.equal(readSmsWish(word, null), 'start', word);
    for (const word of ['HELP', 'info?']) assert.equal(readSmsWish(word, null), 'help', word);
  });

  it('knows the words of a country in that country only', () => {
    const known: [string, string][] = [
      ['ARRÊT', 'CA'],
      ['arret', 'FR'],
      ['Abmelden', 'DE'],
      ['BAJA', 'MX'],
      ['sair', 'BR'],
      ['退订', 'CN'],
      ['TD', 'CN'],
      ['配信停止', 'JP'],
      ['İptal', 'TR'],
    ];
    for (const [word, country] of known) {
      assert.equal(readSmsWish(word, country), 'stop', word);
      assert.equal(readSmsWish(word, 'US'), null, `${word} in the US`);
    }
  });

  it('means nothing when there is more to it', () => {
    for (const text of ['', ' ', '...', 'Please do not stop', 'stop it', 'STOP 2', 'weekend', 'yes please'])
      assert.equal(readSmsWish(text, 'US'), null, text);
    fc.assert(
      fc.property(
        fc.constantFrom('STOP', 'START', 'HELP'),
        fc.stringMatching(/^[a-z]{4,8}$/),
        (word, other) => {
          for (const text of [`${word} ${other}`, `${other} ${word}`])
            assert.equal(readSmsWish(text, 'DE'), null, text);
        },
      ),
    );
  });
});
