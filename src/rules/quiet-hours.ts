import type { Channel } from '../providers/index.ts';

/**
 * A span of the wall clock in which people are left in peace, half open: what begins at 22:00 and ends at 07:00 covers
 * 06:59 of the next day, and not 07:00. Equal times are a whole day.
 */
export interface QuietWindow {
  /** `HH:MM`. */
  from: string;
  to: string;
  /** ISO weekdays (1 is Monday) on which it begins; every day when these and `dates` are absent. */
  days?: number[];
  /** Days of the calendar (`YYYY-MM-DD`) on which it begins, such as holidays; never together with `days`. */
  dates?: string[];
  /** ISO 3166-1 codes of the countries whose users it is for; all users when absent. */
  countries?: string[];
  /** All that disturb when absent. */
  channels?: Channel[];
}

/** What somebody declared: of a tenant with the zone for users who have none. */
export interface QuietHours {
  windows: QuietWindow[];
  timezone?: string;
}

/** Of these a person hears something: the inbox waits silently, and behind a webhook is a machine. */
const DISTURBING: readonly Channel[] = ['push', 'email', 'sms', 'chat'];
/** Windows may follow each other; a chain that is longer than this never ends. */
const MAX_CHAIN_MS = 14 * 24 * 3_600_000;

/** Whom a channel would disturb, where, and when (ms since the epoch). */
export interface Listener {
  channel: Channel;
  zone: string;
  /** ISO 3166-1; null when it is not known. */
  country: string | null;
  now: number;
}

/**
 * Until when (ms since the epoch) a channel keeps quiet in a time zone, or null when it may speak at `now`. Windows
 * that overlap or follow each other count as one; infinite when they never leave a gap. Pure.
 */
export function quietUntil(
  windows: readonly QuietWindow[],
  { channel, zone, country, now }: Listener,
): number | null {
  if (!DISTURBING.includes(channel)) return null;
  const ours = windows.filter(
    ({ channels, countries }) =>
      (channels?.includes(channel) ?? true) && (countries?.includes(country ?? '') ?? true),
  );
  let until = now;
  while (until - now <= MAX_CHAIN_MS) {
    const end = endOfCovering(ours, zone, until);
    if (end === null) return until === now ? null : until;
    until = end;
  }
  return Number.POSITIVE_INFINITY;
}

/** The latest end among the windows that cover this moment. */
function endOfCovering(windows: readonly QuietWindow[], zone: string, moment: number): number | null {
  const today = Temporal.Instant.fromEpochMilliseconds(moment).toZonedDateTimeISO(zone).toPlainDate();
  let latest: number | null = null;
  for (const { from, to, days, dates } of windows) {
    // A window belongs to the day on which it begins, and may reach into the next one.
    for (const day of [today.subtract({ days: 1 }), today]) {
      if (days && !days.includes(day.dayOfWeek)) continue;
      if (dates && !dates.includes(day.toString())) continue;
      const start = momentOf(day, from, zone);
      const end = momentOf(to > from ? day : day.add({ days: 1 }), to, zone);
      if (start <= moment && moment < end && end > (latest ?? 0)) latest = end;
    }
  }
  return latest;
}

/**
 * When the clocks of a zone first show a time on a day. A time that they skip is over as soon as they have skipped it; of
 * one that they show twice it is the first.
 */
export function momentOf(day: Temporal.PlainDate, time: string, zone: string): number {
  const shown = day.toPlainDateTime(Temporal.PlainTime.from(time));
  const earlier = shown.toZonedDateTime(zone, { disambiguation: 'earlier' });
  const isSkipped = Temporal.PlainDateTime.compare(earlier.toPlainDateTime(), shown) !== 0;
  const first = isSkipped ? earlier.getTimeZoneTransition('next')! : earlier;
  return first.epochMilliseconds;
}
