import type { Limits } from '../providers/index.ts';

/** What an attempt taught about its connection. */
export type Lesson = 'healthy' | 'troubled' | 'broken' | { pauseMs: number };

const FIRST_BREAK_MS = 5_000;
const LONGEST_BREAK_MS = 300_000;
// Trouble (network faults, 5xx) breaks a connection when it is the rule and not the exception.
const WINDOW_MS = 30_000;
const MIN_CALLS = 20;
const TROUBLE_SHARE = 0.5;

/**
 * The permits of one connection: how many attempts may start now. Slots in flight, the declared rate, pauses that
 * the vendor asked for, and a breaker that opens at once when the vendor says the account is broken, or when half
 * of at least 20 calls in 30 s met trouble. An open breaker lets one probe through after a while; each failed
 * probe doubles the wait, up to five minutes.
 */
export class Gate {
  readonly #limits: Limits;
  #inFlight = 0;
  #tokens: number;
  #refilledAt: number;
  #pausedUntil = 0;
  #openUntil = 0;
  #breakMs = FIRST_BREAK_MS;
  #isOpen = false;
  #windowStart = 0;
  #calls = 0;
  #troubles = 0;

  constructor(limits: Limits, now: number) {
    this.#limits = limits;
    this.#tokens = limits.ratePerSecond ?? 0;
    this.#refilledAt = now;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Attempts that may start at `now` (ms). */
  permits(now: number): number {
    if (now < this.#pausedUntil || now < this.#openUntil) return 0;
    const slots = this.#limits.maxInFlight - this.#inFlight;
    if (this.#isOpen) return this.#inFlight === 0 ? 1 : 0;
    if (this.#limits.ratePerSecond === undefined) return slots;
    this.#refill(now, this.#limits.ratePerSecond);
    return Math.min(slots, Math.floor(this.#tokens));
  }

  /** When permits may be had again (ms since epoch); `now` when there are some or only slots are missing. */
  opensAt(now: number): number {
    const blockedUntil = Math.max(this.#pausedUntil, this.#openUntil);
    if (blockedUntil > now) return blockedUntil;
    const rate = this.#limits.ratePerSecond;
    if (rate === undefined) return now;
    this.#refill(now, rate);
    return this.#tokens >= 1 ? now : now + Math.ceil(((1 - this.#tokens) / rate) * 1000);
  }

  /** True while the breaker is open or probing: failover should look elsewhere. */
  get isBroken(): boolean {
    return this.#isOpen;
  }

  /** How long the breaker keeps away from now on. */
  get breakMs(): number {
    return this.#breakMs;
  }

  /** Takes permits before a claim; what the claim did not use is given back with `release`. */
  reserve(count: number): void {
    this.#inFlight += count;
    this.#tokens -= count;
  }

  release(count: number): void {
    this.#inFlight -= count;
    this.#tokens += count;
  }

  finish(lesson: Lesson, now: number): void {
    this.#inFlight--;
    if (typeof lesson === 'object') this.#pausedUntil = Math.max(this.#pausedUntil, now + lesson.pauseMs);
    else if (lesson === 'broken') this.#open(now);
    else this.#count(lesson === 'troubled', now);
  }

  /** An attempt that ended before anything was sent. */
  abandon(): void {
    this.#inFlight--;
  }

  #count(troubled: boolean, now: number): void {
    if (this.#isOpen) {
      if (troubled) this.#open(now);
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
    if (this.#calls >= MIN_CALLS && this.#troubles >= this.#calls * TROUBLE_SHARE) this.#open(now);
  }

  #open(now: number): void {
    // Answers of attempts that were under way when it opened say nothing new.
    if (this.#isOpen && now < this.#openUntil) return;
    this.#breakMs = this.#isOpen ? Math.min(this.#breakMs * 2, LONGEST_BREAK_MS) : FIRST_BREAK_MS;
    this.#isOpen = true;
    this.#openUntil = now + this.#breakMs;
  }

  #close(): void {
    this.#isOpen = false;
    this.#openUntil = 0;
    this.#breakMs = FIRST_BREAK_MS;
    this.#calls = 0;
    this.#troubles = 0;
  }

  #refill(now: number, rate: number): void {
    this.#tokens = Math.min(rate, this.#tokens + ((now - this.#refilledAt) / 1000) * rate);
    this.#refilledAt = now;
  }
}
