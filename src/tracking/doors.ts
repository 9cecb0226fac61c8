import type { Clock } from '../lib/clock.ts';
import { Lru } from '../lib/lru.ts';
import { RateWindow } from '../lib/rate-window.ts';
import type { Queryable } from '../store/index.ts';
import type { Connection, Connections } from '../tenants/index.ts';

/** Connections that were found are found again, whoever guesses from the same network: vendors share theirs. */
const MAX_KNOWN = 10_000;
/** Addresses where nobody is, asked for from one network address in a second, before the next are refused unseen. */
const MAX_MISSES_PER_SECOND = 50;

/** Finds the connection behind an address for receipts. */
export class Doors {
  readonly #connections: Pick<Connections, 'get'>;
  readonly #db: Queryable;
  readonly #misses: RateWindow;
  readonly #known = new Lru<true>(MAX_KNOWN);
  readonly #underWay = new Map<string, Promise<Connection | null>>();

  constructor(connections: Pick<Connections, 'get'>, db: Queryable, clock: Clock) {
    this.#connections = connections;
    this.#db = db;
    this.#misses = new RateWindow(MAX_MISSES_PER_SECOND, clock);
  }

  /**
   * A disabled connection sends nothing more, but what it sent is still reported on. Null where nobody is, and for
   * those who guess from this network address (`from`).
   */
  async find(tenantId: string, id: string, from: string): Promise<Connection | null> {
    const name = `${tenantId} ${id}`;
    if (this.#misses.isExceeded(from) && !this.#known.get(name)) return null;
    const found = await this.#ask(name, tenantId, id);
    if (found) this.#known.set(name, true);
    else this.#misses.count(from);
    return found;
  }

  /** Asks once for all who ask at the same time. */
  async #ask(name: string, tenantId: string, id: string): Promise<Connection | null> {
    const asked = this.#underWay.get(name) ?? this.#connections.get(tenantId, id, this.#db);
    if (this.#underWay.has(name)) return asked;
    this.#underWay.set(name, asked);
    return asked.finally(() => this.#underWay.delete(name));
  }
}
