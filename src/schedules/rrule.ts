import type { RRuleTemporal } from 'rrule-temporal';
import { Lru } from '../lib/lru.ts';
import { onDemand } from '../lib/on-demand.ts';
import { momentOf, type Wall, wallAt } from './wall-clock.ts';

const rruleTemporal = onDemand<typeof import('rrule-temporal')>('rrule-temporal');

const CALENDAR = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'];
const STEP_MS: Record<string, number> = { HOURLY: 3_600_000, MINUTELY: 60_000 };
const DAY_MS = 24 * 3_600_000;
const MAX_INTERVAL = 10_000;
const MAX_COUNT = 1_000;
/** What a rule that never fits may cost before it is given up. */
const MAX_ITERATIONS = 20_000;
const MAX_CANDIDATES = 200_000;
const MAX_STEPS = 10_000;

const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
const UNTIL = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)Z)?$/;
const BAD_UNTIL = 'must have an UNTIL such as 20271231T225959Z or 20271231';
/** The smallest and largest value of the parts that are lists of numbers; those with a sign count from the end too. */
const NUMBERS: Record<string, [min: number, max: number, signed: boolean]> = {
  BYMONTH: [1, 12, false],
  BYMONTHDAY: [1, 31, true],
  BYYEARDAY: [1, 366, true],
  BYWEEKNO: [1, 53, true],
  BYSETPOS: [1, 366, true],
  BYHOUR: [0, 23, false],
  BYMINUTE: [0, 59, false],
};
const STEP_PARTS = ['FREQ', 'INTERVAL', 'UNTIL', 'COUNT', 'WKST', 'BYMONTH', 'BYMONTHDAY', 'BYDAY', 'BYHOUR'];

type Parts = Map<string, string>;

/** All occurrences of rules with a count, by their text and start. They never change. */
const allOf = new Lru<Wall[]>(200);

/** On a clock without changes, or (every so many minutes or hours) counted in time that really passes. */
export type RRule =
  | { isSubDaily: false; next(after: Wall): Wall | null; until: Wall | null }
  | { isSubDaily: true; next(after: number): number | null; until: Wall | null };

/**
 * A recurrence rule of RFC 5545 that begins at the wall time `start` of a zone. The start itself counts only if it fits
 * the rule. Throws an Error that says what is wrong.
 */
export function parseRRule(text: string, start: Wall, zone: string): RRule {
  const parts = splitParts(text);
  const freq = parts.get('FREQ')!;
  const until = parts.has('UNTIL') ? parseUntil(parts.get('UNTIL')!, zone) : null;
  const stepMs = STEP_MS[freq];
  if (stepMs) return { isSubDaily: true, next: stepper(parts, stepMs, start, zone), until };
  parts.delete('UNTIL');
  return { isSubDaily: false, next: calendar(parts, start), until };
}

function splitParts(text: string): Parts {
  const parts: Parts = new Map();
  for (const part of text
    .replace(/^RRULE:/i, '')
    .toUpperCase()
    .split(';')) {
    const [name = '', value, ...rest] = part.split('=');
    if (!value || rest.length > 0) throw new Error(`has a part that is no NAME=value: "${part}"`);
    if (parts.has(name)) throw new Error(`has ${name} twice`);
    checkPart(name, value);
    parts.set(name, value);
  }
  if (!parts.has('FREQ')) throw new Error('must have FREQ');
  if (parts.has('COUNT') && parts.has('UNTIL')) throw new Error('must not have both COUNT and UNTIL');
  return parts;
}

