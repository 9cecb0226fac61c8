import type { OtpSettings } from './settings.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** Rates are counted in pieces so long. */
export const RATE_MS = 600_000;
/** Codes get so long to be entered before they count against a rate: whoever has just sent many is no fraud. */
const RIPE_MS = 300_000;
const LONGEST_DELAY_MS = 900_000;

/** Why a code is not sent; each is the end of a code of an error (`otp.…`). */
export type RefusalReason =
  | 'disabled'
  | 'number_blocked'
  | 'country_not_allowed'
  | 'paused'
  | 'too_soon'
  | 'recipient_limit'
  | 'ip_limit'
  | 'prefix_limit'
  | 'country_limit'
  | 'tenant_limit'
  | 'spend_limit';

export type Scope = 'tenant' | 'country' | 'prefix' | 'ip';
export type RateScope = 'country' | 'prefix';
export interface ScopeKey {
  scope: string;
  key: string;
}

/** What was counted in a piece of time. */
export interface Use extends ScopeKey {
  /** Milliseconds since the epoch. */
  startsAt: number;
  sent: number;
  approved: number;
  /** In millionths of the unit of the prices. */
  cost: number;
}

export interface Pause {
  scope: RateScope;
  key: string;
  pausedAt: number;
  until: number;
  sent: number;
  approved: number;
}

/** A message that is about to be sent, as the limits see it. */
export interface Ask {
  /** Keyed hashes (hex) of those who get it. */
  recipients: readonly string[];
  /** Null when it goes to no phone number. */
  country: string | null;
  prefix: string | null;
  /** Keyed hash (hex) of the address of the net that asked for it; null when it is not known. */
  ip: string | null;
  /** In millionths of the unit of the prices. */
  cost: number;
}

/** All that is on record about an ask, read under the locks of its keys. */
export interface OnRecord {
  /** By recipient: when it was sent something in the last day (ms since the epoch). */
  recipients: ReadonlyMap<string, readonly number[]>;
  uses: readonly Use[];
  pauses: readonly Pause[];
}

/** What many requests are refused for together. */
export type RefusalScope = Scope | 'spend';

export interface Refusal {
  reason: RefusalReason;
  /** Null when it concerns this recipient only. */
  scope: RefusalScope | null;
  /** When it may be tried again (ms since the epoch); null when time does not help. */
  retryAt: number | null;
  /** To be written down: this one was found to be paused from now on. */
  pause?: Pause;
}

/** The keys of an ask that are counted by the hour. Pure. */
export function scopesOf({
  country,
  prefix,
  ip,
}: Pick<Ask, 'country' | 'prefix' | 'ip'>): { scope: Scope; key: string }[] {
  return [
    { scope: 'tenant' as const, key: '' },
    ...(country === null ? [] : [{ scope: 'country' as const, key: country }]),
    ...(prefix === null ? [] : [{ scope: 'prefix' as const, key: prefix }]),
    ...(ip === null ? [] : [{ scope: 'ip' as const, key: ip }]),
  ];
}

export function rateScope(scope: RateScope): string {
  return `${scope}_rate`;
}

/** Whether a message may go out at `now`; null when it may. Pure. */
export function judge(ask: Ask, record: OnRecord, settings: OtpSettings, now: number): Refusal | null {
  return (
    heedPauses(ask, record, now) ??
    heedRecipients(ask, record, settings, now) ??
    heedScopes(ask, record, settings, now) ??
    heedSpending(ask, record, settings, now) ??
    heedRates(ask, record, settings, now)
  );
}

function heedPauses({ country, prefix }: Ask, { pauses }: OnRecord, now: number): Refusal | null {
  const paused = pauses.find(
    ({ scope, key, until }) => until > now && key === (scope === 'country' ? country : prefix),
  );
  return paused ? { reason: 'paused', scope: paused.scope, retryAt: paused.until } : null;
}

function heedRecipients(
  { recipients }: Ask,
  record: OnRecord,
  settings: OtpSettings,
  now: number,
): Refusal | null {
  const { perHour, perDay } = settings.limits.recipient;
  for (const recipient of recipients) {
    const times = record.recipients.get(recipient) ?? [];
    const free = mayResendAt(times, settings, now);
    const hour = freesAt(times, { length: HOUR_MS, limit: perHour }, now);
    const day = freesAt(times, { length: DAY_MS, limit: perDay }, now);
    if (day !== null) return { reason: 'recipient_limit', scope: null, retryAt: day };
    if (hour !== null) return { reason: 'recipient_limit', scope: null, retryAt: hour };
    if (free > now) return { reason: 'too_soon', scope: null, retryAt: free };
  }
  return null;
}

