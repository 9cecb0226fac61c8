import { ENVIRONMENTS, type Environment, FLAGS, type FlagName, type FlagSetting } from '../config/index.ts';
import type { Clock } from '../lib/clock.ts';
import { type Queryable, TenantCache } from '../store/index.ts';
import { isWithin } from './evaluate.ts';
import { type FlagValueRow, selectFlagValues } from './store.ts';

/** Where a value in force comes from. */
export const SOURCES = ['tenant', 'setting', 'default'] as const;
export type Source = (typeof SOURCES)[number];

export interface FlagValue {
  /** From 0 to 100. */
  percentage: number;
  source: Source;
}

/** The values in force for one tenant. */
export interface TenantFlags {
  isOn(flag: FlagName, of: { live: boolean; subject: string }): boolean;
  /** True at 100 %: for steps that look at no single user. */
  isOnForAll(flag: FlagName, live: boolean): boolean;
}

export interface Flags {
  /** For every tenant asked for; at most two seconds old. Costs no query for what is fresh, else one for all. */
  forTenants(db: Queryable, tenantIds: string[]): Promise<Map<string, TenantFlags>>;
  /** Call it after a change was committed: from now on this process reads the tenant's values again. */
  forget(tenantId: string): void;
}

export function createFlags({ clock, settings }: { clock: Clock; settings: FlagSetting[] }): Flags {
  const cache = new TenantCache<FlagValueRow[]>(clock, async (db, tenantIds) =>
    Map.groupBy(await selectFlagValues(db, tenantIds), (row) => row.tenant_id),
  );
  const nothingOwn = resolve([], settings);
  return {
    async forTenants(db, tenantIds) {
      const own = await cache.forTenants(db, tenantIds);
      return new Map(
        tenantIds.map((tenantId) => {
          const rows = own.get(tenantId);
          return [tenantId, rows ? resolve(rows, settings) : nothingOwn];
        }),
      );
    },
    forget: (tenantId) => cache.forget(tenantId),
  };
}

function resolve(own: FlagValueRow[], settings: FlagSetting[]): TenantFlags {
  const percentages = new Map<string, number>();
  for (const flag of Object.keys(FLAGS) as FlagName[]) {
    for (const environment of ENVIRONMENTS) {
      percentages.set(
        `${flag} ${environment}`,
        valueInForce({ flag, environment }, own, settings).percentage,
      );
    }
  }
  const percentageOf = (flag: FlagName, live: boolean) =>
    percentages.get(`${flag} ${live ? 'live' : 'test'}`)!;
  return {
    isOn: (flag, { live, subject }) => isWithin(flag, subject, percentageOf(flag, live)),
    isOnForAll: (flag, live) => percentageOf(flag, live) >= 100,
  };
}

/** The tenant's own value, else the operator's setting (the last one counts), else the default. Pure. */
export function valueInForce(
  { flag, environment }: { flag: FlagName; environment: Environment },
  own: Pick<FlagValueRow, 'flag' | 'environment' | 'percentage'>[],
  settings: FlagSetting[],
): FlagValue {
  const fits = (value: { flag: string; environment: string }) =>
    value.flag === flag && value.environment === environment;
  const tenants = own.find(fits);
  if (tenants) return { percentage: tenants.percentage, source: 'tenant' };
  const setting = settings.findLast(fits);
  if (setting) return { percentage: setting.percentage, source: 'setting' };
  return { percentage: FLAGS[flag].defaultPercentage, source: 'default' };
}
