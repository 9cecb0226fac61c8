/** Of each turn of the event loop; the rest is for those who send. */
const SLICE_MS = 4;

/**
 * Does work in the order in which it came, but only for a few milliseconds in each turn of the event loop: what else
 * this process does then waits for one slice, and not for all posts of a flood.
 */
export class Slices {
  #waiting: (() => void)[] = [];
  #isScheduled = false;
  readonly #elapsedMs: () => number;

  /** `elapsedMs` is what slices are measured with. */
  constructor(elapsedMs: () => number = () => performance.now()) {
    this.#elapsedMs = elapsedMs;
  }

  run<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    const end = this.#elapsedMs() + SLICE_MS;
    let done = 0;
    // One at least, however slow it is.
    do this.#waiting[done++]!();
    while (done < this.#waiting.length && this.#elapsedMs() < end);
    this.#waiting.splice(0, done);
    if (this.#waiting.length > 0) this.#schedule();
  }
}
