import type { Clock } from '../lib/clock.ts';
import { RateWindow } from '../lib/rate-window.ts';

export interface AdmissionLimits {
  /** Posts under way at once. */
  maxPosts: number;
  /** Posts a second of one connection; 0 is no limit. */
  postsPerSecond: number;
}

/** A flood of large posts must not fill the memory: of all that are under way together. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Lets posts in before anything of them is read: what is over a limit costs next to nothing, and the vendor comes again. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #rates: RateWindow;
  #posts = 0;
  #bytes = 0;

  constructor(limits: AdmissionLimits, clock: Clock) {
    this.#limits = limits;
    this.#rates = new RateWindow(limits.postsPerSecond, clock);
  }

  /** Posts under way. */
  get posts(): number {
    return this.#posts;
  }

  /** What is too much, or what gives the place free again, once. `bytes`: of its body, at most. */
  enter(connection: string, bytes: number): 'full' | 'rate' | (() => void) {
    if (this.#posts >= this.#limits.maxPosts || this.#bytes + bytes > MAX_BYTES) return 'full';
    if (!this.#rates.count(connection)) return 'rate';
    this.#posts++;
    this.#bytes += bytes;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#posts--;
      this.#bytes -= bytes;
    };
  }
}
