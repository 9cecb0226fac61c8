import type { Clock } from '../lib/clock.ts';
import type { Channel } from '../providers/index.ts';
import { type Queryable, TenantCache } from '../store/index.ts';
import { ALL_USERS, type CappedPlace, quotaRule, ruleOf } from './cap.ts';
import { windowOf } from './cap-window.ts';
import type { Category } from './category.ts';
import type { Frequency } from './frequency.ts';
import { type FrequencyRow, selectFrequencies } from './frequency-store.ts';
import { type Preference, type Refusal, refusalOf } from './preference.ts';
import { selectPreferences } from './preference-store.ts';
import { type QuietWindow, quietUntil } from './quiet-hours.ts';
import { selectTenantQuiet, selectUserQuiet, type TenantQuietRow, type UserRef } from './quiet-store.ts';
import { ALL_CATEGORIES, selectQuotas } from './quota-store.ts';
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

export interface Rules {
  /** At most one statement for each kind of rule, and none for those that no category of the batch asks for. */
  forUsers(db: Queryable, wanted: readonly Ruled[]): Promise<RuleBook>;
  /** Call it after a change of a tenant's own rules was committed. */
  forget(tenantId: string): void;
}

const DEFAULT_ZONE = 'UTC';

export function createRules(clock: Clock): Rules {
  const cache = new TenantCache<TenantQuietRow>(clock, async (db, tenantIds) => {
    const rows = await selectTenantQuiet(db, tenantIds);
    return new Map(rows.map((row) => [row.tenant_id, row]));
  });
  const quotas = new TenantCache<QuotasInForce>(clock, async (db, tenantIds) => {
    const rows = await selectQuotas(db, tenantIds);
    return new Map(
      // A map, because a category may be called like a property that every object has.
      rows.map(({ tenantId, perDay, timezone }) => [
        tenantId,
        { perDay: new Map(Object.entries(perDay)), timezone },
      ]),
    );
  });
  return {
    async forUsers(db, wanted) {
      const disturbed = usersOf(wanted.filter(({ category }) => category.quietHours !== 'ignore'));
      const asked = usersOf(wanted.filter(({ category }) => category.heedsUsers));
      const choosing = usersOf(wanted.filter(({ category }) => category.digest?.usersChoose));
      const onTheirClock = wanted.filter(
        ({ category, needsClock }) =>
          needsClock ||
          category.digest?.usersChoose ||
          category.quietHours !== 'ignore' ||
          category.caps.length > 0,
      );
      const tenantIds = onTheirClock.map(({ user }) => user.tenantId);
      return new Book({
        quotas: await quotas.forTenants(
          db,
          wanted.map(({ user }) => user.tenantId),
        ),
        tenants: tenantIds.length > 0 ? await cache.forTenants(db, tenantIds) : new Map(),
        quiet: disturbed.length > 0 ? await loadQuiet(db, disturbed) : new Map(),
        preferences: asked.length > 0 ? await loadPreferences(db, asked) : new Map(),
        frequencies: choosing.length > 0 ? await loadFrequencies(db, choosing) : new Map(),
      });
    },
    forget(tenantId) {
      cache.forget(tenantId);
      quotas.forget(tenantId);
    },
  };
}

function usersOf(wanted: readonly { user: RuledUser }[]): RuledUser[] {
  return [...new Map(wanted.map(({ user }) => [keyOf(user), user])).values()];
}

async function loadQuiet(db: Queryable, users: RuledUser[]): Promise<Map<string, QuietWindow[]>> {
  const rows = await selectUserQuiet(db, users);
  return new Map(rows.map((row) => [keyOf({ tenantId: row.tenant_id, id: row.user_id }), row.windows]));
}

async function loadPreferences(db: Queryable, users: RuledUser[]): Promise<Map<string, Preference[]>> {
  return Map.groupBy(await selectPreferences(db, users), (row) =>
    keyOf({ tenantId: row.tenantId, id: row.userId }),
  );
}

async function loadFrequencies(db: Queryable, users: RuledUser[]): Promise<Map<string, FrequencyRow>> {
  const rows = await selectFrequencies(db, users);
  return new Map(
    rows.map((row) => [`${keyOf({ tenantId: row.tenantId, id: row.userId })} ${row.category}`, row]),
  );
}

function keyOf({ tenantId, id }: UserRef): string {
  return `${tenantId}/${id}`;
}

interface QuotasInForce {
  perDay: Map<string, number>;
  timezone: string | null;
}

interface Loaded {
  quotas: Map<string, QuotasInForce>;
  tenants: Map<string, TenantQuietRow>;
  /** By user. */
  quiet: Map<string, QuietWindow[]>;
  preferences: Map<string, Preference[]>;
  /** By user and category. */
  frequencies: Map<string, Frequency>;
}

/** Most users of a batch share tenant and zone, so what was found out for one is kept for the others. */
class Book implements RuleBook {
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
    const { quotas } = this.#loaded;
    const zone = this.zoneOf(user);
    const places = category.caps
      .filter((cap) => cap.channel === undefined || cap.channel === channel)
      .map((cap): CappedPlace => {
        const rule = ruleOf(category.id, cap);
        return { tenantId, live, userId: id, rule, limit: cap.limit, ...this.#window(cap, zone, now) };
      });
    const quota = quotas.get(tenantId);
    if (!quota) return places;
    const today = this.#window({ per: 'day' }, quota.timezone ?? DEFAULT_ZONE, now);
    for (const what of [category.id, ALL_CATEGORIES]) {
      const limit = quota.perDay.get(what);
      if (limit === undefined) continue;
      places.push({ tenantId, live, userId: ALL_USERS, rule: quotaRule(what), limit, ...today });
    }
    return places;
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
