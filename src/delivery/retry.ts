import type { Channel, Priority } from '../providers/index.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** Waits before each retry; a delivery that used them all is dead. */
export interface RetrySchedule {
  delaysMs: readonly number[];
}

const HIGH: RetrySchedule = { delaysMs: [2, 4, 8].map((s) => s * SECOND_MS) };
const PUSH: RetrySchedule = { delaysMs: [5, 10, 20, 40, 80].map((s) => s * SECOND_MS) };
const MAIL_AND_SMS: RetrySchedule = { delaysMs: [1, 5, 15, 60].map((m) => m * MINUTE_MS) };
// Standard Webhooks suggests days of patience: https://www.standardwebhooks.com
const WEBHOOK: RetrySchedule = {
  delaysMs: [
    5 * SECOND_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * 60 * MINUTE_MS,
    5 * 60 * MINUTE_MS,
    10 * 60 * MINUTE_MS,
  ],
};

const BY_CHANNEL: Record<Channel, RetrySchedule> = {
  push: PUSH,
  email: MAIL_AND_SMS,
  sms: MAIL_AND_SMS,
  chat: MAIL_AND_SMS,
  inbox: PUSH,
  webhook: WEBHOOK,
};

export function scheduleFor(channel: Channel, priority: Priority): RetrySchedule {
  return priority === 'high' ? HIGH : BY_CHANNEL[channel];
}

/**
 * Milliseconds until retry number `used + 1`, or null when the schedule is used up. Up to a fifth is added at random
 * so that a crowd does not come back at once; a wait the provider asked for (Retry-After) is never cut short.
 */
export function retryDelay(
  schedule: RetrySchedule,
  used: number,
  afterMs: number | undefined,
  random: number,
): number | null {
  const base = schedule.delaysMs[used];
  if (base === undefined) return null;
  const jittered = Math.round(base * (1 + random / 5));
  return Math.max(jittered, afterMs ?? 0);
}
