import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type DeliveryWindow, openingOf, turnIn } from './delivery-window.ts';

const DAY: DeliveryWindow = { from: '09:00', to: '21:00' };
const WORKDAYS: DeliveryWindow = { ...DAY, days: [1, 2, 3, 4, 5] };
const turn = (window: DeliveryWindow, zone: string, at: string, lot = 0, hasWaited = false) =>
  new Date(turnIn(window, { zone, now: Date.parse(at), lot, hasWaited })).toISOString();

describe('a delivery window', () => {
  it('lets go at once what comes while it is open, and at its opening what does not', () => {
    assert.equal(turn(DAY, 'UTC', '2026-11-21T09:00:00Z'), '2026-11-21T09:00:00.000Z');
    assert.equal(turn(DAY, 'UTC', '2026-11-21T20:59:59Z'), '2026-11-21T20:59:59.000Z');
    assert.equal(turn(DAY, 'UTC', '2026-11-21T21:00:00Z'), '2026-11-22T09:00:00.000Z');
    assert.equal(turn(DAY, 'Asia/Tokyo', '2026-11-21T13:00:00Z'), '2026-11-22T00:00:00.000Z');
  });

  it('opens on the days that it names, and may last over midnight', () => {
    assert.equal(turn(WORKDAYS, 'UTC', '2026-11-20T22:00:00Z'), '2026-11-23T09:00:00.000Z');
    const fridayNight = { from: '22:00', to: '02:00', days: [5] };
    assert.equal(turn(fridayNight, 'UTC', '2026-11-21T01:00:00Z'), '2026-11-21T01:00:00.000Z');
    assert.equal(turn(fridayNight, 'UTC', '2026-11-21T02:00:00Z'), '2026-11-27T22:00:00.000Z');
  });

  it('spreads users over its beginning, and over what is left of it, once', () => {
    const spread = { ...DAY, spreadMinutes: 60 };
    assert.equal(turn(spread, 'UTC', '2026-11-21T03:00:00Z', 0.5), '2026-11-21T09:30:00.000Z');
    assert.equal(turn(spread, 'UTC', '2026-11-21T10:00:00Z', 0.5), '2026-11-21T10:30:00.000Z');
    assert.equal(turn(spread, 'UTC', '2026-11-21T20:50:00Z', 0.5), '2026-11-21T20:55:00.000Z');
    assert.equal(turn(spread, 'UTC', '2026-11-21T09:30:00Z', 0.5, true), '2026-11-21T09:30:00.000Z');
    // Who missed the window while nothing ran has a place in the next one, and an earlier one.
    assert.equal(turn(spread, 'UTC', '2026-11-21T22:00:00Z', 0.5, true), '2026-11-22T09:15:00.000Z');
  });

  // Berlin goes from 02:00 to 03:00 on 2026-03-29.
  it('that the clock skips as a whole is not open on that day', () => {
    const skipped = { from: '02:10', to: '02:50' };
    assert.equal(turn(skipped, 'Europe/Berlin', '2026-03-28T23:30:00Z'), '2026-03-30T00:10:00.000Z');
    const onSundays = { ...skipped, days: [7] };
    assert.equal(turn(onSundays, 'Europe/Berlin', '2026-03-22T12:00:00Z'), '2026-04-05T00:10:00.000Z');
  });

  const clocks = fc
    .tuple(fc.nat(23), fc.nat(59))
    .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
  const windows = fc.record({
    from: clocks,
    to: clocks,
    days: fc.option(fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), { nil: undefined }),
    spreadMinutes: fc.option(fc.integer({ min: 1, max: 1_440 }), { nil: undefined }),
  });
  const zones = fc.constantFrom(
    'UTC',
    'America/New_York',
    'Europe/Berlin',
    'Africa/Cairo',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'Pacific/Apia',
  );

  it('is open whenever somebody has his turn, in every zone and season', () => {
    fc.assert(
      fc.property(
        windows,
        zones,
        fc.integer({ min: Date.UTC(2011, 11, 20), max: Date.UTC(2030, 0, 1) }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (window, zone, now, lot) => {
          const at = turnIn(window, { zone, now, lot, hasWaited: false });
          assert.ok(at >= now);
          const { opensAt, closesAt } = openingOf(window, zone, at);
          assert.ok(opensAt <= at && at < closesAt, 'it is open at that moment');
          assert.equal(turnIn(window, { zone, now: at, lot, hasWaited: true }), at, 'and nobody waits again');
        },
      ),
    );
  });
});