/** When somebody who was sent something at these times may be sent the next; the delay doubles each time. Pure. */
export function mayResendAt(
  times: readonly number[],
  { resendSeconds }: Pick<OtpSettings, 'resendSeconds'>,
  now: number,
): number {
  if (times.length === 0) return now;
  const lately = times.filter((time) => time > now - HOUR_MS).length;
  const delayMs = Math.min(resendSeconds * 1_000 * 2 ** Math.max(0, lately - 1), LONGEST_DELAY_MS);
  return Math.max(...times) + delayMs;
}

/** When a place in a sliding window is free again; null when one is. */
function freesAt(
  times: readonly number[],
  { length, limit }: { length: number; limit: number },
  now: number,
): number | null {
  const within = times.filter((time) => time > now - length).sort((a, b) => a - b);
  return within.length < limit ? null : within[within.length - limit]! + length;
}

function heedScopes(ask: Ask, { uses }: OnRecord, { limits }: OtpSettings, now: number): Refusal | null {
  const hour = hourOf(now);
  // The narrowest first, so that the answer names what is in the way.
  for (const { scope, key } of scopesOf(ask).reverse()) {
    const own = uses.filter((use) => use.scope === scope && use.key === key);
    const { perHour, perDay } = limits[scope];
    const day = hourFrees(own, ({ sent }) => sent, perDay - 1, now);
    if (day !== null) return { reason: `${scope}_limit`, scope, retryAt: day };
    const thisHour = own.find(({ startsAt }) => startsAt === hour)?.sent ?? 0;
    if (thisHour >= perHour) return { reason: `${scope}_limit`, scope, retryAt: hour + HOUR_MS };
  }
  return null;
}

function heedSpending(
  { cost }: Ask,
  { uses }: OnRecord,
  { spendPerDay }: OtpSettings,
  now: number,
): Refusal | null {
  if (spendPerDay === null || cost === 0) return null;
  const room = Math.round(spendPerDay * 1_000_000) - cost;
  const own = uses.filter(({ scope }) => scope === 'tenant');
  const frees = hourFrees(own, (use) => use.cost, room, now);
  return frees === null ? null : { reason: 'spend_limit', scope: 'spend', retryAt: frees };
}

/** The hour from which on the last 24 of them hold at most `room`; null when they do now. */
function hourFrees(uses: readonly Use[], of: (use: Use) => number, room: number, now: number): number | null {
  const hour = hourOf(now);
  const within = uses
    .filter(({ startsAt }) => startsAt > hour - DAY_MS)
    .sort((a, b) => a.startsAt - b.startsAt);
  let sum = within.reduce((total, use) => total + of(use), 0);
  if (sum <= room) return null;
  for (const use of within) {
    sum -= of(use);
    if (sum <= room) return use.startsAt + DAY_MS;
  }
  return hour + DAY_MS;
}

/** Who is paid for messages, and not by people who want in, has numbers of which no code is ever entered. */
function heedRates(
  { country, prefix }: Ask,
  record: OnRecord,
  { conversion }: OtpSettings,
  now: number,
): Refusal | null {
  const keys = { prefix, country };
  for (const scope of ['prefix', 'country'] as const) {
    const key = keys[scope];
    if (key === null) continue;
    const after = record.pauses.find((pause) => pause.scope === scope && pause.key === key)?.until ?? 0;
    const ripe = record.uses.filter(
      (use) =>
        use.scope === rateScope(scope) &&
        use.key === key &&
        use.startsAt >= Math.max(after, now - conversion.windowMinutes * 60_000) &&
        use.startsAt + RATE_MS + RIPE_MS <= now,
    );
    const sent = ripe.reduce((sum, use) => sum + use.sent, 0);
    const approved = ripe.reduce((sum, use) => sum + use.approved, 0);
    if (sent < conversion.minimumSent[scope] || approved >= sent * conversion.minimumRate) continue;
    const until = now + conversion.pauseMinutes * 60_000;
    return {
      reason: 'paused',
      scope,
      retryAt: until,
      pause: { scope, key, pausedAt: now, until, sent, approved },
    };
  }
  return null;
}

export function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS) * HOUR_MS;
}

export function rateStart(ms: number): number {
  return Math.floor(ms / RATE_MS) * RATE_MS;
}
