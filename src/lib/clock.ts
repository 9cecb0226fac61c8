/** Where a process gets its time from. Everything that measures or waits takes a `Clock`, so tests can own it. */
export interface Clock {
  /** Milliseconds since the epoch, as the database sees it. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

// setTimeout fires at once for a delay above 2^31 - 1 ms.
const LONGEST_TIMER_MS = 2_147_483_647;

export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    signal?.addEventListener('abort', done, { once: true });
  });
}

/**
 * The time of another machine (the database's) carried on by this process's monotonic timer: steps of the
 * local wall clock do not move it. Call `setTo` whenever the reference was read again.
 */
export class ReferenceClock implements Clock {
  #offsetMs: number;

  constructor(referenceMs = Date.now()) {
    this.#offsetMs = referenceMs - performance.now();
  }

  setTo(referenceMs: number): void {
    this.#offsetMs = referenceMs - performance.now();
  }

  now(): number {
    return Math.round(this.#offsetMs + performance.now());
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleep(ms, signal);
  }
}

/** A clock that tests move by hand. Sleepers wake, in order, when `advance` passes their time. */
export class FakeClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<{ at: number; wake: () => void }>();

  constructor(nowMs = Date.UTC(2026, 10, 21, 12)) {
    this.#now = nowMs;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const abort = () => {
        this.#sleepers.delete(sleeper);
        resolve();
      };
      const wake = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const sleeper = { at: this.#now + Math.max(0, ms), wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** When the next sleeper wakes (ms since the epoch); null when nobody sleeps. */
  nextAt(): number | null {
    let next: number | null = null;
    for (const { at } of this.#sleepers) if (next === null || at < next) next = at;
    return next;
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = [...this.#sleepers].filter((sleeper) => sleeper.at <= this.#now).sort((a, b) => a.at - b.at);
    for (const sleeper of due) {
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }
}
