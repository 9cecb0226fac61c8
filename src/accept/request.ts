import { hash } from 'node:crypto';
import { Type } from 'typebox';
import {
  Exact,
  ExternalId,
  invalidField,
  OneOf,
  Problem,
  Slug,
  type Static,
  Timestamp,
} from '../http/index.ts';
import { PRIORITY_CODES } from '../ledger/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import { canonicalJson } from '../lib/text.ts';
import { CHANNELS, PRIORITIES } from '../providers/index.ts';
import {
  type Category,
  checkWindow,
  DEFAULT_CATEGORY,
  DeliveryWindow,
  DigestRequest,
  type TenantCategories,
} from '../rules/index.ts';
import type { CallersTrace } from '../telemetry/index.ts';
import { checkInline, InlineMessage, type Templates } from '../templates/index.ts';
import type { SealedSecrets } from '../tenants/index.ts';
import { channelsAsked, checkLadder, LadderBody } from './ladder.ts';
import type { AcceptedRow } from './store.ts';

const MAX_AHEAD_MS = 5 * 366 * 24 * 3_600_000;
const MAX_KEY_LENGTH = 256;

/** `POST /v1/notifications`: one user, one or more channels, an inline message or a template. */
export const NotificationBody = Exact({
  userId: ExternalId,
  channels: Type.Optional(
    Type.Array(OneOf(CHANNELS), {
      minItems: 1,
      uniqueItems: true,
      description:
        "Default: the template's channels, or every channel but SMS and chat on which the user can be reached",
    }),
  ),
  ladder: Type.Optional(LadderBody),
  template: Type.Optional(
    Exact({
      id: Slug('The template'),
      variables: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { maxProperties: 200 })),
    }),
  ),
  message: Type.Optional(InlineMessage),
  category: Type.Optional(Slug('What it is about; decides on priority and on unknown outcomes')),
  priority: Type.Optional(OneOf(PRIORITIES)),
  digest: Type.Optional(DigestRequest),
  window: Type.Optional(DeliveryWindow),
  tracking: Type.Optional(
    Type.Boolean({
      description: 'false: opens and clicks of this one are not tracked, whatever its category says',
    }),
  ),
  sendAt: Type.Optional(Timestamp),
  expiresAt: Type.Optional(Timestamp),
  idempotencyKey: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_KEY_LENGTH })),
});
export type NotificationBody = Static<typeof NotificationBody>;

/** The fields that may be changed until the notification is routed. */
export const NotificationChange = Exact(
  {
    template: Type.Optional(NotificationBody.properties.template),
    message: Type.Optional(InlineMessage),
    priority: Type.Optional(OneOf(PRIORITIES)),
    sendAt: Type.Optional(Timestamp),
    expiresAt: Type.Optional(Timestamp),
  },
  { minProperties: 1 },
);
export type NotificationChange = Static<typeof NotificationChange>;

/** What the schema cannot say; throws a Problem that names the field and the rule. */
export function checkRules(body: NotificationBody, now: number): void {
  if (!body.message === !body.template) {
    throw invalidField('/message', 'or /template is required, and not both');
  }
  checkLadder(body);
  const complaint = body.message && checkInline(body.message, channelsAsked(body));
  if (complaint) throw invalidField('/message', complaint);
  if (body.ladder && body.digest && body.digest.enabled !== false)
    throw invalidField('/digest', 'and /ladder must not both be given');
  if (body.window && body.digest && body.digest.enabled !== false)
    throw invalidField('/digest', 'and /window must not both be given');
  if (body.digest?.window) checkWindow(body.digest.window, '/digest/window');
  checkTimes(body, now);
}

