import type { Clock } from '../lib/clock.ts';
import { type Queryable, TenantCache } from '../store/index.ts';
import { Book, keyOf, type QuotasInForce, type RuleBook, type Ruled, type RuledUser } from './book.ts';
import { type FrequencyRow, selectFrequencies } from './frequency-store.ts';
import type { Preference } from './preference.ts';
import { selectPreferences } from './preference-store.ts';
import type { QuietWindow } from './quiet-hours.ts';
import { selectTenantQuiet, selectUserQuiet, type TenantQuietRow, type UserRef } from './quiet-store.ts';
import { selectQuotas } from './quota-store.ts';

export interface Rules {
  /** At most one statement for each kind of rule, and none for those that no category of the batch asks for. */
  forUsers(db: Queryable, wanted: readonly Ruled[]): Promise<RuleBook>;
  /** Call it after a change of a tenant's own rules was committed. */
  forget(tenantId: string): void;
}

/** Of these segments of a tenant, those that each of these users is in; who is in none is missing. */
export type SegmentsOf = (
  db: Queryable,
  wanted: readonly (UserRef & { segments: string[] })[],
) => Promise<(UserRef & { segment: string })[]>;

/** Without `segmentsOf` nobody is in a segment. */
export function createRules(
  clock: Clock,
  { segmentsOf = async () => [] }: { segmentsOf?: SegmentsOf } = {},
): Rules {
  const cache = new TenantCache<TenantQuietRow>(clock, async (db, tenantIds) => {
    const rows = await selectTenantQuiet(db, tenantIds);
    return new Map(rows.map((row) => [row.tenant_id, row]));
  });
  const quotas = new TenantCache<QuotasInForce>(clock, async (db, tenantIds) => {
    const rows = await selectQuotas(db, tenantIds);
    return new Map(
      // A map, because a category may be called like a property that every object has.
      rows.map(({ tenantId, perDay, segments, timezone }) => [
        tenantId,
        { perDay: new Map(Object.entries(perDay)), segments: new Map(Object.entries(segments)), timezone },
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
      const inForce = await quotas.forTenants(
        db,
        wanted.map(({ user }) => user.tenantId),
      );
      return new Book({
        quotas: inForce,
        segments: await loadSegments(db, usersOf(wanted), { inForce, segmentsOf }),
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

/** Asks only about tenants that have quotas of segments. */
async function loadSegments(
  db: Queryable,
  users: RuledUser[],
  { inForce, segmentsOf }: { inForce: Map<string, QuotasInForce>; segmentsOf: SegmentsOf },
): Promise<Map<string, string[]>> {
  const wanted = users.flatMap(({ tenantId, id }) => {
    const segments = [...(inForce.get(tenantId)?.segments.keys() ?? [])];
    return segments.length > 0 ? [{ tenantId, id, segments }] : [];
  });
  if (wanted.length === 0) return new Map();
  const found = Map.groupBy(await segmentsOf(db, wanted), keyOf);
  return new Map([...found].map(([user, rows]) => [user, rows.map(({ segment }) => segment).sort()]));
}
