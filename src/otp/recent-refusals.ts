import { Lru } from '../lib/lru.ts';
import type { Refusal, RefusalScope } from './limits.ts';
import type { Whose } from './whose.ts';

const REMEMBERED = 10_000;
/** As late as another process may hear that a limit was raised. */
const KEEP_MS = 1_000;

/** What a request is refused for besides its recipient; what is not known is missing. */
export type Places = Partial<Record<RefusalScope, string>>;

/**
 * What was refused a moment ago, so that a flood of the same ends here and not at the database. Only limits that many
 * requests share are remembered; those that were refused from memory are counted until somebody writes them down.
 */
export class RecentRefusals {
  #known = new Lru<{ refusal: Refusal; until: number }>(REMEMBERED);
  /** By tenant, kind of key and reason: as many as there are tenants under attack. */
  readonly #uncounted = new Map<string, Map<string, number>>();

  find(whose: Whose, places: Places, now: number): Refusal | null {
    for (const [scope, key] of Object.entries(places)) {
      const name = `${nameOf(whose)}/${scope}/${key}`;
      const found = this.#known.get(name);
      if (!found) continue;
      if (found.until > now && (found.refusal.retryAt ?? now + 1) > now) {
        this.#miss(whose, found.refusal.reason);
        return found.refusal;
      }
      this.#known.delete(name);
    }
    return null;
  }

  remember(whose: Whose, places: Places, refusal: Refusal, now: number): void {
    const key = refusal.scope && places[refusal.scope];
    if (key === undefined) return;
    this.#known.set(`${nameOf(whose)}/${refusal.scope}/${key}`, { refusal, until: now + KEEP_MS });
  }

  /** After a change of what a tenant lets out. */
  forget(): void {
    this.#known = new Lru(REMEMBERED);
  }

  /** How many were refused by reason since this was asked the last time. Whoever asks writes them down. */
  take(whose: Whose): ReadonlyMap<string, number> {
    const taken = this.#uncounted.get(nameOf(whose)) ?? new Map();
    this.#uncounted.delete(nameOf(whose));
    return taken;
  }

  /** They could not be written down after all. */
  putBack(whose: Whose, taken: ReadonlyMap<string, number>): void {
    for (const [reason, count] of taken) this.#miss(whose, reason, count);
  }

  #miss(whose: Whose, reason: string, count = 1): void {
    const own = this.#uncounted.get(nameOf(whose)) ?? new Map<string, number>();
    own.set(reason, (own.get(reason) ?? 0) + count);
    this.#uncounted.set(nameOf(whose), own);
  }
}

function nameOf({ tenantId, live }: Whose): string {
  return `${tenantId}/${live}`;
}
