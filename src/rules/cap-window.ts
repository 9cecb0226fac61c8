import type { Cap, Period, Place } from './cap.ts';

const HOUR_MS = 3_600_000;
/** How far a sliding window reaches back. */
const LENGTHS: Record<Period, number> = {
  hour: HOUR_MS,
  day: 24 * HOUR_MS,
  week: 7 * 24 * HOUR_MS,
  month: 30 * 24 * HOUR_MS,
};

type Window = Pick<Place, 'startsAt' | 'endsAt'>;

/** The window of a cap that a message of `now` (ms since the epoch) counts in. Pure. */
export function windowOf({ per, sliding }: Pick<Cap, 'per' | 'sliding'>, zone: string, now: number): Window {
  if (sliding) return { startsAt: 0, endsAt: now + LENGTHS[per] };
  return calendarWindow(per, zone, now);
}

/**
 * The hour, day, ISO week or month that the clocks and the calendar of a zone show. When clocks are changed a day has 23
 * or 25 hours, and an hour that is shown twice counts twice. Pure.
 */
export function calendarWindow(per: Period, zone: string, now: number): Window {
  const at = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(zone);
  if (per === 'hour') return { startsAt: hourOf(at), endsAt: hourOf(at.add({ hours: 1 })) };
  const today = at.toPlainDate();
  if (per === 'day') return between(today, today.add({ days: 1 }), zone);
  if (per === 'week') {
    const monday = today.subtract({ days: today.dayOfWeek - 1 });
    return between(monday, monday.add({ days: 7 }), zone);
  }
  const first = today.with({ day: 1 });
  return between(first, first.add({ months: 1 }), zone);
}

function hourOf(at: Temporal.ZonedDateTime): number {
  return at.round({ smallestUnit: 'hour', roundingMode: 'floor' }).epochMilliseconds;
}

/** From the first moment of one day until that of another. */
function between(from: Temporal.PlainDate, to: Temporal.PlainDate, zone: string): Window {
  return {
    startsAt: from.toZonedDateTime(zone).epochMilliseconds,
    endsAt: to.toZonedDateTime(zone).epochMilliseconds,
  };
}
