const TICK_MS = 50;

/** Something under way that can be given up. */
export interface Expiring {
  expire(): void;
}

/**
 * Gives up what takes too long, on one timer for everything: a timer for each of ten thousand requests a second would
 * cost more than it is worth. At most one tick late, never early.
 */
export class Deadlines {
  /** What is due in a tick, by the number of the tick. */
  readonly #due = new Map<number, Set<Expiring>>();
  #timer: NodeJS.Timeout | null = null;
  #tick = 0;

  /** Returns what forgets it again. */
  add(item: Expiring, afterMs: number): Set<Expiring> {
    if (!this.#timer) this.#start();
    const tick = tickAt(performance.now() + afterMs) + 1;
    let due = this.#due.get(tick);
    if (!due) {
      due = new Set();
      this.#due.set(tick, due);
    }
    due.add(item);
    return due;
  }

  #start(): void {
    this.#tick = tickAt(performance.now());
    this.#timer = setInterval(() => this.#expire(), TICK_MS).unref();
  }

  #expire(): void {
    const now = tickAt(performance.now());
    for (; this.#tick <= now; this.#tick++) {
      const due = this.#due.get(this.#tick);
      if (!due) continue;
      this.#due.delete(this.#tick);
      for (const item of due) item.expire();
    }
    if (this.#due.size > 0) return;
    clearInterval(this.#timer!);
    this.#timer = null;
  }
}

const tickAt = (ms: number) => Math.floor(ms / TICK_MS);
