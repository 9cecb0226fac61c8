import { Type } from 'typebox';
import { Exact, ExternalId, OneOf, type Static } from '../http/index.ts';
import { OTP_CHANNELS, SettingsBody } from './settings.ts';
import { AppHash, Domain } from './text.ts';

const { codeLength, expiresInSeconds, waitSeconds } = SettingsBody.properties;

/** `POST /v1/otp`. */
export const OtpBody = Exact({
  to: Exact(
    {
      userId: Type.Optional(ExternalId),
      phone: Type.Optional(Type.String({ maxLength: 40, description: 'E.164' })),
      email: Type.Optional(Type.String({ maxLength: 320 })),
    },
    { description: 'A user, or bare addresses: no user has to be made for them' },
  ),
  channels: Type.Optional(
    Type.Array(OneOf(OTP_CHANNELS), {
      minItems: 1,
      maxItems: 4,
      uniqueItems: true,
      description:
        'In this order, one after the other, until the code is entered. Default: sms, then email, as far as there are addresses',
    }),
  ),
  waitSeconds,
  until: Type.Optional(
    OneOf(['approved', 'delivered'], {
      description:
        'Whether the next channel has its turn also when the message before was delivered (default approved)',
    }),
  ),
  purpose: Type.Optional(
    Type.String({ minLength: 1, maxLength: 64, description: 'Given back with every answer' }),
  ),
  locale: Type.Optional(Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$', maxLength: 35 })),
  codeLength,
  expiresInSeconds,
  appHash: Type.Optional(AppHash),
  domain: Type.Optional(Domain),
  clientIp: Type.Optional(
    Type.String({ maxLength: 45, description: 'Of whoever asked you for the code: it is limited too' }),
  ),
  sessionId: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'Then the code counts only beside the same sessionId',
    }),
  ),
});
export type OtpBody = Static<typeof OtpBody>;

export const CheckBody = Exact({
  code: Type.String({ minLength: 1, maxLength: 64, description: 'As it was typed' }),
  sessionId: OtpBody.properties.sessionId,
});
export type CheckBody = Static<typeof CheckBody>;

export const ResendBody = Exact({
  channel: Type.Optional(OneOf(OTP_CHANNELS, { description: 'Default: as the first time' })),
});

export const STATUSES = ['pending', 'approved', 'cancelled', 'expired', 'max_attempts'] as const;
export type OtpStatus = (typeof STATUSES)[number];
export const RESULTS = ['approved', 'incorrect', 'expired', 'max_attempts', 'not_found'] as const;
export type CheckResult = (typeof RESULTS)[number];

const Moment = Type.String({ format: 'date-time' });
export const OtpAnswer = Type.Object({
  id: Type.String({ format: 'uuid' }),
  status: OneOf(STATUSES),
  channel: OneOf(OTP_CHANNELS, { description: 'The first of `channels`' }),
  channels: Type.Array(OneOf(OTP_CHANNELS)),
  purpose: Type.Optional(Type.String()),
  attemptsLeft: Type.Integer(),
  sendsLeft: Type.Integer(),
  createdAt: Moment,
  expiresAt: Moment,
  resendAfter: Type.String({ format: 'date-time', description: 'When the next message may be sent' }),
  endedAt: Type.Optional(Moment),
  notificationId: Type.String({
    format: 'uuid',
    description: 'Of the latest message; tells what became of it',
  }),
});
export const CheckAnswer = Type.Object({
  id: Type.String({ format: 'uuid' }),
  status: OneOf(RESULTS),
  attemptsLeft: Type.Integer(),
  purpose: Type.Optional(Type.String()),
});
export const OtpPath = Type.Object({ id: Type.String({ format: 'uuid' }) });
