import { type Clock, sleep } from './clock.ts';

interface Waiting<Item, Answer> {
  item: Item;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

export interface BatcherOptions<Item, Answer> {
  /** Does the work for many at once; answers in the order of the items. */
  flush(items: Item[]): Promise<Answer[]>;
  /** The items of one batch; their weight, where they are weighed. An item that is heavier goes alone. */
  maxBatch: number;
  /** What an item counts for in a batch; default 1. */
  weigh?(item: Item): number;
  /** Batches under way at once. */
  concurrency: number;
  /** Items that may wait; more are refused by `OverloadedError`. */
  maxWaiting: number;
  /** Batches that are not full start at least this far apart; default: as soon as possible. */
  intervalMs?: number;
  /** What the interval is measured with; the system's timer by default. */
  clock?: Clock;
}

export class OverloadedError extends Error {
  override name = 'OverloadedError';
}

/**
 * Group commit that clocks itself: what arrives while a batch is under way joins the next one. An idle batcher
 * starts in the same turn of the event loop, after everything that arrived in it; `intervalMs` makes batches larger
 * under load and costs nothing when there is none.
 */
export class Batcher<Item, Answer> {
  readonly #options: BatcherOptions<Item, Answer>;
  readonly #clock: Clock;
  #waiting: Waiting<Item, Answer>[] = [];
  #running = 0;
  #scheduled = false;
  /** Set while the next batch is waited for; a batch that fills up meanwhile need not wait. */
  #rest: AbortController | null = null;
  #startedAt = Number.NEGATIVE_INFINITY;
  #idle: (() => void)[] = [];

  constructor(options: BatcherOptions<Item, Answer>) {
    this.#options = options;
    this.#clock = options.clock ?? { now: () => performance.now(), sleep };
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  add(item: Item): Promise<Answer> {
    if (this.#waiting.length >= this.#options.maxWaiting) {
      return Promise.reject(new OverloadedError('the line of waiting work is full'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves when nothing waits and nothing is under way. */
  drained(): Promise<void> {
    if (this.#running === 0 && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    if (this.#waiting.length === 0 || this.#running >= this.#options.concurrency) return;
    const waitMs = this.#waitMs();
    if (this.#scheduled) {
      if (waitMs <= 0) this.#rest?.abort();
      return;
    }
    this.#scheduled = true;
    const start = () => {
      this.#scheduled = false;
      this.#rest = null;
      this.#start();
    };
    if (waitMs <= 0) {
      setImmediate(start);
      return;
    }
    this.#rest = new AbortController();
    void this.#clock.sleep(waitMs, this.#rest.signal).then(start);
  }

  #waitMs(): number {
    const { intervalMs = 0, maxBatch } = this.#options;
    if (intervalMs === 0 || this.#waiting.length >= maxBatch) return 0;
    return this.#startedAt + intervalMs - this.#clock.now();
  }

  #start(): void {
    while (this.#running < this.#options.concurrency && this.#waiting.length > 0) {
      this.#running++;
      this.#startedAt = this.#clock.now();
      this.#run(this.#waiting.splice(0, this.#countOfNext()));
    }
  }

  #countOfNext(): number {
    const { maxBatch, weigh } = this.#options;
    if (!weigh) return maxBatch;
    let weight = 0;
    const tooMany = this.#waiting.findIndex(({ item }) => {
      weight += weigh(item);
      return weight > maxBatch;
    });
    return tooMany < 0 ? this.#waiting.length : Math.max(1, tooMany);
  }

  async #run(batch: Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.#options.flush(batch.map((waiting) => waiting.item));
      for (const [i, waiting] of batch.entries()) waiting.resolve(answers[i]!);
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
    this.#running--;
    if (this.#waitMs() > 0) this.#schedule();
    else this.#start();
    if (this.#running === 0 && this.#waiting.length === 0)
      for (const resolve of this.#idle.splice(0)) resolve();
  }
}
