import { type Static, Type } from 'typebox';
import { ENVIRONMENTS } from '../config/index.ts';
import { Exact, OneOf } from '../http/index.ts';
import { CHANNELS } from '../providers/index.ts';
import { DEFAULT_TIMEOUT_MS } from './changes.ts';
import { type Hook, MOMENTS, ON_FAILURE } from './hook.ts';
import { LONGEST_TIMEOUT_MS } from './module.ts';
import type { HookRow } from './store.ts';

/** What the API shows in place of a secret. */
const MASK = '[set]';
const DEFAULT_OVERLAP_SECONDS = 86_400;
const MAX_OVERLAP_SECONDS = 30 * 86_400;

const Secret = Type.String({
  pattern: '^whsec_[A-Za-z0-9+/]{32,88}={0,2}$',
  description: '`whsec_` and 24 to 64 bytes in base64 (Standard Webhooks); made for you when it is absent',
});
const some = <T extends readonly string[]>(words: T, description: string) =>
  Type.Array(OneOf(words), { maxItems: words.length, uniqueItems: true, default: [], description });

export const HookBody = Exact({
  moment: OneOf(MOMENTS),
  url: Type.String({ minLength: 1, maxLength: 2_048, description: 'https' }),
  secret: Type.Optional(Secret),
  channels: Type.Optional(some(CHANNELS, 'Only these; empty: all')),
  categories: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: 50,
      uniqueItems: true,
      default: [],
      description: 'Only these; empty: all',
    }),
  ),
  environments: Type.Optional(some(ENVIRONMENTS, 'Only these; empty: both')),
  timeoutMs: Type.Optional(
    Type.Integer({ minimum: 1, maximum: LONGEST_TIMEOUT_MS, default: DEFAULT_TIMEOUT_MS }),
  ),
  onFailure: OneOf(ON_FAILURE, {
    description: '`open`: a message whose hook fails is sent. `closed`: it waits until the hook answers',
  }),
  enabled: Type.Optional(Type.Boolean({ default: true })),
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

export const HookAnswer = Type.Object({
  id: Type.String(),
  moment: OneOf(MOMENTS),
  url: Type.String(),
  secret: Type.String({ description: `The secret itself only where it was just made, else "${MASK}"` }),
  previousSecretUntil: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
  channels: Type.Array(Type.String()),
  categories: Type.Array(Type.String()),
  environments: Type.Array(Type.String()),
  timeoutMs: Type.Integer(),
  onFailure: OneOf(ON_FAILURE),
  enabled: Type.Boolean(),
  version: Type.Integer({ description: 'Counts changes' }),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
  problem: Type.Optional(Type.String({ description: 'Why it can not be called at present' })),
});

export const TestAnswer = Type.Object({
  ok: Type.Boolean(),
  status: Type.Optional(Type.Integer({ description: 'HTTP status of its answer' })),
  verdict: Type.Optional(Type.String({ description: 'pre-send: what it decided about the sample' })),
  problem: Type.Optional(Type.String({ description: 'What would count as a failure' })),
  latencyMs: Type.Integer(),
});

export function overlapMsOf({ overlapSeconds = DEFAULT_OVERLAP_SECONDS }: Static<typeof RotateBody>): number {
  return overlapSeconds * 1_000;
}

/** The row as the API shows it; `made` is a secret that was made just now. */
export function showHook(row: HookRow, hook: Hook, made: string | null = null): Static<typeof HookAnswer> {
  return {
    id: row.id,
    moment: hook.moment,
    url: row.url,
    secret: made ?? MASK,
    previousSecretUntil: row.previous_until?.toISOString() ?? null,
    channels: row.channels,
    categories: row.categories,
    environments: row.environments,
    timeoutMs: row.timeout_ms,
    onFailure: hook.onFailure,
    enabled: row.enabled,
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    ...(hook.secret ? {} : { problem: 'Its secret can not be decrypted with the present master keys' }),
  };
}
