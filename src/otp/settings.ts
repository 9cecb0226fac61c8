import { Type } from 'typebox';
import { Exact, type FieldProblem, OneOf, Slug, type Static } from '../http/index.ts';
import { isCountry, NUMBER_TYPES, type NumberType } from '../lib/phone-number.ts';
import { ALPHABETS, type Alphabet } from './code.ts';

/** Channels that a code may travel by: what is kept in an inbox or posted to a server stays in clear there. */
export const OTP_CHANNELS = ['sms', 'email', 'push', 'chat'] as const;
export type OtpChannel = (typeof OTP_CHANNELS)[number];

const Count = (description: string) => Type.Integer({ minimum: 1, maximum: 1_000_000_000, description });
const Limit = Exact({ perHour: Count('In a clock hour'), perDay: Count('In the last 24 clock hours') });
const Price = Type.Number({ minimum: 0, maximum: 1_000 });
const CountryKey = '^[A-Z]{2}$';
/** Without what would make a link of it, or a line of its own. */
export const BRAND =
  '^[^\\s@#<>/\\\\{}\\[\\]:.](?:[^\\r\\n\\t@#<>/\\\\{}\\[\\]:]{0,28}[^\\s@#<>/\\\\{}\\[\\]:.])?$';

export const SettingsBody = Exact({
  enabled: Type.Optional(Type.Boolean({ description: 'False stops every new code at once' })),
  brand: Type.Optional(
    Type.Union([Type.String({ pattern: BRAND }), Type.Null()], {
      description: 'Whose code it is, as the message says it: up to 30 characters, no link',
    }),
  ),
  template: Type.Optional(
    Type.Union([
      Slug('Instead of the built-in texts; gets `code`, `minutes`, `brand`, `autofill`'),
      Type.Null(),
    ]),
  ),
  codeLength: Type.Optional(Type.Integer({ minimum: 4, maximum: 10 })),
  alphabet: Type.Optional(OneOf(Object.keys(ALPHABETS) as Alphabet[])),
  expiresInSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 600 })),
  maxAttempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
  maxSends: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
  waitSeconds: Type.Optional(
    Type.Integer({ minimum: 10, maximum: 300, description: 'Until the next of several channels' }),
  ),
  resendSeconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 300, description: 'Doubles with each message of the last hour' }),
  ),
  countries: Type.Optional(
    Type.Array(Type.String({ pattern: '^([A-Z]{2}|\\*)$' }), {
      maxItems: 250,
      uniqueItems: true,
      description:
        'To whose phone numbers codes are sent, `*` for all; test keys need none while it is empty',
    }),
  ),
  blockedNumberTypes: Type.Optional(Type.Array(OneOf(NUMBER_TYPES), { uniqueItems: true })),
  limits: Type.Optional(
    Exact({
      recipient: Type.Optional(Limit),
      ip: Type.Optional(Limit),
      prefix: Type.Optional(Limit),
      country: Type.Optional(Limit),
      tenant: Type.Optional(Limit),
    }),
  ),
  prices: Type.Optional(
    Exact({
      default: Type.Optional(Price),
      countries: Type.Optional(
        Type.Record(Type.String({ pattern: CountryKey }), Price, { maxProperties: 250 }),
      ),
    }),
  ),
  spendPerDay: Type.Optional(
    Type.Union([Type.Number({ minimum: 0, maximum: 1_000_000_000 }), Type.Null()], {
      description: 'In the unit of the prices, over the last 24 clock hours; null for no end',
    }),
  ),
  conversion: Type.Optional(
    Exact({
      minimumRate: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'Approved ÷ sent' })),
      windowMinutes: Type.Optional(Type.Integer({ minimum: 20, maximum: 1_440 })),
      minimumSent: Type.Optional(
        Exact({
          country: Type.Optional(Count('Sent before it is judged')),
          prefix: Type.Optional(Count('The same')),
        }),
      ),
      pauseMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_080 })),
    }),
  ),
});
export type SettingsBody = Static<typeof SettingsBody>;

const SCOPED_LIMITS = {
  recipient: { perHour: 5, perDay: 10 },
  ip: { perHour: 20, perDay: 100 },
  prefix: { perHour: 20, perDay: 50 },
  country: { perHour: 1_000, perDay: 10_000 },
  tenant: { perHour: 5_000, perDay: 50_000 },
};
export type LimitScope = keyof typeof SCOPED_LIMITS;

/** What is in force for a tenant. */
export type OtpSettings = ReturnType<typeof settingsFrom>;

/** What a tenant set, on top of what is built in. Pure. */
export function settingsFrom(body: SettingsBody) {
  const { prices, conversion } = body;
  return {
    enabled: true,
    brand: null as string | null,
    template: null as string | null,
    codeLength: 6,
    alphabet: 'digits' as Alphabet,
    expiresInSeconds: 300,
    maxAttempts: 5,
    maxSends: 5,
    waitSeconds: 45,
    resendSeconds: 30,
    countries: [] as string[],
    blockedNumberTypes: [
      'premium_rate',
      'shared_cost',
      'satellite',
      'uan',
      'voicemail',
      'pager',
    ] as NumberType[],
    spendPerDay: 50 as number | null,
    ...body,
    limits: { ...SCOPED_LIMITS, ...body.limits },
    prices: { default: prices?.default ?? 0.05, countries: prices?.countries ?? {} },
    conversion: {
      minimumRate: conversion?.minimumRate ?? 0.1,
      windowMinutes: conversion?.windowMinutes ?? 60,
      pauseMinutes: conversion?.pauseMinutes ?? 60,
      minimumSent: { country: 100, prefix: 10, ...conversion?.minimumSent },
    },
  };
}

/** What the schema cannot say. Pure. */
export function checkSettings({ countries = [], prices, limits = {} }: SettingsBody): FieldProblem[] {
  const unknown = (field: string, code: string): FieldProblem[] =>
    code === '*' || isCountry(code)
      ? []
      : [{ field, rule: 'must be the code of a country (ISO 3166-1, two capital letters), like "NG"' }];
  return [
    ...countries.flatMap((code, i) => unknown(`/countries/${i}`, code)),
    ...Object.keys(prices?.countries ?? {}).flatMap((code) => unknown(`/prices/countries/${code}`, code)),
    ...Object.entries(limits).flatMap(([scope, { perHour, perDay }]) =>
      perHour > perDay ? [{ field: `/limits/${scope}/perHour`, rule: 'must not exceed perDay' }] : [],
    ),
    ...((limits.recipient?.perDay ?? 0) > 100
      ? [{ field: '/limits/recipient/perDay', rule: 'must be at most 100' }]
      : []),
  ];
}
