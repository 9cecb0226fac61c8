import type { Clock } from '../lib/clock.ts';

/** A sleep that others can end. A ring that finds nobody asleep ends the next sleep before it begins. */
export class Alarm {
  readonly #clock: Clock;
  #rung = false;
  #sleeper: AbortController | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rung = true;
    this.#sleeper?.abort();
  }

  /** Sleeps `ms` at most. True when it was ended by a ring. */
  async wait(ms: number): Promise<boolean> {
    if (!this.#rung && ms > 0) {
      this.#sleeper = new AbortController();
      await this.#clock.sleep(ms, this.#sleeper.signal);
      this.#sleeper = null;
    }
    const rung = this.#rung;
    this.#rung = false;
    return rung;
  }
}
