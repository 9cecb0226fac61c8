import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nextOccurrence, parseTiming, type Rule, type Timing, TimingError } from './rule.ts';
import { momentOf, parseWall, showWall, wallAt } from './wall-clock.ts';

const NEW_YORK = 'America/New_York';
const DAY_MS = 24 * 3_600_000;

/** The moments of the first occurrences after a time, in UTC to the minute. */
function times(rule: Rule, zone: string, after: string, count: number): string[] {
  const found: string[] = [];
  let at = Date.parse(after);
  for (let i = 0; i < count; i++) {
    const next = nextOccurrence(rule, zone, at);
    if (!next) break;
    at = next.at;
    found.push(new Date(at).toISOString().slice(0, 16));
  }
  return found;
}

const cron = (text: string, timezone = NEW_YORK, more: Timing['recurrence'] = {}) =>
  parseTiming({ recurrence: { cron: text, ...more }, timezone });
const rrule = (text: string, startsAt: string, timezone = NEW_YORK, endsAt?: string) =>
  parseTiming({ recurrence: { rrule: text, startsAt, endsAt }, timezone });

describe('a time of the day', () => {
  const daily = [cron('30 2 * * *'), rrule('FREQ=DAILY', '2026-01-01T02:30')];
  it('comes later on the day on which clocks skip it', () => {
    for (const rule of daily)
      assert.deepEqual(times(rule, NEW_YORK, '2026-03-06T12:00Z', 4), [
        '2026-03-07T07:30',
        '2026-03-08T07:30',
        '2026-03-09T06:30',
        '2026-03-10T06:30',
      ]);
  });

  it('comes once on the day on which clocks show it twice: the first time', () => {
    for (const rule of [cron('30 1 * * *'), rrule('FREQ=DAILY', '2026-01-01T01:30')])
      assert.deepEqual(times(rule, NEW_YORK, '2026-10-31T00:00Z', 3), [
        '2026-10-31T05:30',
        '2026-11-01T05:30',
        '2026-11-02T06:30',
      ]);
  });

  it('is still to come when the clocks have just skipped it', () => {
    assert.deepEqual(times(cron('30 2 * * *'), NEW_YORK, '2026-03-08T07:10Z', 1), ['2026-03-08T07:30']);
    assert.deepEqual(times(cron('30 2 * * *'), NEW_YORK, '2026-03-08T07:30Z', 1), ['2026-03-09T06:30']);
  });

  it('keeps its order among those that come later, and joins one that it meets', () => {
    const rule = cron('0,30 2,3 * * *');
    assert.deepEqual(times(rule, NEW_YORK, '2026-03-08T06:00Z', 3), [
      '2026-03-08T07:00',
      '2026-03-08T07:30',
      '2026-03-09T06:00',
    ]);
  });

  it('is named by the time that the rule says', () => {
    const after = Date.parse('2026-03-08T06:00Z');
    assert.equal(nextOccurrence(cron('30 2 * * *'), NEW_YORK, after)?.local, '2026-03-08T02:30:00');
  });

  it('may stand alone, as a moment or on the wall, years ahead', () => {
    const moment = parseTiming({ at: '2036-02-29T09:00:00+01:00' });
    assert.deepEqual(times(moment, 'UTC', '2026-01-01T00:00Z', 2), ['2036-02-29T08:00']);
    const wall = parseTiming({ at: '2046-07-01T09:00', timezone: 'Europe/Berlin' });
    assert.deepEqual(times(wall, 'Europe/Berlin', '2026-01-01T00:00Z', 2), ['2046-07-01T07:00']);
  });
});

