import type { Channel } from '../providers/index.ts';
import { ALL_USERS, type CappedPlace, quotaRule, ruleOf, segmentRule } from './cap.ts';
import { windowOf } from './cap-window.ts';
import type { Category } from './category.ts';
import type { Frequency } from './frequency.ts';
import { type Preference, type Refusal, refusalOf } from './preference.ts';
import { type QuietWindow, quietUntil } from './quiet-hours.ts';
import type { TenantQuietRow, UserRef } from './quiet-store.ts';
import { ALL_CATEGORIES } from './quota-store.ts';
import { regionOf } from './region.ts';

export type RuledUser = UserRef & { timezone: string | null; locale: string | null };

/** Somebody who is to get something. */
export interface Ruled {
  user: RuledUser;
  category: Category;
  /** What he is to get depends on his clock, whatever the category says. */
  needsClock?: boolean;
}

/** The rules for the users of one batch. */
export interface RuleBook {
  /** Why the user does not get the category on a channel; null when he does. */
  refusal(user: RuledUser, category: Category, channel: Channel): Refusal | null;
  /** Until when (ms since the epoch; may be infinite) the user is to be left in peace; null when he need not be. */
  quietUntil(user: RuledUser, channel: Channel, now: number): number | null;
  /** How often the user chose to hear of a category that lets him choose; null when he chose nothing. */
  frequencyOf(user: RuledUser, category: Category): Frequency | null;
  /** On whose clock the user lives: his own, else the tenant's. Known of those whose clock was asked for. */
  zoneOf(user: RuledUser): string;
  /** The places that a message needs to go out now, of the category's caps and the tenant's quotas; mostly none. */
  places(
    user: RuledUser,
    category: Category,
    message: { channel: Channel; live: boolean; now: number },
  ): CappedPlace[];
}

const DEFAULT_ZONE = 'UTC';

export function keyOf({ tenantId, id }: UserRef): string {
  return `${tenantId}/${id}`;
}

/** A map each, because a category may be called like a property that every object has. */
export interface QuotasInForce {
  perDay: Map<string, number>;
  /** By segment. */
  segments: Map<string, number>;
  timezone: string | null;
}

interface Loaded {
  quotas: Map<string, QuotasInForce>;
  /** By user: those of his segments that have a quota. */
  segments: Map<string, string[]>;
  tenants: Map<string, TenantQuietRow>;
  /** By user. */
  quiet: Map<string, QuietWindow[]>;
  preferences: Map<string, Preference[]>;
  /** By user and category. */
  frequencies: Map<string, Frequency>;
}

/** Most users of a batch share tenant and zone, so what was found out for one is kept for the others. */
export class Book implements RuleBook {
  readonly #loaded: Loaded;
  readonly #known = new Map<string, number | null>();
  readonly #windows = new Map<string, ReturnType<typeof windowOf>>();

  constructor(loaded: Loaded) {
    this.#loaded = loaded;
  }

  refusal(user: RuledUser, category: Category, channel: Channel): Refusal | null {
    return refusalOf(category, channel, this.#loaded.preferences.get(keyOf(user)) ?? []);
  }

  quietUntil(user: RuledUser, channel: Channel, now: number): number | null {
    const tenant = this.#loaded.tenants.get(user.tenantId);
    const own = this.#loaded.quiet.get(keyOf(user));
    if (!tenant && !own) return null;
    const zone = this.zoneOf(user);
    const listener = { channel, zone, country: regionOf(user.locale), now };
    if (own) return quietUntil([...(tenant?.windows ?? []), ...own], listener);
    const key = `${user.tenantId} ${channel} ${zone} ${listener.country} ${now}`;
    let until = this.#known.get(key);
    if (until === undefined) {
      until = quietUntil(tenant!.windows, listener);
      this.#known.set(key, until);
    }
    return until;
  }

  frequencyOf(user: RuledUser, category: Category): Frequency | null {
    if (!category.digest?.usersChoose) return null;
    return this.#loaded.frequencies.get(`${keyOf(user)} ${category.id}`) ?? null;
  }

  zoneOf(user: RuledUser): string {
    return user.timezone ?? this.#loaded.tenants.get(user.tenantId)?.timezone ?? DEFAULT_ZONE;
  }

  places(
    user: RuledUser,
    category: Category,
    { channel, live, now }: { channel: Channel; live: boolean; now: number },
  ): CappedPlace[] {
    const { tenantId, id } = user;
    const zone = this.zoneOf(user);
    const places = category.caps
      .filter((cap) => cap.channel === undefined || cap.channel === channel)
      .map((cap): CappedPlace => {
        const rule = ruleOf(category.id, cap);
        return { tenantId, live, userId: id, rule, limit: cap.limit, ...this.#window(cap, zone, now) };
      });
    return [...places, ...this.#quotaPlaces(user, category, { live, now })];
  }

  #quotaPlaces(
    user: RuledUser,
    category: Category,
    { live, now }: { live: boolean; now: number },
  ): CappedPlace[] {
    const { tenantId } = user;
    const quota = this.#loaded.quotas.get(tenantId);
    if (!quota) return [];
    const today = this.#window({ per: 'day' }, quota.timezone ?? DEFAULT_ZONE, now);
    const ofCategories = [category.id, ALL_CATEGORIES].map(
      (what) => [quotaRule(what), quota.perDay.get(what)] as const,
    );
    const segments = this.#loaded.segments.get(keyOf(user)) ?? [];
    const ofSegments = segments.map((id) => [segmentRule(id), quota.segments.get(id)] as const);
    return [...ofCategories, ...ofSegments].flatMap(([rule, limit]) =>
      limit === undefined ? [] : [{ tenantId, live, userId: ALL_USERS, rule, limit, ...today }],
    );
  }

  #window(cap: Parameters<typeof windowOf>[0], zone: string, now: number) {
    const key = `${cap.per} ${cap.sliding} ${zone} ${now}`;
    let window = this.#windows.get(key);
    if (!window) {
      window = windowOf(cap, zone, now);
      this.#windows.set(key, window);
    }
    return window;
  }
}
