import { type Static, Type } from 'typebox';
import { ENVIRONMENTS } from '../config/index.ts';
import { Exact, OneOf } from '../http/index.ts';
import { EVENT_TYPES } from '../ledger/index.ts';
import { CHANNELS } from '../providers/index.ts';
import { headerNames } from './endpoint.ts';
import type { EndpointRow } from './endpoint-store.ts';

/** What the API shows in place of a secret. */
const MASK = '[set]';
const DEFAULT_OVERLAP_SECONDS = 86_400;
const MAX_OVERLAP_SECONDS = 30 * 86_400;

const NOUNS = [...new Set(EVENT_TYPES.map((type) => type.slice(0, type.indexOf('.'))))];
/** What an endpoint may choose: everything, all that happens to one thing, or one type. */
export const CHOICES: string[] = [
  '*',
  ...NOUNS.map((noun) => `${noun}.*`),
  ...EVENT_TYPES.filter((type) => type !== 'webhook.test'),
];

const Secret = Type.String({
  pattern: '^whsec_[A-Za-z0-9+/]{32,88}={0,2}$',
  description: '`whsec_` and 24 to 64 bytes in base64 (Standard Webhooks); made for you when it is absent',
});
const some = <T extends readonly string[]>(words: T, description: string) =>
  Type.Array(OneOf(words), { maxItems: words.length, uniqueItems: true, default: [], description });
const Time = Type.String({ format: 'date-time' });
const TimeOrNull = Type.Union([Time, Type.Null()]);

export const EndpointBody = Exact({
  url: Type.String({ minLength: 1, maxLength: 2_048, description: 'https' }),
  description: Type.Optional(Type.String({ maxLength: 500 })),
  types: Type.Optional(
    Type.Array(OneOf(CHOICES), {
      minItems: 1,
      maxItems: CHOICES.length,
      uniqueItems: true,
      default: ['*'],
      description: 'What it is told: types of events, all of a noun (`delivery.*`), or everything (`*`)',
    }),
  ),
  channels: Type.Optional(some(CHANNELS, 'Of events that have a channel, only these; empty: all')),
  categories: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: 50,
      uniqueItems: true,
      default: [],
      description: 'Of events that have a category, only these; empty: all',
    }),
  ),
  environments: Type.Optional(some(ENVIRONMENTS, 'Only these; empty: both')),
  enabled: Type.Optional(Type.Boolean({ default: true })),
  secret: Type.Optional(Secret),
  headers: Type.Optional(
    Type.Record(
      Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }),
      Type.String({
        minLength: 1,
        maxLength: 1_024,
        pattern: '^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$',
      }),
      {
        maxProperties: 10,
        additionalProperties: false,
        description: 'Sent with every call, kept secret. Left out: they stay; `{}` removes them',
      },
    ),
  ),
});

export const RotateBody = Exact({
  secret: Type.Optional(Secret),
  overlapSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: MAX_OVERLAP_SECONDS,
      default: DEFAULT_OVERLAP_SECONDS,
      description: 'How long the old secret signs beside the new one',
    }),
  ),
});

export function overlapMsOf({ overlapSeconds = DEFAULT_OVERLAP_SECONDS }: Static<typeof RotateBody>): number {
  return overlapSeconds * 1_000;
}

export const EndpointAnswer = Type.Object({
  id: Type.String(),
  url: Type.String(),
  description: Type.Union([Type.String(), Type.Null()]),
  types: Type.Array(Type.String()),
  channels: Type.Array(Type.String()),
  categories: Type.Array(Type.String()),
  environments: Type.Array(Type.String()),
  enabled: Type.Boolean(),
  disabledAt: TimeOrNull,
  disabledReason: Type.Union([Type.String(), Type.Null()], {
    description: '`failing`: days of nothing but failures. `gone`: it answered 410',
  }),
  failingSince: TimeOrNull,
  pausedUntil: TimeOrNull,
  secret: Type.String({ description: `The secret itself only where it was just made, else "${MASK}"` }),
  previousSecretUntil: TimeOrNull,
  headers: Type.Array(Type.String(), { description: 'Their names' }),
  version: Type.Integer({ description: 'Counts changes' }),
  createdAt: Time,
  updatedAt: Time,
});

/** The row as the API shows it; `made` is a secret that was made just now. */
export function showEndpoint(row: EndpointRow, made: string | null = null): Static<typeof EndpointAnswer> {
  const at = (date: Date | null) => date?.toISOString() ?? null;
  return {
    id: row.id,
    url: row.url,
    description: row.description,
    types: row.types,
    channels: row.channels,
    categories: row.categories,
    environments: row.environments,
    enabled: row.enabled,
    disabledAt: at(row.disabled_at),
    disabledReason: row.disabled_reason,
    failingSince: at(row.failing_since),
    pausedUntil: at(row.paused_until),
    secret: made ?? MASK,
    previousSecretUntil: at(row.previous_until),
    headers: headerNames(row),
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

export const TestAnswer = Type.Object({
  ok: Type.Boolean(),
  status: Type.Union([Type.Integer(), Type.Null()], { description: 'HTTP status of its answer' }),
  reason: Type.Union([Type.String(), Type.Null()], { description: 'What counts as a failure' }),
  answer: Type.Union([Type.String(), Type.Null()], { description: 'The first KiB' }),
  latencyMs: Type.Integer(),
});
