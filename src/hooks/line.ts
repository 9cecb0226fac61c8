const MAX_IN_FLIGHT = 64;
const FAILURES_TO_PAUSE = 5;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * The calls of one hook in this process: so many at once, the others wait in a line. After some failures one behind the
 * other nobody calls for a while, and whoever stands in the line is let go; then a single call tries whether it is
 * better. So a hook that does not answer costs its time-out a few times a minute, not once for each message.
 */
export class HookLine {
  #inFlight = 0;
  #failures = 0;
  #pausedUntil = 0;
  readonly #waiting: (() => void)[] = [];

  /** Milliseconds until it may be called again; 0 when it may now. */
  pauseMs(now: number): number {
    return Math.max(0, this.#pausedUntil - now);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** True when there was a place. */
  tryEnter(): boolean {
    if (this.#inFlight >= this.#limit) return false;
    this.#inFlight++;
    return true;
  }

  /**
   * True when it is one's turn, or when a pause began: look at `pauseMs` again, and `leave` in any case. False when the
   * signal came first: then there is nothing to leave.
   */
  async enter(tooLate?: AbortSignal): Promise<boolean> {
    if (this.tryEnter()) return true;
    return new Promise((resolve) => {
      const letIn = () => resolve(true);
      this.#waiting.push(letIn);
      tooLate?.addEventListener('abort', () => {
        const at = this.#waiting.indexOf(letIn);
        if (at >= 0) this.#waiting.splice(at, 1);
        // Of no effect on who was let in already.
        resolve(false);
      });
    });
  }

  leave(): void {
    this.#inFlight--;
    this.#letIn();
  }

  succeed(): void {
    this.#failures = 0;
  }

  fail(now: number): void {
    // Calls that were under way when the pause began fail too: they say nothing new.
    if (this.#pausedUntil > now) return;
    this.#failures++;
    if (this.#failures < FAILURES_TO_PAUSE) return;
    const pauseMs = FIRST_PAUSE_MS * 2 ** Math.min(10, this.#failures - FAILURES_TO_PAUSE);
    this.#pausedUntil = now + Math.min(LONGEST_PAUSE_MS, pauseMs);
    const released = this.#waiting.splice(0);
    this.#inFlight += released.length;
    for (const goOn of released) goOn();
  }

  get #limit(): number {
    return this.#failures >= FAILURES_TO_PAUSE ? 1 : MAX_IN_FLIGHT;
  }

  #letIn(): void {
    while (this.#inFlight < this.#limit && this.#waiting.length > 0) {
      // The place is taken here: who is let in goes on only in a later turn.
      this.#inFlight++;
      this.#waiting.shift()!();
    }
  }
}
