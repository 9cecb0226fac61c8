import { parseCron } from './cron.ts';
import { parseRRule } from './rrule.ts';
import {
  isSecondTime,
  momentOf,
  offsetFrom,
  parseWall,
  showWall,
  skippedBefore,
  type Wall,
  wallAt,
} from './wall-clock.ts';

/** When a schedule fires, as its owner wrote it. */
export interface Timing {
  /** A moment (RFC 3339) or a wall time (`2030-01-01T09:00`). */
  at?: string;
  recurrence?: { rrule?: string; cron?: string; startsAt?: string; endsAt?: string };
  /** IANA time zone of the wall times. */
  timezone?: string;
  /** The wall times are those of each user's own zone. */
  localTime?: boolean;
}

/**
 * - `wall`: times of the day, kept when clocks change;
 * - `shown`: whenever the clock shows a time that fits (cron with `*`): what is skipped is skipped, what is shown twice
 *   comes twice;
 * - `steps`: distances in time that really passes.
 */
export interface Rule {
  kind: 'wall' | 'shown' | 'steps';
  /** Strictly after; of steps in moments, otherwise in wall times. */
  next(after: number): number | null;
  until: Wall | null;
}

export interface Occurrence {
  /** The wall time by which it is known, so that it fires once; with `#2` the second of two alike. */
  local: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/** A mistake in a field of a timing. */
export class TimingError extends Error {
  readonly field: string;

  constructor(field: string, rule: string, cause?: unknown) {
    super(rule, { cause });
    this.field = field;
  }
}

const HAS_OFFSET = /(Z|[+-]\d{2}:\d{2})$/i;
/** Zones may change their offset so often before the search for a time that their clock shows is given up. */
const MAX_OFFSETS = 400;
const WALL_TIME = 'must be a wall time such as 2027-03-01T09:00';

/** The zone in which a schedule without `localTime` counts, and of users who have none. */
export function zoneOf({ timezone }: Timing): string {
  return timezone ?? 'UTC';
}

/** Throws a TimingError. Whether the zone exists is known already. */
export function parseTiming(timing: Timing): Rule {
  const { at, recurrence, localTime, timezone } = timing;
  if ((at === undefined) === (recurrence === undefined)) {
    throw new TimingError('/at', 'or /recurrence is required, and not both');
  }
  if (at !== undefined) return parseOnce(at, timing);
  if (timezone === undefined) throw new TimingError('/timezone', 'is required with /recurrence');
  const rule = parseRecurrence(recurrence!, timezone);
  if (localTime && rule.kind !== 'wall') {
    throw new TimingError(
      '/localTime',
      'needs a rule with times of the day, not one every so many minutes or hours',
    );
  }
  return rule;
}

function parseOnce(at: string, { timezone, localTime }: Timing): Rule {
  const isMoment = HAS_OFFSET.test(at);
  if (isMoment && localTime) throw new TimingError('/at', `${WALL_TIME}, without an offset, with /localTime`);
  if (isMoment && timezone) throw new TimingError('/timezone', 'must be left out when /at has an offset');
  const wall = isMoment ? Date.parse(at) : parseWall(at);
  if (wall === null || Number.isNaN(wall)) throw new TimingError('/at', `${WALL_TIME}, or have an offset`);
  if (!isMoment && !timezone) throw new TimingError('/timezone', 'is required when /at has no offset');
  return { kind: 'wall', next: (after) => (wall > after ? wall : null), until: null };
}

function parseRecurrence(recurrence: NonNullable<Timing['recurrence']>, zone: string): Rule {
  const { rrule, cron } = recurrence;
  if ((rrule === undefined) === (cron === undefined)) {
    throw new TimingError('/recurrence/rrule', 'or /recurrence/cron is required, and not both');
  }
  const startsAt = bound(recurrence.startsAt, '/recurrence/startsAt');
  const endsAt = bound(recurrence.endsAt, '/recurrence/endsAt');
  if (startsAt !== null && endsAt !== null && endsAt < startsAt) {
    throw new TimingError('/recurrence/endsAt', 'must not be before /recurrence/startsAt');
  }
  if (cron !== undefined) {
    const { isSubDaily, next } = parsed('/recurrence/cron', () => parseCron(cron));
    const floor = startsAt === null ? Number.NEGATIVE_INFINITY : startsAt - 1;
    return {
      kind: isSubDaily ? 'shown' : 'wall',
      next: (after) => next(Math.max(after, floor)),
      until: endsAt,
    };
  }
  if (startsAt === null) throw new TimingError('/recurrence/startsAt', 'is required with /recurrence/rrule');
  const rule = parsed('/recurrence/rrule', () => parseRRule(rrule!, startsAt, zone));
  const until =
    endsAt === null || rule.until === null ? (endsAt ?? rule.until) : Math.min(endsAt, rule.until);
  return { kind: rule.isSubDaily ? 'steps' : 'wall', next: rule.next, until };
}

function bound(text: string | undefined, field: string): Wall | null {
  if (text === undefined) return null;
  const wall = parseWall(text);
  if (wall === null) throw new TimingError(field, WALL_TIME);
  return wall;
}

function parsed<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new TimingError(field, (error as Error).message, error);
  }
}

/** The first occurrence later than `after` (ms since the epoch) in a zone; null when there is none any more. Pure. */
export function nextOccurrence(rule: Rule, zone: string, after: number): Occurrence | null {
  switch (rule.kind) {
    case 'wall':
      return nextOnWall(rule, zone, after);
    case 'shown':
      return named(rule, zone, nextShown(rule, zone, after));
    case 'steps':
      return named(rule, zone, rule.next(after));
  }
}

/** Times that clocks skip come later, so that one of them may come after what stands behind it. */
function nextOnWall(rule: Rule, zone: string, after: number): Occurrence | null {
  let best: { wall: Wall; at: number } | null = null;
  const isLate = (wall: Wall) => best !== null && wall > wallAt(best.at, zone);
  let wall = rule.next(wallAt(after, zone) - skippedBefore(after, zone));
  while (wall !== null && !isOver(rule, wall) && !isLate(wall)) {
    const at = momentOf(wall, zone);
    if (at > after && (best === null || at < best.at)) best = { wall, at };
    if (best?.wall === wall && wallAt(at, zone) === wall) break;
    wall = rule.next(wall);
  }
  return best && { local: showWall(best.wall), at: best.at };
}

/** From one change of the clocks to the next, in each of which they run evenly. */
function nextShown(rule: Rule, zone: string, after: number): number | null {
  let floor = after;
  let part = offsetFrom(after, zone);
  for (let parts = 0; parts < MAX_OFFSETS; parts++) {
    const wall = rule.next(floor + part.offsetMs);
    if (wall === null || isOver(rule, wall)) return null;
    const at = wall - part.offsetMs;
    if (part.until === null || at < part.until) return at;
    floor = part.until - 1;
    part = offsetFrom(part.until, zone);
  }
  return null;
}

function named(rule: Rule, zone: string, at: number | null): Occurrence | null {
  if (at === null) return null;
  const wall = wallAt(at, zone);
  if (isOver(rule, wall)) return null;
  return { local: `${showWall(wall)}${isSecondTime(at, zone) ? '#2' : ''}`, at };
}

function isOver({ until }: Rule, wall: Wall): boolean {
  return until !== null && wall > until;
}
