import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { measureSms } from './sms-segments.ts';

const segments = (text: string) => measureSms(text).segments;

describe('a text as SMS', () => {
  // What sms-segments-calculator 1.3.0 counts.
  it('is cut into as many messages as vendors charge', () => {
    const cases: [string, number][] = [
      ['', 1],
      ['a'.repeat(160), 1],
      ['a'.repeat(161), 2],
      [`${'a'.repeat(158)}€`, 1],
      [`${'a'.repeat(159)}€`, 2],
      ['a'.repeat(306), 2],
      ['a'.repeat(307), 3],
      ['я'.repeat(70), 1],
      ['я'.repeat(71), 2],
      ['😀'.repeat(35), 1],
      ['😀'.repeat(36), 2],
      ['😀'.repeat(66), 2],
      ['😀'.repeat(67), 3],
    ];
    for (const [text, count] of cases)
      assert.equal(segments(text), count, `${text.length} of ${text.at(-1)}`);
  });

  it('is never cut between an escape and its character', () => {
    assert.equal(segments(`${'a'.repeat(152)}€${'a'.repeat(152)}`), 3);
  });

  it('names what turned it into UCS-2', () => {
    assert.deepEqual(measureSms('it’s `5` ç, it’s'), {
      encoding: 'UCS-2',
      units: 16,
      segments: 1,
      foreign: ['’', '`', 'ç'],
    });
    assert.deepEqual(measureSms('[€5]\n'), { encoding: 'GSM-7', units: 8, segments: 1, foreign: [] });
  });

  it('costs no less when it is longer', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 400 }),
        fc.string({ maxLength: 40 }),
        (text, more) => {
          assert.ok(segments(text + more) >= segments(text));
        },
      ),
    );
  });
});
