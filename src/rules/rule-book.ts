import type { Clock } from '../lib/clock.ts';
import type { Channel } from '../providers/index.ts';
import { type Queryable, TenantCache } from '../store/index.ts';
import type { Category } from './category.ts';
import { type Preference, type Refusal, refusalOf } from './preference.ts';
import { selectPreferences } from './preference-store.ts';
import { type QuietWindow, quietUntil } from './quiet-hours.ts';
import { selectTenantQuiet, selectUserQuiet, type TenantQuietRow, type UserRef } from './quiet-store.ts';

export type RuledUser = UserRef & { timezone: string | null };

/** The rules for the users of one batch. */
export interface RuleBook {
  /** Why the user does not get the category on a channel; null when he does. */
  refusal(user: RuledUser, category: Category, channel: Channel): Refusal | null;
  /** Until when (ms since the epoch; may be infinite) the user is to be left in peace; null when he need not be. */
  quietUntil(user: RuledUser, channel: Channel, now: number): number | null;
}

export interface Rules {
  /** At most one statement for each kind of rule, and none for those that no category of the batch asks for. */
  forUsers(db: Queryable, wanted: readonly { user: RuledUser; category: Category }[]): Promise<RuleBook>;
  /** Call it after a change of a tenant's own rules was committed. */
  forget(tenantId: string): void;
}

const DEFAULT_ZONE = 'UTC';

export function createRules(clock: Clock): Rules {
  const cache = new TenantCache<TenantQuietRow>(clock, async (db, tenantIds) => {
    const rows = await selectTenantQuiet(db, tenantIds);
    return new Map(rows.map((row) => [row.tenant_id, row]));
  });
  return {
    async forUsers(db, wanted) {
      const disturbed = usersOf(wanted.filter(({ category }) => category.quietHours !== 'ignore'));
      const asked = usersOf(wanted.filter(({ category }) => category.heedsUsers));
      const tenantIds = disturbed.map(({ tenantId }) => tenantId);
      return new Book({
        tenants: disturbed.length > 0 ? await cache.forTenants(db, tenantIds) : new Map(),
        quiet: disturbed.length > 0 ? await loadQuiet(db, disturbed) : new Map(),
        preferences: asked.length > 0 ? await loadPreferences(db, asked) : new Map(),
      });
    },
    forget: (tenantId) => cache.forget(tenantId),
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

function keyOf({ tenantId, id }: UserRef): string {
  return `${tenantId}/${id}`;
}

interface Loaded {
  tenants: Map<string, TenantQuietRow>;
  /** By user. */
  quiet: Map<string, QuietWindow[]>;
  preferences: Map<string, Preference[]>;
}

/** Most users of a batch share tenant and zone, so what was found out for one is kept for the others. */
class Book implements RuleBook {
  readonly #loaded: Loaded;
  readonly #known = new Map<string, number | null>();

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
    const zone = user.timezone ?? tenant?.timezone ?? DEFAULT_ZONE;
    if (own) return quietUntil([...(tenant?.windows ?? []), ...own], { channel, zone, now });
    const key = `${user.tenantId} ${channel} ${zone} ${now}`;
    let until = this.#known.get(key);
    if (until === undefined) {
      until = quietUntil(tenant!.windows, { channel, zone, now });
      this.#known.set(key, until);
    }
    return until;
  }
}
