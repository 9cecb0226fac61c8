import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildData, findMisfit } from './values.ts';

test('free text is cut to 20 characters, and never within one', () => {
  assert.deepEqual(buildData({ thing1: '一'.repeat(20), thing12: '一'.repeat(21) }), {
    thing1: { value: '一'.repeat(20) },
    thing12: { value: `${'一'.repeat(19)}…` },
  });
  assert.deepEqual(buildData({ thing1: `${'x'.repeat(18)}📦yz` }).thing1, { value: `${'x'.repeat(18)}…` });
});

test('whatever else there is stays as it is', () => {
  const long = 'x'.repeat(99);
  assert.deepEqual(buildData({ keyword1: long, something: long, const1: long }), {
    keyword1: { value: long },
    something: { value: long },
    const1: { value: long },
  });
});

const FITS: [name: string, value: string][] = [
  ['number1', '9'.repeat(32)],
  ['number1', '-12.50'],
  ['letter2', 'a'.repeat(32)],
  ['symbol1', '+++++'],
  ['character_string10', 'A1-'.repeat(10)],
  ['amount1', '¥1234567890元'],
  ['amount1', '$12.34'],
  ['phone_number1', '+86 138-0000-0000'],
  ['car_number1', '粤A12345学'],
  ['phrase1', '已经发货了'],
  ['name1', '一二三四五六七八九十'],
  ['name1', 'Anna Karenina Tolsta'],
  ['thing1', 'x'.repeat(99)],
  ['time1', '2026-11-21 15:04 ~ 2026-11-21 16:04'],
  ['date1', '2026年11月21日'],
  ['keyword1', 'x'.repeat(99)],
  ['constructor', 'x'.repeat(99)],
];
for (const [name, value] of FITS)
  test(`${name} holds ${value}`, () => assert.equal(findMisfit({ [name]: value }), undefined));

const MISFITS: [name: string, value: string][] = [
  ['number1', '9'.repeat(33)],
  ['letter2', 'a'.repeat(33)],
  ['symbol1', '++++++'],
  ['character_string10', 'A'.repeat(33)],
  ['amount1', '¥12345678901'],
  ['phone_number1', '0'.repeat(18)],
  ['car_number1', '123456789'],
  ['phrase1', '已经发货了吗'],
  ['name1', '一二三四五六七八九十一'],
  ['name1', 'Anna Karenina Tolstaya'],
];
for (const [name, value] of MISFITS)
  test(`${name} does not hold "${value}"`, () =>
    assert.equal(findMisfit({ fine1: '', [name]: value }), name));
