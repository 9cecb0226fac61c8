import { nextOccurrence, type Occurrence, type Rule } from './rule.ts';

export const MISSED_POLICIES = ['fire_once', 'skip', 'catch_up'] as const;
/**
 * What happens to occurrences that were missed while nobody fired: one for all of them (unless another is due anyway),
 * none, or the latest of them each.
 */
export type MissedPolicy = (typeof MISSED_POLICIES)[number];

/** So many are caught up at most. */
export const MAX_CAUGHT_UP = 10;
/** The longest grace, in minutes, is as long as this: an occurrence a minute is the most a rule can give. */
const MAX_DUE = 1_500;
const FIRST_WINDOW_MS = 10 * 60_000;

/** What is due in one zone: to be fired, oldest first; and whether any were missed. */
export interface Due {
  fire: Occurrence[];
  isMissed: boolean;
}

/**
 * Which occurrences fire now, of those later than `cursor` (up to which everything is done) and not later than `now`.
 * Those older than `graceMs` count as missed. Its cost does not grow with the time that nobody looked. Pure.
 */
export function dueOccurrences(
  rule: Rule,
  zone: string,
  when: { cursor: number; now: number; graceMs: number; missed: MissedPolicy },
): Due {
  const { cursor, now } = when;
  const missedUntil = now - when.graceMs - 1;
  const onTime = between(rule, zone, { after: Math.max(cursor, missedUntil), until: now });
  const missed = cursor < missedUntil ? latest(rule, zone, { after: cursor, until: missedUntil }) : [];
  return { fire: [...choose(when.missed, missed, onTime), ...onTime], isMissed: missed.length > 0 };
}

function choose(policy: MissedPolicy, missed: Occurrence[], onTime: Occurrence[]): Occurrence[] {
  switch (policy) {
    case 'fire_once':
      return onTime.length > 0 ? [] : missed.slice(-1);
    case 'skip':
      return [];
    case 'catch_up':
      return missed.slice(-MAX_CAUGHT_UP);
  }
}

interface Span {
  /** Exclusive. */
  after: number;
  /** Inclusive. */
  until: number;
}

function between(rule: Rule, zone: string, { after, until }: Span): Occurrence[] {
  const found: Occurrence[] = [];
  let next = nextOccurrence(rule, zone, after);
  while (next && next.at <= until && found.length < MAX_DUE) {
    found.push(next);
    next = nextOccurrence(rule, zone, next.at);
  }
  return found;
}

/** Enough of the last ones: looks back in windows that grow, so that it never walks over years of minutes. */
function latest(rule: Rule, zone: string, { after, until }: Span): Occurrence[] {
  for (let windowMs = FIRST_WINDOW_MS; ; windowMs *= 2) {
    const from = Math.max(after, until - windowMs);
    const found = between(rule, zone, { after: from, until });
    if (found.length >= MAX_CAUGHT_UP || from === after) return found;
  }
}