describe('an even pace', () => {
  it('of cron follows the clock: what is skipped is skipped, what is shown twice comes twice', () => {
    const rule = cron('*/30 * * * *');
    assert.deepEqual(times(rule, NEW_YORK, '2026-03-08T06:00Z', 3), [
      '2026-03-08T06:30',
      '2026-03-08T07:00',
      '2026-03-08T07:30',
    ]);
    assert.deepEqual(times(rule, NEW_YORK, '2026-11-01T05:00Z', 4), [
      '2026-11-01T05:30',
      '2026-11-01T06:00',
      '2026-11-01T06:30',
      '2026-11-01T07:00',
    ]);
    const second = nextOccurrence(rule, NEW_YORK, Date.parse('2026-11-01T06:00Z'));
    assert.equal(second?.local, '2026-11-01T01:30:00#2');
  });

  it('of a rule is kept in time that really passes', () => {
    const rule = rrule('FREQ=MINUTELY;INTERVAL=90', '2026-03-08T00:00');
    assert.deepEqual(times(rule, NEW_YORK, '2026-03-08T00:00Z', 4), [
      '2026-03-08T05:00',
      '2026-03-08T06:30',
      '2026-03-08T08:00',
      '2026-03-08T09:30',
    ]);
  });

  it('of a rule may be for some hours and days only', () => {
    const rule = rrule(
      'FREQ=HOURLY;INTERVAL=2;BYDAY=MO,FR;BYHOUR=9,10,11,12',
      '2026-01-01T08:00',
      'Europe/Berlin',
    );
    assert.deepEqual(times(rule, 'Europe/Berlin', '2026-01-01T00:00Z', 5), [
      '2026-01-02T09:00',
      '2026-01-02T11:00',
      '2026-01-05T09:00',
      '2026-01-05T11:00',
      '2026-01-09T09:00',
    ]);
  });

  it('of a rule ends by its count, and years after its start is found at once', () => {
    assert.equal(
      times(rrule('FREQ=HOURLY;COUNT=3', '2026-01-01T00:00', 'UTC'), 'UTC', '2025-01-01T00:00Z', 9).length,
      3,
    );
    const old = rrule('FREQ=MINUTELY;INTERVAL=7', '2000-01-01T00:00', 'UTC');
    const [next] = times(old, 'UTC', '2026-06-01T00:00Z', 1);
    assert.equal((Date.parse(`${next}Z`) - Date.UTC(2000, 0)) % (7 * 60_000), 0);
  });
});

describe('months and years', () => {
  it('end on their last day, whichever it is', () => {
    const ends = ['2026-11-30T08:00', '2026-12-31T08:00', '2027-01-31T08:00', '2027-02-28T08:00'];
    const byRule = rrule('FREQ=MONTHLY;BYMONTHDAY=-1', '2026-11-30T09:00', 'Europe/Berlin');
    const byCron = cron('0 9 L * *', 'Europe/Berlin');
    for (const rule of [byRule, byCron])
      assert.deepEqual(times(rule, 'Europe/Berlin', '2026-11-21T12:00Z', 4), ends);
  });

  it('skip the days that they do not have', () => {
    const rule = rrule('FREQ=MONTHLY;BYMONTHDAY=31', '2027-01-31T12:00', 'UTC');
    assert.deepEqual(times(rule, 'UTC', '2027-01-01T00:00Z', 3), [
      '2027-01-31T12:00',
      '2027-03-31T12:00',
      '2027-05-31T12:00',
    ]);
  });

  it('have leap days', () => {
    const byRule = rrule('FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', '2026-01-01T12:00', 'UTC');
    const leap = ['2028-02-29T12:00', '2032-02-29T12:00', '2036-02-29T12:00'];
    for (const rule of [byRule, cron('0 12 29 2 *', 'UTC')])
      assert.deepEqual(times(rule, 'UTC', '2026-01-01T00:00Z', 3), leap);
    // 2100 is none.
    assert.deepEqual(times(byRule, 'UTC', '2096-03-01T00:00Z', 1), ['2104-02-29T12:00']);
  });

  it('are counted from the start when every second one is meant', () => {
    const rule = rrule('FREQ=WEEKLY;INTERVAL=2;BYDAY=TU', '2026-11-03T09:00', 'UTC');
    assert.deepEqual(times(rule, 'UTC', '2026-11-21T00:00Z', 2), ['2026-12-01T09:00', '2026-12-15T09:00']);
  });

  it('have a last Friday and a second Tuesday', () => {
    const friday = ['2026-11-27T09:00', '2026-12-25T09:00'];
    assert.deepEqual(
      times(rrule('FREQ=MONTHLY;BYDAY=-1FR', '2026-11-01T09:00', 'UTC'), 'UTC', '2026-11-21T00:00Z', 2),
      friday,
    );
    assert.deepEqual(times(cron('0 9 * * 5#L', 'UTC'), 'UTC', '2026-11-21T00:00Z', 2), friday);
    assert.deepEqual(times(cron('0 9 * * tue#2', 'UTC'), 'UTC', '2026-11-21T00:00Z', 1), [
      '2026-12-08T09:00',
    ]);
  });

  it('and days of the week are alternatives in cron', () => {
    assert.deepEqual(times(cron('0 0 13 * 5', 'UTC'), 'UTC', '2026-12-10T00:00Z', 3), [
      '2026-12-11T00:00',
      '2026-12-13T00:00',
      '2026-12-18T00:00',
    ]);
  });
});

