import { Type } from 'typebox';
import { NotificationBody } from '../accept/index.ts';
import { TopicPath } from '../audiences/index.ts';
import { Exact, ExternalId, OneOf, Slug, type Static } from '../http/index.ts';
import { MISSED_POLICIES, type MissedPolicy } from './due.ts';
import type { Timing } from './rule.ts';

export const MAX_USERS = 1_000;
export const MAX_GRACE_SECONDS = 86_400;
/** A fresh start of the process is no missed occurrence. */
const GRACE_SECONDS = 300;
/** Users whose zone was changed meanwhile are found within the hour. */
const LOCAL_GRACE_SECONDS = 3_900;
const MAX_EXPIRY_SECONDS = 366 * 24 * 3_600;

export const STATES = ['active', 'paused', 'cancelled', 'done', 'failed'] as const;
export type ScheduleState = (typeof STATES)[number];

const { channels, ladder, template, message, category, priority, window, tracking } =
  NotificationBody.properties;
const WallTime = (description: string) => Type.String({ maxLength: 40, description });

/** What is sent at each occurrence: the body of `POST /v1/notifications`, to one user, a list of them or an audience. */
export const ScheduledNotification = Exact({
  userId: Type.Optional(ExternalId),
  userIds: Type.Optional(Type.Array(ExternalId, { minItems: 1, maxItems: MAX_USERS, uniqueItems: true })),
  audience: Type.Optional(
    Exact(
      { topic: Type.Optional(TopicPath), segment: Type.Optional(Slug('A segment')) },
      { description: 'Who is subscribed to a topic or below it, or belongs to a segment, when it is sent' },
    ),
  ),
  channels,
  ladder,
  template,
  message,
  category,
  priority,
  window,
  tracking,
  expiresAfterSeconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_EXPIRY_SECONDS, description: 'Counted from when it is sent' }),
  ),
});
export type ScheduledNotification = Static<typeof ScheduledNotification>;

const Recurrence = Exact({
  rrule: Type.Optional(
    Type.String({ minLength: 1, maxLength: 500, description: 'RFC 5545, e.g. `FREQ=MONTHLY;BYDAY=-1FR`' }),
  ),
  cron: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'Five fields, e.g. `0 9 * * 1-5`' }),
  ),
  startsAt: Type.Optional(WallTime('Wall time; from here an `rrule` counts')),
  endsAt: Type.Optional(WallTime('Wall time of the last possible occurrence')),
});

/** `PUT /v1/schedules/{id}`. */
export const ScheduleBody = Exact({
  notification: ScheduledNotification,
  at: Type.Optional(WallTime('Once: RFC 3339, or a wall time in `timezone`')),
  recurrence: Type.Optional(Recurrence),
  timezone: Type.Optional(
    Type.String({
      maxLength: 64,
      description: 'IANA time zone of the wall times; with `localTime` of users who have none',
    }),
  ),
  localTime: Type.Optional(Type.Boolean({ description: "The wall times are those of each user's own zone" })),
  missed: Type.Optional(
    OneOf(MISSED_POLICIES, { description: 'Occurrences missed while nothing ran; default: fire_once' }),
  ),
  graceSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_GRACE_SECONDS,
      description: 'What is late by no more is not missed',
    }),
  ),
  enabled: Type.Optional(Type.Boolean({ description: 'false makes it paused; as it was when absent' })),
});
export type ScheduleBody = Static<typeof ScheduleBody>;

/** What is stored of a schedule: the body without what became its state. */
export type ScheduleDefinition = Omit<ScheduleBody, 'enabled'>;

/** The users that are named; none when it goes to an audience. */
export function usersOf({ userId, userIds }: ScheduledNotification): readonly string[] {
  return userIds ?? (userId === undefined ? [] : [userId]);
}

export function graceMsOf({ graceSeconds, localTime }: ScheduleDefinition): number {
  return (graceSeconds ?? (localTime ? LOCAL_GRACE_SECONDS : GRACE_SECONDS)) * 1_000;
}

export function missedOf({ missed }: ScheduleDefinition): MissedPolicy {
  return missed ?? 'fire_once';
}

/** The part that says when; what is decided about occurrences holds as long as it stays the same. */
export function timingOf({ at, recurrence, timezone, localTime }: ScheduleDefinition): Timing {
  return { at, recurrence, timezone, localTime };
}
