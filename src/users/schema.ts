import { type Static, Type } from 'typebox';
import { Exact, OneOf } from '../http/index.ts';
import { PLATFORMS } from '../providers/contract.ts';

/** A text, or null to remove it. */
const TextOrNull = (options: { maxLength: number; description?: string }) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], minLength: 1, ...options });

export const ContactKind = Type.String({
  pattern: '^[a-z][a-z0-9_-]{0,31}$',
  description: '`email`, `phone` (E.164), `webhook` (URL), or the name of a chat service',
});

// NUL is the one character PostgreSQL has no place for.
export const UserPath = Exact({
  userId: Type.String({
    minLength: 1,
    maxLength: 256,
    pattern: '^[^\\u0000]*$',
    description: "The caller's id of the user",
  }),
});

export const DevicePath = Exact({
  ...UserPath.properties,
  deviceId: Type.String({ maxLength: 64, description: 'Our id of the device' }),
});

export const UserBody = Exact({
  contacts: Type.Optional(
    Type.Record(ContactKind, TextOrNull({ maxLength: 2_048 }), {
      additionalProperties: false,
      maxProperties: 20,
      description:
        'By kind: `email`, `phone` (E.164), `webhook` (URL); any other kind is an id in a chat service',
    }),
  ),
  locale: Type.Optional(TextOrNull({ maxLength: 64, description: 'BCP 47 language tag' })),
  timezone: Type.Optional(TextOrNull({ maxLength: 64, description: 'IANA time zone' })),
  attributes: Type.Optional(
    Type.Unsafe<Record<string, unknown> | null>({
      type: ['object', 'null'],
      description: "The caller's own values, at most 16 KiB of JSON; given ones replace all earlier ones",
    }),
  ),
});

const OptionalText = Type.Union([Type.String(), Type.Null()]);
const Time = Type.String({ format: 'date-time' });

const userFields = {
  id: Type.String({ format: 'uuid', description: 'Our id' }),
  externalId: Type.String({ description: "The caller's id: `userId` in requests" }),
  locale: OptionalText,
  timezone: OptionalText,
  attributes: Type.Record(Type.String(), Type.Unknown()),
  createdAt: Time,
  updatedAt: Time,
};

export const UserSummary = Type.Object(userFields);

export const DeviceAnswer = Type.Object({
  id: Type.String({ format: 'uuid' }),
  app: Type.String(),
  platform: OneOf(PLATFORMS),
  tokenHint: Type.String({ description: 'The last characters of the token' }),
  appVersion: OptionalText,
  state: OneOf(['active', 'inactive']),
  reason: Type.Union([Type.String(), Type.Null()], { description: 'Why it is inactive' }),
  registeredAt: Time,
  lastActiveAt: Time,
});
export type DeviceAnswer = Static<typeof DeviceAnswer>;

export const UserAnswer = Type.Object({
  ...userFields,
  contacts: Type.Record(
    Type.String(),
    Type.Object({
      address: Type.String(),
      state: OneOf(['active', 'inactive', 'suppressed']),
      reason: Type.Union([Type.String(), Type.Null()], { description: 'Why it is not active' }),
    }),
  ),
  devices: Type.Array(DeviceAnswer, { description: 'The newest 100; GET …/devices has all' }),
});
export type UserSummary = Static<typeof UserSummary>;
export type UserAnswer = Static<typeof UserAnswer>;