describe('a recurrence', () => {
  it('begins and ends when it says, both included', () => {
    const bounds = { startsAt: '2026-12-01T09:00', endsAt: '2026-12-03T09:00' };
    const all = ['2026-12-01T08:00', '2026-12-02T08:00', '2026-12-03T08:00'];
    const byCron = cron('0 9 * * *', 'Europe/Berlin', bounds);
    const byRule = rrule('FREQ=DAILY', bounds.startsAt, 'Europe/Berlin', bounds.endsAt);
    const byUntil = rrule('FREQ=DAILY;UNTIL=20261203T080000Z', bounds.startsAt, 'Europe/Berlin');
    const byDay = rrule('FREQ=DAILY;UNTIL=20261203', bounds.startsAt, 'Europe/Berlin');
    const byCount = rrule('FREQ=DAILY;COUNT=3', bounds.startsAt, 'Europe/Berlin');
    for (const rule of [byCron, byRule, byUntil, byDay, byCount])
      assert.deepEqual(times(rule, 'Europe/Berlin', '2026-01-01T00:00Z', 9), all);
    const tooLate = rrule('FREQ=DAILY;UNTIL=20261203T075959Z', bounds.startsAt, 'Europe/Berlin');
    assert.equal(times(tooLate, 'Europe/Berlin', '2026-01-01T00:00Z', 9).length, 2);
  });

  it('does not count a start that does not fit it', () => {
    const rule = rrule('FREQ=WEEKLY;BYDAY=MO;COUNT=2', '2026-12-01T09:00', 'UTC');
    assert.deepEqual(times(rule, 'UTC', '2026-01-01T00:00Z', 9), ['2026-12-07T09:00', '2026-12-14T09:00']);
  });

  it('comes once a day everywhere, at its time, whatever clocks do', () => {
    const zones = [
      'Europe/Berlin',
      NEW_YORK,
      'Australia/Lord_Howe',
      'Africa/Cairo',
      'America/Santiago',
      'Asia/Tehran',
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 59 }),
        fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2030, 0) }),
        fc.boolean(),
        (zone, hour, minute, after, isCron) => {
          const clock = `T${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
          const rule = isCron
            ? cron(`${minute} ${hour} * * *`, zone)
            : rrule('FREQ=DAILY', `2020-01-01${clock}`, zone);
          let at = after;
          let day: number | null = null;
          for (let i = 0; i < 20; i++) {
            const next = nextOccurrence(rule, zone, at)!;
            const wall = parseWall(next.local)!;
            assert.ok(next.at > at);
            assert.ok(next.local.includes(clock));
            assert.equal(next.at, momentOf(wall, zone));
            if (day !== null) assert.equal(wall - day, DAY_MS);
            [at, day] = [next.at, wall];
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('of every quarter of an hour leaves no quarter out and adds none', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          'Europe/Berlin',
          NEW_YORK,
          'Australia/Lord_Howe',
          'Africa/Casablanca',
          'Pacific/Chatham',
        ),
        fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2030, 0) }),
        (zone, after) => {
          const rule = cron('*/15 * * * *', zone);
          let at = nextOccurrence(rule, zone, after)!.at;
          assert.ok(at - after <= 900_000);
          for (let i = 0; i < 20; i++) {
            const next = nextOccurrence(rule, zone, at)!;
            assert.equal(next.at - at, 900_000);
            assert.equal(new Date(wallAt(next.at, zone)).getUTCMinutes() % 15, 0);
            assert.ok(next.local.startsWith(showWall(wallAt(next.at, zone))));
            at = next.at;
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a timing is refused', () => {
  const bad: [Timing, string][] = [
    [{}, '/at'],
    [{ at: '2030-01-01T09:00Z', recurrence: { cron: '0 9 * * *' }, timezone: 'UTC' }, '/at'],
    [{ at: 'tomorrow', timezone: 'UTC' }, '/at'],
    [{ at: '2030-01-01T09:00' }, '/timezone'],
    [{ at: '2030-01-01T09:00Z', timezone: 'UTC' }, '/timezone'],
    [{ at: '2030-01-01T09:00Z', localTime: true }, '/at'],
    [{ recurrence: { cron: '0 9 * * *' } }, '/timezone'],
    [{ recurrence: {}, timezone: 'UTC' }, '/recurrence/rrule'],
    [{ recurrence: { cron: '0 9 * * *', rrule: 'FREQ=DAILY' }, timezone: 'UTC' }, '/recurrence/rrule'],
    [{ recurrence: { rrule: 'FREQ=DAILY' }, timezone: 'UTC' }, '/recurrence/startsAt'],
    [{ recurrence: { cron: '0 9 * * *', startsAt: '9:00' }, timezone: 'UTC' }, '/recurrence/startsAt'],
    [
      {
        recurrence: { cron: '0 9 * * *', startsAt: '2030-01-02T00:00', endsAt: '2030-01-01T00:00' },
        timezone: 'UTC',
      },
      '/recurrence/endsAt',
    ],
    [{ recurrence: { cron: '*/5 * * * *' }, timezone: 'UTC', localTime: true }, '/localTime'],
  ];
  for (const text of [
    '0 9 * *',
    '0 0 9 * * *',
    '60 9 * * *',
    '0 24 * * *',
    '0 9 32 * *',
    '0 9 * 13 *',
    '@daily',
    '0 9 * * 5L',
    '0 9 * * 1#6',
    '? 9 * * *',
    'x 9 * * *',
  ])
    bad.push([{ recurrence: { cron: text }, timezone: 'UTC' }, '/recurrence/cron']);
  for (const text of [
    'DAILY',
    'INTERVAL=2',
    'FREQ=SECONDLY',
    'FREQ=DAILY;FREQ=DAILY',
    'FREQ=DAILY;INTERVAL=0',
    'FREQ=DAILY;COUNT=2;UNTIL=20270101',
    'FREQ=DAILY;UNTIL=20270231',
    'FREQ=DAILY;BYHOUR=24',
    'FREQ=DAILY;BYSECOND=1',
    'FREQ=MONTHLY;BYMONTHDAY=0',
    'FREQ=MONTHLY;BYMONTHDAY=32',
    'FREQ=WEEKLY;BYDAY=XX',
    'FREQ=WEEKLY;BYMONTHDAY=1',
    'FREQ=HOURLY;BYMINUTE=1',
    'FREQ=HOURLY;BYDAY=1MO',
    'FREQ=HOURLY;BYHOUR=1;COUNT=2',
    'FREQ=DAILY;X-NEW=1',
  ])
    bad.push([
      { recurrence: { rrule: text, startsAt: '2026-01-01T09:00' }, timezone: 'UTC' },
      '/recurrence/rrule',
    ]);
  for (const [timing, field] of bad) {
    it(`with the field named: ${JSON.stringify(timing)}`, () => {
      assert.throws(
        () => parseTiming(timing),
        (error) => error instanceof TimingError && error.field === field && error.message.length > 5,
      );
    });
  }
});
