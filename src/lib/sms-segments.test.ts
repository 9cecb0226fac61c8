import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countSegments } from './sms-segments.ts';

const CASES: [name: string, text: string, encoding: 'gsm7' | 'ucs2', units: number, segments: number][] = [
  ['nothing', '', 'gsm7', 0, 0],
  ['160 letters', 'a'.repeat(160), 'gsm7', 160, 1],
  ['161 letters', 'a'.repeat(161), 'gsm7', 161, 2],
  ['306 letters', 'a'.repeat(306), 'gsm7', 306, 2],
  ['307 letters', 'a'.repeat(307), 'gsm7', 307, 3],
  ['158 letters and a euro sign', `${'a'.repeat(158)}€`, 'gsm7', 160, 1],
  ['159 letters and a euro sign', `${'a'.repeat(159)}€`, 'gsm7', 161, 2],
  ['an escape pair at the border of two parts', `${'a'.repeat(152)}€${'a'.repeat(152)}`, 'gsm7', 306, 3],
  ['70 Cyrillic letters', 'я'.repeat(70), 'ucs2', 70, 1],
  ['71 Cyrillic letters', 'я'.repeat(71), 'ucs2', 71, 2],
  ['35 emoji', '😀'.repeat(35), 'ucs2', 70, 1],
  ['36 emoji', '😀'.repeat(36), 'ucs2', 72, 2],
  ['66 emoji, 33 a part since 67 is odd', '😀'.repeat(66), 'ucs2', 132, 2],
  ['67 emoji', '😀'.repeat(67), 'ucs2', 134, 3],
  ['a curly apostrophe', 'it’s', 'ucs2', 4, 1],
  ['a lone surrogate', '\ud83d', 'ucs2', 1, 1],
];

for (const [name, text, encoding, units, segments] of CASES) {
  test(`${name}: ${units} units of ${encoding} in ${segments} segments`, () => {
    assert.deepEqual(countSegments(text), { encoding, units, segments });
  });
}

test('the basic alphabet has 127 characters of one septet', () => {
  const basic = Array.from({ length: 0x2192 }, (_, code) => String.fromCharCode(code)).filter((character) => {
    const { encoding, units } = countSegments(character);
    return encoding === 'gsm7' && units === 1;
  });
  assert.equal(basic.length, 127);
});

test('the extension table has ten characters of two septets', () => {
  for (const character of '^{}\\[~]|€\f') {
    assert.deepEqual(countSegments(character), { encoding: 'gsm7', units: 2, segments: 1 }, character);
  }
});

test('lower-case c with cedilla and the backtick are outside GSM-7', () => {
  assert.equal(countSegments('ç').encoding, 'ucs2');
  assert.equal(countSegments('`').encoding, 'ucs2');
});
