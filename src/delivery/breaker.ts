const FIRST_BREAK_MS = 5_000;
const LONGEST_BREAK_MS = 300_000;
// On a trickle of traffic a row of troubles is all the evidence there will ever be. On a stream such a row comes by
// chance, even if only one call in ten meets trouble; a longer one does not.
const TROUBLES_IN_A_ROW = { trickle: 5, stream: 20 };
// On a stream, trouble (network faults, 5xx) breaks a connection when it is the rule and not the exception.
const WINDOW_MS = 30_000;
const MIN_CALLS = 20;
const TROUBLE_SHARE = 0.5;
/** What may flow after a probe went well: a connection that just came back is not hit by everything at once. */
const SHARES = [0.1, 0.25, 0.5];
const STAGE_MS = 10_000;
const STAGE_SUCCESSES = 10;
/** Trouble that is the rule, as above: a vendor with one error in ten must find its way back. */
const STAGE_TROUBLES = 3;

/** What other processes, and this one after a restart, need to know of a breaker. Times in ms since the epoch. */
export interface BreakerState {
  phase: 'closed' | 'open' | 'recovering';
  /** When it last changed; of two states the later one is right. */
  since: number;
  openUntil: number;
  breakMs: number;
  /** Index of the share that may flow while recovering. */
  stage: number;
}

/**
 * Keeps away from a connection that does not work. It opens at once when the vendor says the account is broken, after
 * five troubles in a row (twenty on a stream of calls), or when half of at least 20 calls in 30 s met trouble. An open breaker lets one probe through
 * after a while; each failed probe doubles the wait, up to five minutes. After a good probe a growing share may flow
 * (10, 25, 50 %, each for ten successes or ten seconds) until it is closed; trouble that is the rule opens it again.
 */
export class Breaker {
  #state: BreakerState;
  #windowStart = 0;
  #calls = 0;
  /** In the window before. */
  #callsBefore = 0;
  #troubles = 0;
  #troublesInARow = 0;
  #openedAt = 0;
  readonly #hanging: () => number;

  /** `hanging` counts the attempts under way that began before it opened; they must not hold up the probe. */
  constructor(hanging: () => number = () => 0) {
    this.#hanging = hanging;
    this.#state = { phase: 'closed', since: 0, openUntil: 0, breakMs: FIRST_BREAK_MS, stage: 0 };
  }

  /** True while it is open or probing: failover should look elsewhere. */
  get isOpen(): boolean {
    return this.#state.phase === 'open';
  }

  /** How long it keeps away from now on. */
  get breakMs(): number {
    return this.#state.breakMs;
  }

  /** Milliseconds since the epoch until which nothing may start; 0 when it is not open. */
  get openUntil(): number {
    return this.#state.phase === 'open' ? this.#state.openUntil : 0;
  }

  /** When it last opened (ms since the epoch): what attempts from before that time say is nothing new. */
  get openedAt(): number {
    return this.#openedAt;
  }

  /** The state at `now`; what recovers does so by time too. */
  at(now: number): BreakerState {
    this.#grow(now);
    return { ...this.#state };
  }

  /** Takes over what another process found out, unless this one knows something newer. */
  adopt(state: BreakerState): void {
    if (state.since <= this.#state.since) return;
    this.#state = { ...state };
    if (state.phase === 'open') this.#openedAt = state.since;
    this.#forget();
  }

  /** The share of the traffic that may come here: 0 while open (a probe apart), 1 while closed. */
  share(now: number): number {
    this.#grow(now);
    const { phase, stage } = this.#state;
    if (phase === 'recovering') return SHARES[stage]!;
    return phase === 'open' ? 0 : 1;
  }

  /** Attempts that may start at `now` when `inFlight` of `slots` are under way. */
  permits(now: number, inFlight: number, slots: number): number {
    const share = this.share(now);
    if (share === 1) return Number.POSITIVE_INFINITY;
    if (share > 0) return Math.max(0, Math.ceil(slots * share) - inFlight);
    return now >= this.#state.openUntil && inFlight <= this.#hanging() ? 1 : 0;
  }

  /** The vendor said that the account does not work, or nothing answers any more. */
  open(now: number): void {
    const { phase, openUntil, breakMs } = this.#state;
    // Answers of attempts that were under way when it opened say nothing new.
    if (phase === 'open' && now < openUntil) return;
    const nextMs = phase === 'closed' ? FIRST_BREAK_MS : Math.min(breakMs * 2, LONGEST_BREAK_MS);
    this.#change({ phase: 'open', openUntil: now + nextMs, breakMs: nextMs, stage: 0 }, now);
  }

  /** One call that reached the vendor, or met trouble on the way. */
  count(troubled: boolean, now: number): void {
    this.#grow(now);
    const { phase, openUntil } = this.#state;
    if (phase === 'open') {
      if (now < openUntil) return;
      if (troubled) this.open(now);
      else this.#change({ phase: 'recovering', stage: 0 }, now);
      return;
    }
    if (phase === 'closed' && now - this.#windowStart > WINDOW_MS) {
      this.#callsBefore = now - this.#windowStart > 2 * WINDOW_MS ? 0 : this.#calls;
      this.#windowStart = now;
      this.#calls = 0;
      this.#troubles = 0;
    }
    this.#calls++;
    this.#troublesInARow = troubled ? this.#troublesInARow + 1 : 0;
    if (troubled) this.#troubles++;
    if (phase === 'recovering') this.#judgeStage(troubled, now);
    else if (this.#isTooMuch()) this.open(now);
  }

  #isTooMuch(): boolean {
    const row =
      this.#callsBefore + this.#calls < MIN_CALLS ? TROUBLES_IN_A_ROW.trickle : TROUBLES_IN_A_ROW.stream;
    if (this.#troublesInARow >= row) return true;
    return this.#calls >= MIN_CALLS && this.#troubles >= this.#calls * TROUBLE_SHARE;
  }

  #judgeStage(troubled: boolean, now: number): void {
    const isRule = this.#troubles >= STAGE_TROUBLES && this.#troubles >= this.#calls * TROUBLE_SHARE;
    if (troubled && isRule) this.open(now);
    else if (this.#calls - this.#troubles >= STAGE_SUCCESSES) this.#nextStage(now);
  }

  /** Time heals too: on a trickle of traffic, ten successes would take for ever. */
  #grow(now: number): void {
    while (this.#state.phase === 'recovering' && now - this.#state.since >= STAGE_MS)
      this.#nextStage(this.#state.since + STAGE_MS);
  }

  #nextStage(now: number): void {
    const stage = this.#state.stage + 1;
    if (stage < SHARES.length) this.#change({ stage }, now);
    else this.#change({ phase: 'closed', openUntil: 0, breakMs: FIRST_BREAK_MS, stage: 0 }, now);
  }

  #change(change: Partial<BreakerState>, now: number): void {
    this.#state = { ...this.#state, ...change, since: Math.max(now, this.#state.since + 1) };
    if (change.phase === 'open') this.#openedAt = this.#state.since;
    this.#forget();
  }

  #forget(): void {
    this.#windowStart = 0;
    this.#calls = 0;
    this.#troubles = 0;
    this.#troublesInARow = 0;
  }
}