export function checkTimes(body: Pick<NotificationBody, 'sendAt' | 'expiresAt'>, now: number): void {
  const sendAt = body.sendAt === undefined ? now : Date.parse(body.sendAt);
  if (sendAt > now + MAX_AHEAD_MS) throw invalidField('/sendAt', 'must be within five years');
  if (body.expiresAt !== undefined && Date.parse(body.expiresAt) <= Math.max(now, sendAt)) {
    throw invalidField(
      '/expiresAt',
      body.sendAt ? 'must be later than sendAt and than now' : 'must be in the future',
    );
  }
}

/** A named template must be there and take the variables; what it says is looked up when the notification is routed. */
export async function checkTemplate(
  templates: Pick<Templates, 'refusal'>,
  tenantId: string,
  { template, digest }: Pick<NotificationBody, 'template' | 'digest'>,
): Promise<void> {
  // What a digest says is known when it is closed.
  const summary = digest?.template && { id: digest.template.id, variables: null };
  for (const [field, named] of [
    ['/template', template],
    ['/digest/template', summary],
  ] as const) {
    const refused = named && (await templates.refusal(tenantId, named));
    if (refused) throw invalidField(`${field}${refused.field}`, refused.rule);
  }
}

/** The idempotency key of a request: header and body may both give it if they agree. */
export function idempotencyKeyOf(header: unknown, body: NotificationBody): string | undefined {
  if (
    header !== undefined &&
    (typeof header !== 'string' || header === '' || header.length > MAX_KEY_LENGTH)
  ) {
    throw invalidField('header/idempotency-key', `must have 1 to ${MAX_KEY_LENGTH} characters`);
  }
  if (header !== undefined && body.idempotencyKey !== undefined && header !== body.idempotencyKey) {
    throw new Problem('idempotency.conflicting_keys');
  }
  return header ?? body.idempotencyKey;
}

export interface AcceptContext {
  tenantId: string;
  live: boolean;
  now: number;
  idempotencyMs: number;
  categories: TenantCategories;
  /** Stored with the request, and no part of its fingerprint: a repeated request has a trace of its own. */
  trace?: CallersTrace;
  /** Somebody tries a template out. */
  isTest?: boolean;
  /** An id that was made before (UUIDv7). */
  id?: string;
  /** Values that belong to this id and stand in the content by their marks. */
  sealed?: SealedSecrets;
}

/** The row of the ledger for a request that passed all rules. */
export function buildRow(
  body: NotificationBody,
  key: string | undefined,
  context: AcceptContext,
): AcceptedRow {
  const { idempotencyKey: _, ...content } = body;
  const category = context.categories.of(body.category ?? DEFAULT_CATEGORY);
  checkDigest(body, category);
  const createdAt = new Date(context.now);
  const sendAt = body.sendAt === undefined ? null : new Date(body.sendAt);
  return {
    id: context.id ?? uuidv7(context.now),
    tenantId: context.tenantId,
    live: context.live,
    userId: body.userId,
    category: category.id,
    priority: PRIORITY_CODES[body.priority ?? category.priority],
    request: JSON.stringify({
      channels: body.channels,
      ladder: body.ladder,
      template: body.template,
      message: body.message,
      digest: body.digest,
      window: body.window,
      tracking: body.tracking,
      ...(context.isTest && { test: true }),
      ...(context.sealed && { sealed: context.sealed }),
      ...context.trace,
    }),
    dueAt: sendAt && sendAt > createdAt ? sendAt : createdAt,
    sendAt,
    expiresAt: body.expiresAt === undefined ? null : new Date(body.expiresAt),
    createdAt,
    key:
      key === undefined
        ? null
        : {
            hash: sha256(key).subarray(0, 16),
            fingerprint: sha256(canonicalJson(content)).subarray(0, 16),
            expiresAt: new Date(context.now + context.idempotencyMs),
          },
  };
}

/** Whoever asks for a digest must have said how long it lasts, here or in the category. */
function checkDigest({ digest }: NotificationBody, category: Category): void {
  if (!digest || digest.enabled === false || digest.window || category.digest) return;
  throw invalidField('/digest/window', `is required: the category "${category.id}" declares no digest`);
}

function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
