import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Period } from './cap.ts';
import { calendarWindow, windowOf } from './cap-window.ts';

const HOUR_MS = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString().replace(':00.000Z', 'Z');
const window = (per: Period, zone: string, at: string) => {
  const { startsAt, endsAt } = calendarWindow(per, zone, Date.parse(at));
  return [iso(startsAt), iso(endsAt)];
};

describe('the window of a cap', () => {
  it('is a day of the calendar of a zone, with 23 or 25 hours when its clocks are changed', () => {
    assert.deepEqual(window('day', 'Europe/Berlin', '2026-11-21T22:59:59Z'), [
      '2026-11-20T23:00Z',
      '2026-11-21T23:00Z',
    ]);
    assert.deepEqual(window('day', 'Europe/Berlin', '2026-11-21T23:00:00Z'), [
      '2026-11-21T23:00Z',
      '2026-11-22T23:00Z',
    ]);
    const spring = window('day', 'America/New_York', '2026-03-08T12:00:00Z');
    assert.deepEqual(spring, ['2026-03-08T05:00Z', '2026-03-09T04:00Z']);
    const autumn = window('day', 'America/New_York', '2026-11-01T12:00:00Z');
    assert.deepEqual(autumn, ['2026-11-01T04:00Z', '2026-11-02T05:00Z']);
  });

  it('begins with the first moment of a day that has no midnight', () => {
    assert.deepEqual(window('day', 'Africa/Cairo', '2026-04-24T12:00:00Z'), [
      '2026-04-23T22:00Z',
      '2026-04-24T21:00Z',
    ]);
  });

  it('is the day on the own side of the date line', () => {
    const [noon, beforeNoon] = ['2026-11-21T12:00:00Z', '2026-11-21T11:59:59Z'];
    assert.deepEqual(window('day', 'Pacific/Kiritimati', noon), ['2026-11-21T10:00Z', '2026-11-22T10:00Z']);
    assert.deepEqual(window('day', 'Etc/GMT+12', noon), ['2026-11-21T12:00Z', '2026-11-22T12:00Z']);
    assert.deepEqual(window('day', 'Etc/GMT+12', beforeNoon), ['2026-11-20T12:00Z', '2026-11-21T12:00Z']);
    // Samoa crossed it, and had no 30th of December.
    assert.deepEqual(window('day', 'Pacific/Apia', '2011-12-30T09:00:00Z'), [
      '2011-12-29T10:00Z',
      '2011-12-30T10:00Z',
    ]);
    assert.deepEqual(window('day', 'Pacific/Apia', '2011-12-30T10:00:00Z'), [
      '2011-12-30T10:00Z',
      '2011-12-31T10:00Z',
    ]);
  });

  it('is a week from Monday to Sunday, also over New Year', () => {
    for (const at of ['2026-12-28T00:00:00Z', '2026-12-31T23:00:00Z', '2027-01-03T23:59:59Z'])
      assert.deepEqual(window('week', 'UTC', at), ['2026-12-28T00:00Z', '2027-01-04T00:00Z']);
    assert.deepEqual(window('week', 'Asia/Tokyo', '2026-11-22T15:00:00Z'), [
      '2026-11-22T15:00Z',
      '2026-11-29T15:00Z',
    ]);
    // Clocks go forward on the Sunday: 167 hours.
    assert.deepEqual(window('week', 'Europe/Berlin', '2026-03-25T12:00:00Z'), [
      '2026-03-22T23:00Z',
      '2026-03-29T22:00Z',
    ]);
  });

  it('is a month, however long', () => {
    assert.deepEqual(window('month', 'UTC', '2026-01-31T23:59:59Z'), [
      '2026-01-01T00:00Z',
      '2026-02-01T00:00Z',
    ]);
    assert.deepEqual(window('month', 'UTC', '2028-02-29T12:00:00Z'), [
      '2028-02-01T00:00Z',
      '2028-03-01T00:00Z',
    ]);
    assert.deepEqual(window('month', 'Europe/Berlin', '2026-03-31T21:59:59Z'), [
      '2026-02-28T23:00Z',
      '2026-03-31T22:00Z',
    ]);
    assert.deepEqual(window('month', 'Europe/Berlin', '2026-12-31T23:00:00Z'), [
      '2026-12-31T23:00Z',
      '2027-01-31T23:00Z',
    ]);
  });

  it('is an hour of the clock, and each of two when it is shown twice', () => {
    assert.deepEqual(window('hour', 'Asia/Kathmandu', '2026-11-21T12:00:00Z'), [
      '2026-11-21T11:15Z',
      '2026-11-21T12:15Z',
    ]);
    assert.deepEqual(window('hour', 'Europe/Berlin', '2026-10-25T00:30:00Z'), [
      '2026-10-25T00:00Z',
      '2026-10-25T01:00Z',
    ]);
    assert.deepEqual(window('hour', 'Europe/Berlin', '2026-10-25T01:30:00Z'), [
      '2026-10-25T01:00Z',
      '2026-10-25T02:00Z',
    ]);
    assert.deepEqual(window('hour', 'Europe/Berlin', '2026-03-29T00:30:00Z'), [
      '2026-03-29T00:00Z',
      '2026-03-29T01:00Z',
    ]);
  });

  it('leaves no gap and no overlap to the next one, in any zone', () => {
    const zones = [
      'UTC',
      'America/New_York',
      'Europe/Berlin',
      'Africa/Cairo',
      'America/Havana',
      'Asia/Kathmandu',
      'Pacific/Apia',
    ];
    fc.assert(
      fc.property(
        fc.constantFrom<Period>('hour', 'day', 'week', 'month'),
        fc.constantFrom(...zones, 'Pacific/Kiritimati', 'Etc/GMT+12'),
        fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2034, 0, 1) }),
        (per, zone, now) => {
          const { startsAt, endsAt } = calendarWindow(per, zone, now);
          assert.ok(startsAt <= now && now < endsAt);
          assert.equal(calendarWindow(per, zone, endsAt).startsAt, endsAt);
          assert.deepEqual(calendarWindow(per, zone, endsAt - 1), { startsAt, endsAt });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('that slides has no beginning, and frees a place when its time is over', () => {
    const ends = (per: Period) => windowOf({ per, sliding: true }, 'UTC', 5).endsAt;
    assert.deepEqual([ends('hour'), ends('day')], [5 + HOUR_MS, 5 + 24 * HOUR_MS]);
    assert.deepEqual([ends('week'), ends('month')], [5 + 168 * HOUR_MS, 5 + 720 * HOUR_MS]);
    assert.equal(windowOf({ per: 'hour', sliding: true }, 'UTC', 5).startsAt, 0);
  });
});
