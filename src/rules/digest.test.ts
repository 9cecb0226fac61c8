import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BUILT_IN } from './categories.ts';
import { categoryFrom } from './category.ts';
import { closesAt, closesBy, digestOf } from './digest.ts';
import type { Frequency } from './frequency.ts';

const at = (time: string) => Date.parse(time);
const DAY_MS = 86_400_000;
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
  'Africa/Casablanca',
  'America/Asuncion',
];

describe('the window of a digest', () => {
  it('is counted from the first event when it is fixed', () => {
    assert.equal(closesAt({ everySeconds: 90 }, 'UTC', 1_000), 91_000);
    assert.equal(closesBy({ everySeconds: 90 }, 1_000), null);
  });

  it('slides from the first event on, and has an end', () => {
    const window = { quietSeconds: 60, atMostSeconds: 600 };
    assert.deepEqual([closesAt(window, 'UTC', 1_000), closesBy(window, 1_000)], [61_000, 601_000]);
  });

  it("ends when the user's clock shows the time next, whatever clocks do", () => {
    for (const [zone, time, days, opened, closes] of [
      ['Europe/Berlin', '09:00', undefined, '2026-11-21T07:59:59Z', '2026-11-21T08:00:00Z'],
      ['Europe/Berlin', '09:00', undefined, '2026-11-21T08:00:00Z', '2026-11-22T08:00:00Z'],
      ['Europe/Berlin', '09:00', [6], '2026-11-21T08:00:00Z', '2026-11-28T08:00:00Z'],
      ['Europe/Berlin', '09:00', [1, 5], '2026-11-21T12:00:00Z', '2026-11-23T08:00:00Z'],
      ['Pacific/Kiritimati', '09:00', [7], '2026-11-21T12:00:00Z', '2026-11-21T19:00:00Z'],
      ['Pacific/Pago_Pago', '09:00', undefined, '2026-11-21T12:00:00Z', '2026-11-21T20:00:00Z'],
      // 02:30 is skipped and comes as 03:30.
      ['Europe/Berlin', '02:30', undefined, '2027-03-28T00:00:00Z', '2027-03-28T01:30:00Z'],
      ['Europe/Berlin', '02:30', undefined, '2027-03-28T01:30:00Z', '2027-03-29T00:30:00Z'],
      // 02:30 comes twice; the first counts.
      ['Europe/Berlin', '02:30', undefined, '2027-10-31T00:00:00Z', '2027-10-31T00:30:00Z'],
      ['Europe/Berlin', '02:30', undefined, '2027-10-31T00:30:00Z', '2027-11-01T01:30:00Z'],
      // Nine is nine in summer and in winter.
      ['America/New_York', '09:00', undefined, '2027-03-13T20:00:00Z', '2027-03-14T13:00:00Z'],
      // Midnight is skipped and comes as one o'clock.
      ['Africa/Cairo', '00:00', undefined, '2027-04-29T21:00:00Z', '2027-04-29T22:00:00Z'],
      // 23:45 of the night before was skipped, and still has to come at 00:45.
      ['America/Scoresbysund', '23:45', undefined, '2024-03-31T00:30:00Z', '2024-03-31T00:45:00Z'],
      // Samoa had no 30 December 2011.
      ['Pacific/Apia', '09:00', undefined, '2011-12-29T20:00:00Z', '2011-12-30T19:00:00Z'],
    ] as const) {
      const found = closesAt({ at: time, days: days && [...days] }, zone, at(opened));
      assert.equal(
        new Date(found).toISOString(),
        closes.replace('Z', '.000Z'),
        `${time} in ${zone} after ${opened}`,
      );
    }
  });

  it('ends later than it begins, at that time of the day, with none between', () => {
    const moment = fc.integer({ min: at('2024-01-01T00:00:00Z'), max: at('2031-01-01T00:00:00Z') });
    const time = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map((parts) => parts.map((n) => String(n).padStart(2, '0')).join(':'));
    const days = fc.option(fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), {
      nil: undefined,
    });
    fc.assert(
      fc.property(moment, time, days, fc.constantFrom(...ZONES), (opened, time, days, zone) => {
        const end = closesAt({ at: time, days }, zone, opened);
        assert.ok(end > opened && end <= opened + (days ? 8 : 2) * DAY_MS);
        const shown = Temporal.Instant.fromEpochMilliseconds(end).toZonedDateTimeISO(zone);
        const isAsAsked =
          shown.toPlainTime().toString().startsWith(time) && (!days || days.includes(shown.dayOfWeek));
        // Otherwise the clocks have just skipped it.
        const skipped = shown.add({ nanoseconds: 1 }).getTimeZoneTransition('previous');
        assert.ok(
          isAsAsked || (skipped !== null && end - skipped.epochMilliseconds <= 3_600_000),
          `${shown}`,
        );
        // Whoever comes at any moment before it waits for the same end.
        assert.equal(closesAt({ at: time, days }, zone, Math.floor((opened + end) / 2)), end);
        assert.equal(closesAt({ at: time, days }, zone, end - 1), end);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('how a notification is collected', () => {
  const window = { everySeconds: 60 };
  const comments = categoryFrom('comments', { digest: { window, template: { id: 'summary' } } });

  it('is said by its category, unless it says otherwise', () => {
    assert.equal(digestOf(BUILT_IN.of('news')), null);
    const template = { id: 'summary' };
    assert.deepEqual(digestOf(comments), { key: 'comments', window, template, singleAsDigest: undefined });
    const own = { key: 'post-1', window: { everySeconds: 5 }, singleAsDigest: true };
    assert.deepEqual(digestOf(comments, own), { ...own, template });
    assert.equal(digestOf(comments, { enabled: false }), null);
  });

  it('is said by the user, where the category lets him choose', () => {
    const news = categoryFrom('news', { digest: { window, usersChoose: true } });
    const choose = (frequency: Frequency['frequency'], more: Partial<Frequency> = {}) => ({
      frequency,
      at: null,
      day: null,
      ...more,
    });
    const asked = { key: 'post', window: { everySeconds: 5 } };
    const windowOf = (...[frequency, more]: Parameters<typeof choose>) =>
      digestOf(news, asked, choose(frequency, more))?.window;
    assert.deepEqual(windowOf('hourly'), { everySeconds: 3_600 });
    assert.deepEqual(windowOf('daily'), { at: '09:00' });
    assert.deepEqual(windowOf('daily', { at: '18:30' }), { at: '18:30' });
    assert.deepEqual(windowOf('weekly'), { at: '09:00', days: [1] });
    assert.deepEqual(windowOf('weekly', { at: '10:00', day: 7 }), { at: '10:00', days: [7] });
    assert.equal(digestOf(news, asked, choose('every')), null);
    assert.equal(digestOf(news, asked, choose('daily'))!.key, 'news', 'all of it together');
    assert.equal(digestOf(news, { enabled: false }, choose('daily')), null);
    assert.deepEqual(digestOf(comments, asked, choose('daily'))!.window, asked.window, 'not asked for');
    assert.equal(digestOf(categoryFrom('quiet', { digest: { usersChoose: true } })), null);
  });

  it('is not at all when it is about security', () => {
    assert.equal(digestOf(categoryFrom('alarm', { kind: 'security', digest: { window } })), null);
    assert.equal(digestOf(BUILT_IN.of('otp'), { window }), null);
  });
});
