import type { Secret } from '../../lib/secret.ts';
import { measureSms } from '../../lib/sms-segments.ts';
import type { Content, Message, RequestContext } from '../contract.ts';
import type { Lookup } from './expression.ts';

const CONTENT: (keyof Content)[] = [
  'title',
  'subtitle',
  'body',
  'subject',
  'text',
  'html',
  'replyTo',
  'headers',
  'url',
  'image',
  'icon',
  'actions',
  'badge',
  'sound',
  'collapseKey',
  'category',
  'fields',
  'silent',
  'data',
];
/** The names below each root; null where it is a value itself. */
const ROOTS: Record<string, string[] | null> = {
  recipient: ['address', 'platform', 'keys'],
  content: CONTENT,
  sms: ['encoding', 'segments'],
  userId: null,
  category: null,
  priority: null,
  deliveryId: null,
  callbackUrl: null,
  ttlSeconds: null,
  expiresAt: null,
  now: null,
};

/** Why a template may not name this, or null. */
export function checkPath([root, name, ...deeper]: string[], secretNames: string[]): string | null {
  const given = [root, name, ...deeper].filter((part) => part !== undefined).join('.');
  if (root === 'secret')
    return name !== undefined && deeper.length === 0 && secretNames.includes(name)
      ? null
      : `names ${given}, which is not among the secrets`;
  if (root === undefined || !Object.hasOwn(ROOTS, root))
    return `names ${given}; there are ${Object.keys(ROOTS).join(', ')} and secret`;
  const names = ROOTS[root]!;
  if (names === null) return name === undefined ? null : `names ${given}, but ${root} has no parts`;
  return name !== undefined && names.includes(name)
    ? null
    : `names ${given}; ${root} has ${names.join(', ')}`;
}

/** What a template can name while a request is made. Times are seconds since the epoch. */
export function makeLookup(
  message: Message,
  context: RequestContext,
  secrets: Record<string, Secret>,
): Lookup {
  const { recipient, content, userId, category, priority, expiresAt } = message;
  const { deliveryId, callbackUrl, now } = context;
  const values: Record<string, unknown> = {
    recipient,
    content,
    userId,
    category,
    priority,
    deliveryId,
    callbackUrl,
    now: Math.floor(now / 1000),
    ...(expiresAt !== undefined && {
      expiresAt: Math.floor(expiresAt / 1000),
      ttlSeconds: Math.max(0, Math.floor((expiresAt - now) / 1000)),
    }),
  };
  return ([root = '', ...rest]) => {
    if (root === 'secret') return secretAt(secrets, rest[0]);
    if (root === 'sms') return measureSms(content.body ?? content.title ?? '')[rest[0] as 'encoding'];
    return rest.reduce(step, values[root]);
  };
}

function secretAt(secrets: Record<string, Secret>, name: string | undefined): string | undefined {
  return name !== undefined && Object.hasOwn(secrets, name) ? secrets[name]!.reveal() : undefined;
}

function step(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}
