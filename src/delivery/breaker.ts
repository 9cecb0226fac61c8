const FIRST_BREAK_MS = 5_000;
const LONGEST_BREAK_MS = 300_000;
// Trouble (network faults, 5xx) breaks a connection when it is the rule and not the exception.
const WINDOW_MS = 30_000;
const MIN_CALLS = 20;
const TROUBLE_SHARE = 0.5;

/**
 * Keeps away from a connection that does not work. It opens at once when the vendor says the account is broken, or
 * when half of at least 20 calls in 30 s met trouble. An open breaker lets one probe through after a while; each
 * failed probe doubles the wait, up to five minutes.
 */
export class Breaker {
  #openUntil = 0;
  #breakMs = FIRST_BREAK_MS;
  #isOpen = false;
  #windowStart = 0;
  #calls = 0;
  #troubles = 0;

  /** True while it is open or probing: failover should look elsewhere. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How long it keeps away from now on. */
  get breakMs(): number {
    return this.#breakMs;
  }

  /** Milliseconds since the epoch until which nothing may start. */
  get openUntil(): number {
    return this.#openUntil;
  }

  /** Attempts that may start at `now` when `inFlight` are under way. */
  permits(now: number, inFlight: number): number {
    if (!this.#isOpen) return Number.POSITIVE_INFINITY;
    return now >= this.#openUntil && inFlight === 0 ? 1 : 0;
  }

  /** The vendor said that the account does not work. */
  open(now: number): void {
    // Answers of attempts that were under way when it opened say nothing new.
    if (this.#isOpen && now < this.#openUntil) return;
    this.#breakMs = this.#isOpen ? Math.min(this.#breakMs * 2, LONGEST_BREAK_MS) : FIRST_BREAK_MS;
    this.#isOpen = true;
    this.#openUntil = now + this.#breakMs;
  }

  /** One call that reached the vendor, or met trouble on the way. */
  count(troubled: boolean, now: number): void {
    if (this.#isOpen) {
      if (troubled) this.open(now);
      else this.#close();
      return;
    }
    if (now - this.#windowStart > WINDOW_MS) {
      this.#windowStart = now;
      this.#calls = 0;
      this.#troubles = 0;
    }
    this.#calls++;
    if (troubled) this.#troubles++;
    if (this.#calls >= MIN_CALLS && this.#troubles >= this.#calls * TROUBLE_SHARE) this.open(now);
  }

  #close(): void {
    this.#isOpen = false;
    this.#openUntil = 0;
    this.#breakMs = FIRST_BREAK_MS;
    this.#calls = 0;
    this.#troubles = 0;
  }
}
