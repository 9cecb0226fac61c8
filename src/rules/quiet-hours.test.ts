import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type QuietWindow, quietUntil } from './quiet-hours.ts';
import { regionOf } from './region.ts';

const NIGHT: QuietWindow[] = [{ from: '22:00', to: '07:00' }];
const until = (windows: QuietWindow[], zone: string, at: string, country: string | null = null) => {
  const end = quietUntil(windows, { channel: 'push', zone, country, now: Date.parse(at) });
  return end === null || end === Number.POSITIVE_INFINITY ? end : new Date(end).toISOString();
};

describe('quiet hours', () => {
  it('last from their beginning until just before their end, across midnight', () => {
    assert.equal(until(NIGHT, 'UTC', '2026-11-21T21:59:59.999Z'), null);
    assert.equal(until(NIGHT, 'UTC', '2026-11-21T22:00:00Z'), '2026-11-22T07:00:00.000Z');
    assert.equal(until(NIGHT, 'UTC', '2026-11-22T06:59:59.999Z'), '2026-11-22T07:00:00.000Z');
    assert.equal(until(NIGHT, 'UTC', '2026-11-22T07:00:00Z'), null);
  });

  it("go by the user's clock", () => {
    assert.equal(until(NIGHT, 'Asia/Tokyo', '2026-11-21T13:30:00Z'), '2026-11-21T22:00:00.000Z');
    assert.equal(until(NIGHT, 'Pacific/Kiritimati', '2026-11-21T08:00:00Z'), '2026-11-21T17:00:00.000Z');
    assert.equal(until(NIGHT, 'Etc/GMT+12', '2026-11-21T10:00:00Z'), '2026-11-21T19:00:00.000Z');
  });

  // The night is an hour shorter in spring and an hour longer in autumn.
  it('end at seven on the clock also when it is changed in between', () => {
    assert.equal(until(NIGHT, 'America/New_York', '2026-03-08T03:00:00Z'), '2026-03-08T11:00:00.000Z');
    assert.equal(until(NIGHT, 'America/New_York', '2026-11-01T02:00:00Z'), '2026-11-01T12:00:00.000Z');
  });

  it('that begin or end at a time which the clock skips do so when it has skipped it', () => {
    // Berlin goes from 02:00 to 03:00 on 2026-03-29, at 01:00 UTC.
    const ends = [{ from: '23:00', to: '02:30' }];
    assert.equal(until(ends, 'Europe/Berlin', '2026-03-29T00:30:00Z'), '2026-03-29T01:00:00.000Z');
    assert.equal(until(ends, 'Europe/Berlin', '2026-03-29T01:00:00Z'), null);
    const begins = [{ from: '02:30', to: '05:00' }];
    assert.equal(until(begins, 'Europe/Berlin', '2026-03-29T00:59:59Z'), null);
    assert.equal(until(begins, 'Europe/Berlin', '2026-03-29T01:00:00Z'), '2026-03-29T03:00:00.000Z');
    // Cairo had no midnight on 2026-04-24.
    assert.equal(
      until([{ from: '20:00', to: '00:00' }], 'Africa/Cairo', '2026-04-23T21:00:00Z'),
      '2026-04-23T22:00:00.000Z',
    );
  });

  it('that begin or end at a time which the clock shows twice mean the first', () => {
    // Berlin shows 02:30 on 2026-10-25 at 00:30 and again at 01:30 UTC.
    assert.equal(
      until([{ from: '23:00', to: '02:30' }], 'Europe/Berlin', '2026-10-25T00:00:00Z'),
      '2026-10-25T00:30:00.000Z',
    );
    assert.equal(
      until([{ from: '02:30', to: '05:00' }], 'Europe/Berlin', '2026-10-25T00:30:00Z'),
      '2026-10-25T04:00:00.000Z',
    );
  });

  it('belong to the weekday on which they begin', () => {
    const fridays = [{ from: '22:00', to: '07:00', days: [5] }];
    assert.equal(until(fridays, 'UTC', '2026-11-20T23:00:00Z'), '2026-11-21T07:00:00.000Z');
    assert.equal(until(fridays, 'UTC', '2026-11-21T06:00:00Z'), '2026-11-21T07:00:00.000Z');
    assert.equal(until(fridays, 'UTC', '2026-11-21T23:00:00Z'), null);
  });

  it('on holidays are those of the days that they name, on the clock of each user', () => {
    const christmas = [{ from: '00:00', to: '00:00', dates: ['2026-12-25', '2026-12-26'] }];
    assert.equal(until(christmas, 'UTC', '2026-12-24T23:59:59Z'), null);
    assert.equal(until(christmas, 'UTC', '2026-12-25T00:00:00Z'), '2026-12-27T00:00:00.000Z');
    assert.equal(until(christmas, 'Asia/Tokyo', '2026-12-24T15:00:00Z'), '2026-12-26T15:00:00.000Z');
    assert.equal(until(christmas, 'UTC', '2027-12-25T12:00:00Z'), null);
  });

  it('of a country are for users whose locale names it', () => {
    const holiday = [{ from: '00:00', to: '00:00', dates: ['2026-10-26'], countries: ['AT'] }];
    const at = '2026-10-26T08:00:00Z';
    const isQuiet = (locale: string | null) => until(holiday, 'UTC', at, regionOf(locale)) !== null;
    assert.deepEqual(['de-AT', 'de_AT', 'de-Latn-AT', 'de-DE', 'de', 'no locale at all', null].map(isQuiet), [
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('that overlap or follow each other are one', () => {
    const chain = [
      { from: '22:00', to: '02:00' },
      { from: '01:00', to: '05:00' },
      { from: '05:00', to: '08:00' },
    ];
    assert.equal(until(chain, 'UTC', '2026-11-21T22:30:00Z'), '2026-11-22T08:00:00.000Z');
    const weekend = [{ from: '00:00', to: '00:00', days: [6, 7] }];
    assert.equal(until(weekend, 'UTC', '2026-11-21T10:00:00Z'), '2026-11-23T00:00:00.000Z');
  });

  it('that leave no gap never end', () => {
    assert.equal(
      until([{ from: '08:00', to: '08:00' }], 'UTC', '2026-11-21T10:00:00Z'),
      Number.POSITIVE_INFINITY,
    );
  });

  it('are for channels that disturb, or for those that they name', () => {
    const at = Date.parse('2026-11-21T23:00:00Z');
    const isQuiet = (windows: QuietWindow[], channel: 'inbox' | 'webhook' | 'sms' | 'email') =>
      quietUntil(windows, { channel, zone: 'UTC', country: null, now: at }) !== null;
    assert.deepEqual(
      (['inbox', 'webhook', 'sms', 'email'] as const).map((channel) => isQuiet(NIGHT, channel)),
      [false, false, true, true],
    );
    const sms: QuietWindow[] = [{ ...NIGHT[0]!, channels: ['sms'] }];
    assert.deepEqual([isQuiet(sms, 'sms'), isQuiet(sms, 'email')], [true, false]);
  });

  const hours = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
    .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
  const window = fc.record({
    from: hours,
    to: hours,
    days: fc.option(fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), { nil: undefined }),
    dates: fc.option(
      fc.uniqueArray(fc.constantFrom('2020-02-29', '2026-03-29', '2026-10-25'), { minLength: 1 }),
      { nil: undefined, freq: 2 },
    ),
  });
  const zones = fc.constantFrom(
    'UTC',
    'America/New_York',
    'Europe/Berlin',
    'Africa/Cairo',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'Pacific/Apia',
    'Pacific/Kiritimati',
    'America/St_Johns',
  );

  it('are over at the moment they name, and not a moment before, in every zone and season', () => {
    fc.assert(
      fc.property(
        fc.array(window, { minLength: 1, maxLength: 4 }),
        zones,
        fc.integer({ min: Date.UTC(2011, 11, 28), max: Date.UTC(2030, 0, 1) }),
        (windows, zone, now) => {
          const ask = (moment: number) =>
            quietUntil(windows, { channel: 'sms', zone, country: null, now: moment });
          const end = ask(now);
          if (end === null || end === Number.POSITIVE_INFINITY) return;
          assert.ok(end > now);
          assert.equal(ask(end), null);
          assert.equal(ask(end - 1), end);
          assert.equal(ask(Math.floor((now + end) / 2)), end);
        },
      ),
    );
  });
});
