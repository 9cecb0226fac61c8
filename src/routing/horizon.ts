/** What becomes due late (its commit took long, or its router died) is found by a look at everything this often. */
const FULL_LOOK_EVERY_MS = 2_000;
/** A commit may be this much later than the time it names, and is still seen by every look. */
const MARGIN_MS = 1_000;
const PRIORITIES = 3;

/**
 * From which due time on to look for work, for each priority. Routed rows leave dead entries at the front of the
 * index; until they are vacuumed away (never, while somebody holds an old snapshot) each look would step over all of
 * them. The oldest row of the last batch tells where the living ones begin.
 */
export class Horizon {
  readonly #oldest = new Array<number>(PRIORITIES).fill(0);
  #fullAt = 0;

  /** Due times (ms since the epoch) by priority; all 0 when it is time to look at everything. */
  since(now: number): number[] {
    if (now < this.#fullAt) return this.#oldest.map((oldest) => Math.max(0, oldest - MARGIN_MS));
    this.#fullAt = now + FULL_LOOK_EVERY_MS;
    return this.#oldest.map(() => 0);
  }

  /** A batch took everything older than what it took: `oldest` is the first due time in it, or now if it found none. */
  passed(priority: number, oldest: number): void {
    this.#oldest[priority] = oldest;
  }
}
