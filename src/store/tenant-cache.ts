import type { Clock } from '../lib/clock.ts';
import type { Queryable } from './queryable.ts';

/** A change by another process shows here after this time at the latest. */
const MAX_AGE_MS = 2_000;
const MAX_TENANTS = 10_000;

/** Reads something about several tenants at once; a tenant that is missing in the answer has nothing. */
export type LoadForTenants<T> = (db: Queryable, tenantIds: string[]) => Promise<Map<string, T>>;

/** What a process knows about tenants, nothing included, at most two seconds old. */
export class TenantCache<T> {
  readonly #clock: Clock;
  readonly #load: LoadForTenants<T>;
  readonly #entries = new Map<string, { value: T | undefined; readAt: number }>();
  /** Counts changes, so that a read which began before one is not remembered. */
  #changes = 0;

  constructor(clock: Clock, load: LoadForTenants<T>) {
    this.#clock = clock;
    this.#load = load;
  }

  /** Costs no query for what is fresh, else one load for all the others together. `db` may be inside a transaction. */
  async forTenants(db: Queryable, tenantIds: string[]): Promise<Map<string, T>> {
    const readAt = this.#clock.now();
    const found = new Map<string, T>();
    const stale: string[] = [];
    for (const tenantId of new Set(tenantIds)) {
      const entry = this.#entries.get(tenantId);
      if (!entry || readAt - entry.readAt >= MAX_AGE_MS) stale.push(tenantId);
      else if (entry.value !== undefined) found.set(tenantId, entry.value);
    }
    if (stale.length === 0) return found;
    const changes = this.#changes;
    const loaded = await this.#load(db, stale);
    for (const tenantId of stale) {
      const value = loaded.get(tenantId);
      if (value !== undefined) found.set(tenantId, value);
      if (changes === this.#changes) this.#remember(tenantId, { value, readAt });
    }
    return found;
  }

  /** As `forTenants`, for one. */
  async forTenant(db: Queryable, tenantId: string): Promise<T | undefined> {
    const entry = this.#entries.get(tenantId);
    if (entry && this.#clock.now() - entry.readAt < MAX_AGE_MS) return entry.value;
    return (await this.forTenants(db, [tenantId])).get(tenantId);
  }

  /** Call it after a change was committed: from now on this process reads the tenant again. */
  forget(tenantId: string): void {
    this.#changes++;
    this.#entries.delete(tenantId);
  }

  #remember(tenantId: string, entry: { value: T | undefined; readAt: number }): void {
    this.#entries.delete(tenantId);
    this.#entries.set(tenantId, entry);
    if (this.#entries.size > MAX_TENANTS) this.#entries.delete(this.#entries.keys().next().value!);
  }
}
