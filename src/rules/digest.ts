import { type Static, Type } from 'typebox';
import { Exact, invalidField, Slug } from '../http/index.ts';
import type { Category } from './category.ts';
import { type Frequency, windowFor } from './frequency.ts';

/** `HH:MM`. */
export const WallTime = { pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' };
export const MAX_DIGEST_SECONDS = 31 * 24 * 3_600;
export const MAX_KEY_LENGTH = 200;
const Seconds = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_DIGEST_SECONDS, description }));

/** How long the events of a user are collected. */
export const DigestWindow = Exact(
  {
    everySeconds: Seconds('So long from the first event'),
    quietSeconds: Seconds('Until nothing came for so long'),
    atMostSeconds: Seconds('With `quietSeconds`: so long from the first event at the latest'),
    at: Type.Optional(
      Type.String({
        ...WallTime,
        description: "HH:MM; when the user's clock shows it next",
      }),
    ),
    days: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), {
        minItems: 1,
        uniqueItems: true,
        description: 'With `at`: on these days only, 1 is Monday',
      }),
    ),
  },
  { description: 'Exactly one of `everySeconds`, `quietSeconds` and `at`' },
);
export type DigestWindow = Static<typeof DigestWindow>;

const rule = {
  template: Type.Optional(Exact({ id: Slug('What a digest is made of; gets `events` and `count`') })),
  singleAsDigest: Type.Optional(
    Type.Boolean({ description: 'Whether a single event becomes a digest too; else it is sent as it is' }),
  ),
};

/** What a category says about digests of its notifications. */
export const DigestRule = Exact(
  {
    window: Type.Optional(DigestWindow),
    ...rule,
    usersChoose: Type.Optional(
      Type.Boolean({
        description: 'Users may choose every, hourly, daily or weekly, which goes before `window`',
      }),
    ),
  },
  { description: 'Notifications of a user are collected and sent as one' },
);
export type DigestRule = Static<typeof DigestRule>;

/** What a notification says about it; where it says nothing, its category counts. */
export const DigestRequest = Exact(
  {
    key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_KEY_LENGTH,
        description: 'Collected together; default: the category',
      }),
    ),
    window: Type.Optional(DigestWindow),
    ...rule,
    enabled: Type.Optional(Type.Boolean({ description: 'false: sent at once, whatever its category says' })),
  },
  { description: 'Collected with others of the same user, category and key, and sent as one message' },
);
export type DigestRequest = Static<typeof DigestRequest>;

/** How a notification is collected. */
export interface Digest extends Pick<DigestRule, 'template' | 'singleAsDigest'> {
  key: string;
  window: DigestWindow;
}

/** Throws a Problem of the field when a window is none, or more than one. */
export function checkWindow(window: DigestWindow, field: string): void {
  const { everySeconds, quietSeconds, atMostSeconds, at, days } = window;
  const kinds = [everySeconds, quietSeconds, at].filter((kind) => kind !== undefined);
  if (kinds.length !== 1)
    throw invalidField(field, 'must have exactly one of everySeconds, quietSeconds and at');
  if ((quietSeconds === undefined) !== (atMostSeconds === undefined))
    throw invalidField(`${field}/atMostSeconds`, 'belongs to quietSeconds, which needs it');
  if (quietSeconds !== undefined && atMostSeconds! < quietSeconds)
    throw invalidField(`${field}/atMostSeconds`, 'must not be less than quietSeconds');
  if (days !== undefined && at === undefined) throw invalidField(`${field}/days`, 'belongs to at');
}

/** How a notification is to be collected for a user who chose this; null when it goes out at once, as all of security do. Pure. */
export function digestOf(
  category: Pick<Category, 'id' | 'kind' | 'digest'>,
  asked: DigestRequest = {},
  chosen: Frequency | null = null,
): Digest | null {
  const { enabled = true, ...own } = asked;
  const { usersChoose, ...said } = { ...category.digest, ...own };
  if (!enabled || category.kind === 'security') return null;
  // Who chose how often he hears of a category gets all of it together.
  const { key = category.id, window } =
    usersChoose && chosen ? { window: windowFor(chosen) } : { key: own.key, window: said.window };
  if (!window) return null;
  const { template, singleAsDigest } = said;
  return { key, window, template, singleAsDigest };
}

/** Throws a Problem of the field when a category collects nothing. */
export function checkRule({ window, usersChoose }: DigestRule, field: string): void {
  if (window) checkWindow(window, `${field}/window`);
  else if (!usersChoose) throw invalidField(`${field}/window`, 'or usersChoose is required');
}

/** When a digest ends whose only event came at `openedAt` (both ms since the epoch). Pure. */
export function closesAt(window: DigestWindow, zone: string, openedAt: number): number {
  if (window.at !== undefined) return nextTime(window.at, { days: window.days, zone, after: openedAt });
  return openedAt + (window.everySeconds ?? window.quietSeconds!) * 1_000;
}

/** When a digest in a sliding window ends however much comes; null of the others, whose end is fixed. */
export function closesBy({ atMostSeconds }: DigestWindow, openedAt: number): number | null {
  return atMostSeconds === undefined ? null : openedAt + atMostSeconds * 1_000;
}

/** As far ahead as a day of the week can be, and a day more for a date that a zone skips. */
const DAYS_AHEAD = 8;

/**
 * When the clocks of a zone next show a time of the day. A time that they skip comes as much later as they skip, of one that
 * they show twice it is the first: Temporal's `compatible`.
 */
function nextTime(
  time: string,
  { days, zone, after }: { days: number[] | undefined; zone: string; after: number },
): number {
  const today = Temporal.Instant.fromEpochMilliseconds(after).toZonedDateTimeISO(zone).toPlainDate();
  const plainTime = Temporal.PlainTime.from(time);
  // A time that was skipped late yesterday may still have to come.
  for (let ahead = -1; ahead <= DAYS_AHEAD; ahead++) {
    const day = today.add({ days: ahead });
    if (days && !days.includes(day.dayOfWeek)) continue;
    const { epochMilliseconds } = day
      .toPlainDateTime(plainTime)
      .toZonedDateTime(zone, { disambiguation: 'compatible' });
    if (epochMilliseconds > after) return epochMilliseconds;
  }
  throw new RangeError(`${time} never comes in ${zone}`);
}
