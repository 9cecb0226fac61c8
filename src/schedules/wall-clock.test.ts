import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isSecondTime, momentOf, parseWall, showWall, skippedBefore, wallAt } from './wall-clock.ts';

const HOUR_MS = 3_600_000;
const ZONES = [
  'America/New_York',
  'Europe/Berlin',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Asia/Kathmandu',
  'Pacific/Chatham',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'America/St_Johns',
  'UTC',
];
const iso = (moment: number) => new Date(moment).toISOString().slice(0, 16);

describe('the clock on the wall', () => {
  const table: [zone: string, wall: string, utc: string][] = [
    ['America/New_York', '2026-03-08T02:30', '2026-03-08T07:30'],
    ['America/New_York', '2026-11-01T01:30', '2026-11-01T05:30'],
    ['Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:30'],
    ['Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30'],
    ['Africa/Cairo', '2026-04-24T00:00', '2026-04-23T22:00'],
    ['Australia/Lord_Howe', '2026-10-04T02:15', '2026-10-03T15:45'],
    ['Pacific/Apia', '2011-12-30T12:00', '2011-12-30T22:00'],
    ['Asia/Kathmandu', '2026-01-01T00:00', '2025-12-31T18:15'],
  ];
  for (const [zone, wall, utc] of table) {
    it(`shows ${wall} in ${zone} at ${utc}Z`, () => {
      assert.equal(iso(momentOf(parseWall(wall)!, zone)), utc);
    });
  }

  it('shows a time twice, and knows the second', () => {
    const first = Date.parse('2026-11-01T05:30Z');
    assert.equal(isSecondTime(first, 'America/New_York'), false);
    assert.equal(isSecondTime(first + HOUR_MS, 'America/New_York'), true);
    assert.equal(showWall(wallAt(first + HOUR_MS, 'America/New_York')), '2026-11-01T01:30:00');
  });

  it('remembers what it skipped for as long as that is, and no longer', () => {
    const skip = Date.parse('2026-03-08T07:00Z');
    const at = (minutes: number) => skippedBefore(skip + minutes * 60_000, 'America/New_York');
    assert.deepEqual([-1, 0, 59, 60].map(at), [0, HOUR_MS, HOUR_MS, 0]);
    assert.equal(skippedBefore(Date.parse('2026-11-01T06:10Z'), 'America/New_York'), 0);
    assert.equal(skippedBefore(skip, '+14:00'), 0);
  });

  it('agrees with the offsets of the days before and after', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.integer({ min: Date.UTC(2005, 0), max: Date.UTC(2040, 0) }).map((ms) => ms - (ms % 60_000)),
        (zone, wall) => {
          const offset = (moment: number) => wallAt(moment, zone) - moment;
          const before = wall - offset(wall - 24 * HOUR_MS);
          const candidates = [before, wall - offset(wall + 24 * HOUR_MS)].filter(
            (moment) => wallAt(moment, zone) === wall,
          );
          assert.equal(momentOf(wall, zone), candidates.length > 0 ? Math.min(...candidates) : before);
        },
      ),
    );
  });

  it('has no times but those that are written right', () => {
    for (const text of [
      '2026-02-30T09:00',
      '2026-01-01',
      '2026-01-01T24:00',
      '2026-01-01T09:00Z',
      '9:00',
      '',
    ])
      assert.equal(parseWall(text), null, text);
    assert.equal(parseWall('2028-02-29T09:00:30'), Date.UTC(2028, 1, 29, 9, 0, 30));
  });
});
