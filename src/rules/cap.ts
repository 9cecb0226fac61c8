import { invalidField } from '../http/index.ts';
import type { Channel } from '../providers/index.ts';

export const PERIODS = ['hour', 'day', 'week', 'month'] as const;
export type Period = (typeof PERIODS)[number];

/** How many messages of a category a user gets at most. */
export interface Cap {
  limit: number;
  per: Period;
  /** The last hour, 24 hours, 7 or 30 days instead of those of the calendar. */
  sliding?: boolean;
  /** Without it, all channels count together. */
  channel?: Channel;
}

/** A place of a rule in one window: what a message needs to go out, what it holds, and what it may give back. */
export interface Place {
  tenantId: string;
  live: boolean;
  /** Ours, or `ALL_USERS`. */
  userId: string;
  /** What a delivery that got no place shows, e.g. `offers:sms:day`. */
  rule: string;
  /** In ms since the epoch; 0 of a sliding window. */
  startsAt: number;
  /** When the place is free again: the end of the window, or, in a sliding one, of the message's own time in it. */
  endsAt: number;
}

/** A place that is asked for, and how many of them there are. */
export interface CappedPlace extends Place {
  limit: number;
}

/** Stands for the users of a tenant together: a quota is counted like a cap, in the same statements. */
export const ALL_USERS = '00000000-0000-0000-0000-000000000000';
export const MAX_CAPS = 5;
/** Of a sliding cap each single place is on record, so there cannot be as many. */
export const MAX_SLIDING_LIMIT = 1_000;

/** What a cap is counted under. Its limit is no part of it: a new limit goes on with the old count. */
export function ruleOf(category: string, { channel, per, sliding = false }: Omit<Cap, 'limit'>): string {
  return `${category}:${channel ?? '*'}:${per}${sliding ? ':sliding' : ''}`;
}

/** What a quota is counted under: of a category, or of all together (`*`). */
export function quotaRule(what: string): string {
  return `quota:${what}`;
}

/** What the quota of a segment is counted under. */
export function segmentRule(segment: string): string {
  return `quota:segment:${segment}`;
}

/** Two places that are counted together have the same key, and keys have an order. */
export function placeKey({ tenantId, live, userId, rule, startsAt }: Place): string {
  return `${tenantId} ${live} ${userId} ${rule} ${startsAt}`;
}

export function isSliding({ startsAt }: Place): boolean {
  return startsAt === 0;
}

/** @throws a problem of the field when two caps would be counted as one, or a sliding one has too many places */
export function checkCaps(caps: readonly Cap[]): void {
  const rules = caps.map((cap) => ruleOf('', cap));
  for (const [i, { sliding, limit }] of caps.entries()) {
    if (rules.indexOf(rules[i]!) < i)
      throw invalidField(`/caps/${i}`, 'must differ from the others in more than its limit');
    if (sliding && limit > MAX_SLIDING_LIMIT)
      throw invalidField(`/caps/${i}/limit`, `must be at most ${MAX_SLIDING_LIMIT} in a sliding window`);
  }
}
