import { CLOSE_GRACE_MS } from './transport.ts';

/** Many connections to one place. */
export interface Pool {
  isIdleSince(moment: number): boolean;
  /** Takes nothing new, and resolves when what is under way has ended and all is closed. */
  close(): Promise<void>;
  destroy(): void;
}

/** Tenants can name as many hosts as they like; above this number idle pools make room. */
const MAX_POOLS = 1_000;

/** Pools by their key, the least recently used first. Those that nobody uses are closed after a while. */
export class Pools<P extends Pool> {
  readonly #pools = new Map<string, P>();
  readonly #timer: NodeJS.Timeout;
  /** The key that was used last, so that a busy pool need not be moved to the end again and again. */
  #latest: string | undefined;
  #isClosed = false;

  constructor(idleMs: number) {
    this.#timer = setInterval(() => this.closeIdle(performance.now() - idleMs), idleMs / 2).unref();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  find(key: string): P | undefined {
    const pool = this.#pools.get(key);
    if (!pool || key === this.#latest) return pool;
    this.#pools.delete(key);
    return this.#keep(key, pool);
  }

  add(key: string, pool: P): P {
    if (this.#pools.size >= MAX_POOLS) this.closeIdle(performance.now(), 1);
    return this.#keep(key, pool);
  }

  /** Closes pools that have been idle since a moment (milliseconds of `performance.now()`), `max` at most. */
  closeIdle(moment: number, max = Number.POSITIVE_INFINITY): void {
    let closed = 0;
    for (const [key, pool] of this.#pools) {
      if (closed >= max) return;
      if (!pool.isIdleSince(moment)) continue;
      this.#pools.delete(key);
      void pool.close();
      closed++;
    }
  }

  async closeAll(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    const timer = setTimeout(() => {
      for (const pool of pools) pool.destroy();
    }, CLOSE_GRACE_MS);
    await Promise.allSettled(pools.map((pool) => pool.close()));
    clearTimeout(timer);
  }

  #keep(key: string, pool: P): P {
    this.#pools.set(key, pool);
    this.#latest = key;
    return pool;
  }
}