/** Of the parts that are no lists of numbers. */
const CHECKS: Record<string, (value: string) => string | null> = {
  FREQ: (value) =>
    CALENDAR.includes(value) || STEP_MS[value]
      ? null
      : `must have a FREQ of ${[...Object.keys(STEP_MS), ...CALENDAR].join(', ')}`,
  INTERVAL: (value) => checkCount(value, MAX_INTERVAL, 'INTERVAL'),
  COUNT: (value) => checkCount(value, MAX_COUNT, 'COUNT'),
  UNTIL: (value) => (UNTIL.test(value) ? null : BAD_UNTIL),
  WKST: (value) => (WEEKDAYS.includes(value) ? null : 'must have a WKST such as MO'),
  BYDAY: (value) =>
    value.split(',').every((day) => /^([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)$/.test(day))
      ? null
      : 'must have BYDAY such as MO,WE or -1FR',
};

function checkPart(name: string, value: string): void {
  const numbers = NUMBERS[name];
  const check = CHECKS[name];
  if (!numbers && !check) throw new Error(`has an unknown part ${name}`);
  const complaint = numbers ? checkNumbers(name, value, numbers) : check!(value);
  if (complaint) throw new Error(complaint);
}

function checkCount(value: string, max: number, name: string): string | null {
  const isCount = /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= max;
  return isCount ? null : `must have ${name} of 1 to ${max}`;
}

function checkNumbers(
  name: string,
  value: string,
  [min, max, signed]: [number, number, boolean],
): string | null {
  const fits = (text: string) => {
    const number = Number(text);
    if (!/^[+-]?\d{1,3}$/.test(text)) return false;
    return (number >= min && number <= max) || (signed && number <= -min && number >= -max);
  };
  if (value.split(',').every(fits)) return null;
  return `must have ${name} of ${min} to ${max}${signed ? ', or the same counted from the end (-1)' : ''}`;
}

/** RFC 5545 wants UTC beside a start with a zone; a mere day, which calendars write too, counts whole. */
function parseUntil(text: string, zone: string): Wall {
  const [, year, month, day, hour, minute, second] = UNTIL.exec(text) ?? [];
  const date = `${year}-${month}-${day}`;
  const moment = Date.parse(hour ? `${date}T${hour}:${minute}:${second}Z` : `${date}T23:59:59Z`);
  if (Number.isNaN(moment) || new Date(moment).toISOString().slice(0, 10) !== date) {
    throw new Error(BAD_UNTIL);
  }
  return hour ? wallAt(moment, zone) : moment;
}

/** By the library, in UTC, where nothing is skipped or repeated. */
function calendar(parts: Parts, start: Wall): (after: Wall) => Wall | null {
  const { RRuleTemporal } = rruleTemporal();
  const rule = new RRuleTemporal({
    rruleString: `RRULE:${[...parts].map(([name, value]) => `${name}=${value}`).join(';')}`,
    dtstart: Temporal.Instant.fromEpochMilliseconds(start).toZonedDateTimeISO('UTC'),
    strict: true,
    maxIterations: MAX_ITERATIONS,
    maxCandidateEvaluations: MAX_CANDIDATES,
  });
  if (parts.has('COUNT')) return counted(rule, `${start} ${JSON.stringify([...parts])}`);
  return (after) => {
    const next = rule.next(new Date(Math.max(after, start - 1)));
    return next === null ? null : next.epochMilliseconds;
  };
}

/** With a count the library goes through all from the start each time; here it does so once for a rule. */
function counted(rule: RRuleTemporal, name: string): (after: Wall) => Wall | null {
  return (after) => {
    let all = allOf.get(name);
    if (!all) {
      all = rule.all().map(({ epochMilliseconds }) => epochMilliseconds);
      allOf.set(name, all);
    }
    return all.find((wall) => wall > after) ?? null;
  };
}

/**
 * Every so many hours or minutes: steps of real time from the start on, so that 90 minutes are 90 minutes on the day on
 * which clocks change. BYMONTH, BYMONTHDAY, BYDAY and BYHOUR say, on the wall clock, which of the steps count.
 */
function stepper(parts: Parts, unitMs: number, start: Wall, zone: string): (after: number) => number | null {
  const odd = [...parts.keys()].find((name) => !STEP_PARTS.includes(name));
  if (odd) throw new Error(`cannot have ${odd} with FREQ=${parts.get('FREQ')}`);
  const isWanted = limits(parts);
  const count = Number(parts.get('COUNT') ?? Number.POSITIVE_INFINITY);
  if (isWanted && parts.has('COUNT')) throw new Error('cannot have COUNT beside BY… here; use UNTIL');
  const stepMs = unitMs * Number(parts.get('INTERVAL') ?? 1);
  const first = momentOf(start, zone);
  return (after) => {
    let step = Math.max(0, Math.floor((after - first) / stepMs) + 1);
    for (let tries = 0; tries < MAX_STEPS && step < count; tries++) {
      const moment = first + step * stepMs;
      const wall = wallAt(moment, zone);
      const verdict = isWanted?.(wall) ?? 'yes';
      if (verdict === 'yes') return moment;
      const next = verdict === 'not today' ? momentOf(wall - (wall % DAY_MS) + DAY_MS, zone) : moment + 1;
      step = Math.max(step + 1, Math.ceil((next - first) / stepMs));
    }
    return null;
  };
}

/** What the BY parts say of a wall time; null when there are none. */
function limits(parts: Parts): ((wall: Wall) => 'yes' | 'no' | 'not today') | null {
  const list = (name: string) => parts.get(name)?.split(',').map(Number);
  const [months, monthDays, hours] = [list('BYMONTH'), list('BYMONTHDAY'), list('BYHOUR')];
  const days = parts.get('BYDAY')?.split(',');
  if (days?.some((day) => day.length > 2))
    throw new Error(`cannot have numbers in BYDAY with FREQ=${parts.get('FREQ')}`);
  if (!months && !monthDays && !hours && !days) return null;
  return (wall) => {
    const date = Temporal.Instant.fromEpochMilliseconds(wall).toZonedDateTimeISO('UTC');
    const fromEnd = date.day - date.daysInMonth - 1;
    const isDay =
      (!months || months.includes(date.month)) &&
      (!monthDays || monthDays.includes(date.day) || monthDays.includes(fromEnd)) &&
      (!days || days.includes(WEEKDAYS[date.dayOfWeek - 1]!));
    if (!isDay) return 'not today';
    return !hours || hours.includes(date.hour) ? 'yes' : 'no';
  };
}
