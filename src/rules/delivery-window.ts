import { type Static, Type } from 'typebox';
import { Exact } from '../http/index.ts';
import { momentOf } from './quiet-hours.ts';

const MINUTE_MS = 60_000;
const MAX_SPREAD_MINUTES = 24 * 60;
/** As far ahead as a day of the week can be, twice, since a zone may skip the window or the whole date once. */
const DAYS_AHEAD = 15;
const WallTime = Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$', description: 'HH:MM' });

/** When a notification may go out, on the clock of its user. */
export const DeliveryWindow = Exact(
  {
    from: WallTime,
    to: Type.String({ ...WallTime, description: 'HH:MM; of the next day when it is not later than `from`' }),
    days: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), {
        minItems: 1,
        uniqueItems: true,
        description: 'On which it opens, 1 is Monday; every day when absent',
      }),
    ),
    spreadMinutes: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_SPREAD_MINUTES,
        description: 'Each user has a moment of his own within so many minutes, but still in the window',
      }),
    ),
  },
  { description: "Sent only within this window of the user's clock, otherwise when it opens next" },
);
export type DeliveryWindow = Static<typeof DeliveryWindow>;

/** The window that is open at `now`, or else the next one (all in ms since the epoch; `closesAt` is not part of it). Pure. */
export function openingOf(
  { from, to, days }: DeliveryWindow,
  zone: string,
  now: number,
): { opensAt: number; closesAt: number } {
  const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(zone).toPlainDate();
  for (let ahead = -1; ahead <= DAYS_AHEAD; ahead++) {
    const day = today.add({ days: ahead });
    if (days && !days.includes(day.dayOfWeek)) continue;
    const opensAt = momentOf(day, from, zone);
    const closesAt = momentOf(to > from ? day : day.add({ days: 1 }), to, zone);
    if (closesAt > now && closesAt > opensAt) return { opensAt, closesAt };
  }
  throw new RangeError(`a window from ${from} never opens in ${zone}`);
}

/**
 * When a notification has its turn: `now` when it may go out at once. `lot`, in [0, 1), is its place when the turns are
 * spread, which they are once for each opening: not again for one that waited for its place. Whose place came too late has
 * an earlier one in the next, so that nobody is always too late. Pure.
 */
export function turnIn(
  window: DeliveryWindow,
  { zone, now, lot, hasWaited }: { zone: string; now: number; lot: number; hasWaited: boolean },
): number {
  const { opensAt, closesAt } = openingOf(window, zone, now);
  const isOpen = opensAt <= now;
  const from = Math.max(opensAt, now);
  if (window.spreadMinutes === undefined || (isOpen && hasWaited)) return from;
  const spread = Math.min(window.spreadMinutes * MINUTE_MS, closesAt - from);
  return from + Math.floor((hasWaited ? lot / 2 : lot) * spread);
}

/** So far ahead it is looked for a moment that quiet hours leave. */
const QUIET_LOOK_MS = 31 * 24 * 3_600_000;

/**
 * Whether the window is ever open when nothing keeps quiet, from `after` (ms since the epoch) on. `quietUntil` says until
 * when it is quiet at a moment, null when it is not. Pure.
 */
export function leavesTime(
  window: DeliveryWindow,
  { zone, after, quietUntil }: { zone: string; after: number; quietUntil(at: number): number | null },
): boolean {
  for (let at = after; at - after <= QUIET_LOOK_MS; ) {
    const opensAt = Math.max(openingOf(window, zone, at).opensAt, at);
    const until = quietUntil(opensAt);
    if (until === null) return true;
    at = until;
  }
  return false;
}
