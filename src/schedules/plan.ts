import { dueOccurrences } from './due.ts';
import { nextOccurrence, type Occurrence, parseTiming, type Rule, zoneOf } from './rule.ts';
import { graceMsOf, missedOf, type ScheduleDefinition, type ScheduleState, usersOf } from './schedule.ts';
import type { ScheduleRow } from './store.ts';
import { isZone } from './wall-clock.ts';

/** The first and the last zone in which a time comes. */
const [EARLIEST_ZONE, LATEST_ZONE] = ['+14:00', '-12:00'];
/** While a local time makes its way around the world, users may come or change their zone. */
const LOOK_AGAIN_MS = 3_600_000;
/** A wall time that is left out is over everywhere long before. */
const SKIP_KEPT_MS = 48 * 3_600_000;

/** Users for whom the clock shows the same. */
export interface ZoneGroup {
  zone: string;
  userIds: readonly string[];
}

/** One occurrence for one group. */
export interface Firing {
  schedule: ScheduleRow;
  occurrence: Occurrence;
  /** Empty unless the schedule counts in local time. */
  zone: string;
  outcome: 'fired' | 'skipped';
  userIds: readonly string[];
}

/** What becomes of a schedule's row. */
export interface Progress {
  schedule: ScheduleRow;
  state: ScheduleState;
  problem: string | null;
  cursorAt: Date;
  nextAt: Date | null;
  skips: string[];
  firedAt: Date | null;
  endedAt: Date | null;
}

export interface Plan {
  firings: Firing[];
  isMissed: boolean;
  progress: Progress;
}

/** By external id of the user; those without a zone may be missing. */
export type UserZones = ReadonlyMap<string, string | null>;

/** Users by the zone in which their occurrences count. Pure. */
export function groupsOf(definition: ScheduleDefinition, zones: UserZones): ZoneGroup[] {
  const users = usersOf(definition.notification);
  const fallback = zoneOf(definition);
  if (!definition.localTime) return [{ zone: fallback, userIds: users }];
  const known = new Map<string, boolean>();
  const byZone = Map.groupBy(users, (user) => {
    const zone = zones.get(user) ?? fallback;
    if (!known.has(zone)) known.set(zone, isZone(zone));
    return known.get(zone) ? zone : fallback;
  });
  return [...byZone].map(([zone, userIds]) => ({ zone, userIds }));
}

/** What a schedule that is due fires now, and what becomes of it. A definition that makes no sense ends it. Pure. */
export function planFiring(schedule: ScheduleRow, zones: UserZones, now: number): Plan {
  try {
    return planSound(schedule, zones, now);
  } catch (error) {
    return { firings: [], isMissed: false, progress: failed(schedule, (error as Error).message, now) };
  }
}

function planSound(schedule: ScheduleRow, zones: UserZones, now: number): Plan {
  const { definition, skips } = schedule;
  const rule = parseTiming(definition);
  const groups = groupsOf(definition, zones);
  const when = {
    cursor: schedule.cursor_at.getTime(),
    now,
    graceMs: graceMsOf(definition),
    missed: missedOf(definition),
  };
  const firings: Firing[] = [];
  let isMissed = false;
  for (const { zone, userIds } of groups) {
    const due = dueOccurrences(rule, zone, when);
    isMissed ||= due.isMissed;
    for (const occurrence of due.fire) {
      const outcome = skips.includes(occurrence.local) ? 'skipped' : 'fired';
      firings.push({ schedule, occurrence, zone: definition.localTime ? zone : '', outcome, userIds });
    }
  }
  const nextAt = nextLook(rule, definition, groups, now);
  const isFired = firings.some(({ outcome }) => outcome === 'fired');
  return {
    firings,
    isMissed,
    progress: {
      schedule,
      state: nextAt === null ? 'done' : 'active',
      problem: null,
      cursorAt: new Date(now),
      nextAt: nextAt === null ? null : new Date(nextAt),
      skips: skips.filter((local) => Date.parse(`${local.slice(0, 19)}Z`) + SKIP_KEPT_MS > now),
      firedAt: isFired ? new Date(now) : schedule.fired_at,
      endedAt: nextAt === null ? new Date(now) : null,
    },
  };
}

/** A schedule that cannot go on. */
export function failed(schedule: ScheduleRow, problem: string, now: number): Progress {
  return {
    schedule,
    state: 'failed',
    problem,
    cursorAt: schedule.cursor_at,
    nextAt: null,
    skips: schedule.skips,
    firedAt: schedule.fired_at,
    endedAt: new Date(now),
  };
}

/** When a schedule must be looked at again; null when it is over. Pure. */
export function nextLook(
  rule: Rule,
  definition: ScheduleDefinition,
  groups: readonly ZoneGroup[],
  after: number,
): number | null {
  const times = groups.flatMap(({ zone }) => nextOccurrence(rule, zone, after)?.at ?? []);
  if (definition.localTime) {
    const first = nextOccurrence(rule, EARLIEST_ZONE, after);
    const last = nextOccurrence(rule, LATEST_ZONE, after);
    const isUnderWay = last !== null && last.local !== first?.local;
    if (isUnderWay) times.push(after + LOOK_AGAIN_MS);
    else if (first) times.push(first.at);
  }
  return times.length === 0 ? null : Math.min(...times);
}

export interface Upcoming {
  local: string;
  at: number;
  /** In local time: when it comes for the last users. */
  lastAt: number;
  isSkipped: boolean;
}

/** The next occurrences, in the order in which they come. Pure. */
export function upcoming(
  schedule: Pick<ScheduleRow, 'definition' | 'skips'>,
  groups: readonly ZoneGroup[],
  { after, count }: { after: number; count: number },
): Upcoming[] {
  const rule = parseTiming(schedule.definition);
  const byLocal = new Map<string, Upcoming>();
  for (const { zone } of groups) {
    let next = nextOccurrence(rule, zone, after);
    for (let i = 0; next && i < count; i++) {
      const { local, at } = next;
      const known = byLocal.get(local) ?? {
        local,
        at,
        lastAt: at,
        isSkipped: schedule.skips.includes(local),
      };
      byLocal.set(local, { ...known, at: Math.min(known.at, at), lastAt: Math.max(known.lastAt, at) });
      next = nextOccurrence(rule, zone, at);
    }
  }
  return [...byLocal.values()].sort((a, b) => a.at - b.at).slice(0, count);
}
