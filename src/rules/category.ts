import type { Channel, Priority } from '../providers/index.ts';
import type { Cap } from './cap.ts';
import type { DigestRule } from './digest.ts';

/** What a category is in law and in habit; the defaults of a tenant's own category follow it. */
export const KINDS = ['transactional', 'marketing', 'security'] as const;
export type Kind = (typeof KINDS)[number];

/**
 * What to do with an attempt whose outcome nobody can tell: `never-repeat` ends it as failed, `hold` leaves it until a
 * person settles it.
 */
export const UNKNOWN_POLICIES = ['send-again', 'never-repeat', 'hold'] as const;
export type UnknownPolicy = (typeof UNKNOWN_POLICIES)[number];

/** What happens within a user's or a tenant's quiet hours: wait for their end, end as skipped, or go out all the same. */
export const QUIET_POLICIES = ['defer', 'drop', 'ignore'] as const;
export type QuietPolicy = (typeof QUIET_POLICIES)[number];

/** What a message is about: who may refuse it, when it may come, how often, and how it may be repeated. */
export interface Category {
  id: string;
  kind: Kind;
  /** For people: on the preference page. The id when nobody gave one. */
  name: string;
  description: string | null;
  /** Name and description in other languages, by BCP 47 tag. */
  translations: Readonly<Record<string, Translation>>;
  /** When the caller gives none. */
  priority: Priority;
  /** Whether it goes out on a channel to a user who said nothing about it. */
  isOn(channel: Channel): boolean;
  /** Whether it makes a difference what a user said. */
  heedsUsers: boolean;
  /** Whether users may say no. */
  optOut: boolean;
  /** Goes only to users who said yes, and confirmed it. */
  doubleOptIn: boolean;
  quietHours: QuietPolicy;
  /** Whether high priority goes out within quiet hours all the same; it is on record with the delivery. */
  urgentPasses: boolean;
  /** How often a user gets it at most; all of them count. */
  caps: readonly Cap[];
  /** How its notifications are collected; null: each goes out by itself. */
  digest: DigestRule | null;
  /** Whether opens and clicks are tracked; null: as the tenant's settings say. Security never is. */
  tracking: boolean | null;
  unknown: UnknownPolicy;
  /** How long a receipt may still settle an unknown attempt before the policy decides. */
  evidenceMs: number;
  /** Retries stop at this age when the caller gives no expiry. */
  maxAgeMs: number;
}

export interface Translation {
  name?: string;
  description?: string;
}

/** What a tenant declared of a category, as it came in; what is missing is as in its kind. */
export interface CategoryDefinition {
  kind?: Kind;
  name?: string;
  description?: string;
  translations?: Record<string, Translation>;
  priority?: Priority;
  channels?: Partial<Record<Channel, 'on' | 'off'>>;
  optOut?: boolean;
  doubleOptIn?: boolean;
  quietHours?: QuietPolicy;
  urgentPasses?: boolean;
  caps?: Cap[];
  digest?: DigestRule;
  tracking?: boolean;
  unknown?: UnknownPolicy;
  evidenceSeconds?: number;
  expiresAfterSeconds?: number;
}

const HOUR_MS = 3_600_000;

type Defaults = Omit<
  Category,
  | 'id'
  | 'name'
  | 'description'
  | 'translations'
  | 'isOn'
  | 'heedsUsers'
  | 'doubleOptIn'
  | 'urgentPasses'
  | 'caps'
  | 'digest'
  | 'tracking'
>;

const TRANSACTIONAL: Defaults = {
  kind: 'transactional',
  priority: 'normal',
  optOut: false,
  quietHours: 'ignore',
  unknown: 'send-again',
  evidenceMs: 10_000,
  maxAgeMs: 72 * HOUR_MS,
};
const SECURITY: Defaults = {
  ...TRANSACTIONAL,
  kind: 'security',
  priority: 'high',
  evidenceMs: 0,
  maxAgeMs: HOUR_MS,
};
const MARKETING: Defaults = {
  kind: 'marketing',
  priority: 'low',
  optOut: true,
  quietHours: 'defer',
  unknown: 'never-repeat',
  evidenceMs: 10_000,
  maxAgeMs: 24 * HOUR_MS,
};
const OF_KIND: Record<Kind, Defaults> = {
  transactional: TRANSACTIONAL,
  security: SECURITY,
  marketing: MARKETING,
};

/** Those that every tenant has without declaring them. */
const BUILT_IN = new Map<string, Defaults>([
  ...Object.entries(OF_KIND),
  ['otp', { ...SECURITY, maxAgeMs: 300_000 }],
]);
export const BUILT_IN_IDS = [...BUILT_IN.keys()];
export const DEFAULT_CATEGORY = 'transactional';

/** A category as it is in force. One that nobody declared behaves like `transactional`. Pure. */
export function categoryFrom(id: string, definition: CategoryDefinition = {}): Category {
  const defaults = definition.kind ? OF_KIND[definition.kind] : (BUILT_IN.get(id) ?? TRANSACTIONAL);
  const { channels = {}, doubleOptIn = false, evidenceSeconds, expiresAfterSeconds } = definition;
  const optOut = definition.optOut ?? defaults.optOut;
  return {
    ...defaults,
    id,
    name: definition.name ?? id,
    description: definition.description ?? null,
    translations: definition.translations ?? {},
    priority: definition.priority ?? defaults.priority,
    isOn: (channel) => channels[channel] !== 'off',
    heedsUsers: optOut || doubleOptIn || Object.values(channels).includes('off'),
    optOut,
    doubleOptIn,
    quietHours: definition.quietHours ?? defaults.quietHours,
    urgentPasses: definition.urgentPasses ?? false,
    caps: definition.caps ?? [],
    digest: definition.digest ?? null,
    tracking: defaults.kind === 'security' ? false : (definition.tracking ?? null),
    unknown: definition.unknown ?? defaults.unknown,
    evidenceMs: evidenceSeconds === undefined ? defaults.evidenceMs : evidenceSeconds * 1000,
    maxAgeMs: expiresAfterSeconds === undefined ? defaults.maxAgeMs : expiresAfterSeconds * 1000,
  };
}

/** What a category is called in a language: `de-AT`, then `de`, then as it was declared. Pure. */
export function inLocale(
  { name, description, translations }: Pick<Category, 'name' | 'description' | 'translations'>,
  tag: string,
): Pick<Category, 'name' | 'description'> {
  const [exact, primary] = [tag, tag.split('-', 1)[0]!].map((key) =>
    Object.hasOwn(translations, key) ? translations[key] : undefined,
  );
  return {
    name: exact?.name ?? primary?.name ?? name,
    description: exact?.description ?? primary?.description ?? description,
  };
}
