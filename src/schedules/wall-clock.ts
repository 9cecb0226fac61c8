/** What a clock on the wall shows: the milliseconds since the epoch if it hung in UTC. Such times can be counted with. */
export type Wall = number;

const NS_PER_MS = 1_000_000;
const LOCAL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/;

/** Whether there are clocks of this zone: what Intl knows by another name may be unknown to Temporal. */
export function isZone(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch {
    return false;
  }
}

/** A wall time from its text (`2027-03-01T09:00`); null when it is none. */
export function parseWall(text: string): Wall | null {
  if (!LOCAL.test(text)) return null;
  try {
    return Temporal.PlainDateTime.from(text, { overflow: 'reject' }).toZonedDateTime('UTC').epochMilliseconds;
  } catch {
    return null;
  }
}

/** The text of a wall time, to the second. */
export function showWall(wall: Wall): string {
  return new Date(wall).toISOString().slice(0, 19);
}

/** What the clocks of a zone show at a moment (ms since the epoch). */
export function wallAt(moment: number, zone: string): Wall {
  return moment + offsetMs(zoned(moment, zone));
}

/**
 * When the clocks of a zone show a time. One that they skip comes as much later as they skip (02:30 is 03:30 then); of one
 * that they show twice it is the first. RFC 5545 section 3.3.5, which is Temporal's `compatible`.
 */
export function momentOf(wall: Wall, zone: string): number {
  const shown = Temporal.Instant.fromEpochMilliseconds(wall).toZonedDateTimeISO('UTC').toPlainDateTime();
  return shown.toZonedDateTime(zone, { disambiguation: 'compatible' }).epochMilliseconds;
}

/** Whether it is the second time that the clocks of a zone show what they show at this moment. */
export function isSecondTime(moment: number, zone: string): boolean {
  return momentOf(wallAt(moment, zone), zone) < moment;
}

/**
 * How much of the wall clock was skipped so shortly before `moment` that times from there still have to come: 02:30 is
 * not over at 03:10 when the clocks went from 02:00 to 03:00. Usually 0.
 */
export function skippedBefore(moment: number, zone: string): number {
  const last = zoned(moment, zone).add({ nanoseconds: 1 }).getTimeZoneTransition('previous');
  if (!last) return 0;
  const skipped = offsetMs(last) - offsetMs(last.subtract({ nanoseconds: 1 }));
  return moment - last.epochMilliseconds < skipped ? skipped : 0;
}

/** The offset of a zone at a moment, and until when it stays so (null: for ever). */
export function offsetFrom(moment: number, zone: string): { offsetMs: number; until: number | null } {
  const at = zoned(moment, zone);
  return {
    offsetMs: offsetMs(at),
    until: at.getTimeZoneTransition('next')?.epochMilliseconds ?? null,
  };
}

function zoned(moment: number, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(moment).toZonedDateTimeISO(zone);
}

function offsetMs(at: Temporal.ZonedDateTime): number {
  return at.offsetNanoseconds / NS_PER_MS;
}
