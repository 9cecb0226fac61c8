import type { Standing } from '../routing/index.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import { addTally, emptyTally, isDegraded, isEmpty, nextP95, scoreOf, type Tally } from './tally.ts';

const DEGRADED_SHARE = 0.25;
/** A dead peer that keeps its sockets open gives no answer at all; deadlines of a minute would be too late to notice. */
const SILENT_MS = 6_000;
const SILENT_CALLS = 3;
const SILENT_LATENCIES = 3;
/** A probe that was never heard of again is replaced after this time. */
const PROBE_LOST_MS = 15_000;

/** Health as the API shows it. Times in ms since the epoch. */
export interface HealthView extends BreakerState {
  /** 0 to 1. */
  score: number;
  share: number;
  tally: Tally;
}

/** What this process knows of one version of a connection, its own experience and what others have stored. */
export class Health {
  readonly breaker: Breaker;
  #stored: Tally;
  #fresh: Tally;
  #savedSince: number;
  #probeAt = 0;
  #lastAnswerAt = 0;
  readonly #startedAt = new Map<string, number>();

  constructor(now: number) {
    this.breaker = new Breaker(() => this.#startedBefore(this.breaker.openedAt));
    this.#stored = emptyTally(now);
    this.#fresh = emptyTally(now);
    this.#savedSince = this.breaker.at(now).since;
  }

  /** An attempt is on its way; `id` names it until `answer`. */
  start(id: string, now: number): void {
    this.#startedAt.set(id, now);
  }

  /** The end of an attempt, for the counts; the breaker learns it from the gate. */
  answer(id: string, { troubled, now }: { troubled: boolean; now: number }): void {
    const startedAt = this.#startedAt.get(id);
    this.#startedAt.delete(id);
    this.#fresh.calls++;
    if (troubled) {
      this.#fresh.troubles++;
      return;
    }
    this.#lastAnswerAt = now;
    if (startedAt === undefined) return;
    const estimate = this.#fresh.latencyP95Ms ?? this.#stored.latencyP95Ms;
    this.#fresh.latencyP95Ms = nextP95(estimate, now - startedAt);
  }

  /** An attempt that ended before anything was sent. */
  forget(id: string): void {
    this.#startedAt.delete(id);
  }

  /** What receipts said about messages that it had taken. */
  reported(delivered: number, undelivered: number): void {
    this.#fresh.delivered += delivered;
    this.#fresh.undelivered += undelivered;
  }

  /** Opens the breaker when several attempts have waited long and nothing at all came back since they began. */
  listen(now: number): void {
    if (this.breaker.isOpen) return;
    const patienceMs = Math.max(SILENT_MS, (this.#stored.latencyP95Ms ?? 0) * SILENT_LATENCIES);
    let silent = 0;
    for (const startedAt of this.#startedAt.values()) {
      if (startedAt > this.#lastAnswerAt && now - startedAt >= patienceMs) silent++;
    }
    if (silent >= SILENT_CALLS) this.breaker.open(now);
  }

  #startedBefore(time: number): number {
    return this.#startedAt.values().reduce((sum, startedAt) => (startedAt < time ? sum + 1 : sum), 0);
  }

  standing(now: number): Standing {
    const share = this.breaker.share(now);
    if (share === 0) {
      const { openUntil } = this.breaker;
      const isTaken = this.#probeAt >= openUntil && now - this.#probeAt < PROBE_LOST_MS;
      return { share, probe: now >= openUntil && !isTaken, why: 'breaker_open' };
    }
    if (share < 1) return { share, probe: false, why: 'recovering' };
    const degraded = isDegraded(addTally(this.#stored, this.#fresh, now));
    return degraded
      ? { share: DEGRADED_SHARE, probe: false, why: 'degraded' }
      : { share, probe: false, why: null };
  }

  /** The probe is on its way: until it is heard of, nothing else is sent here. */
  takeProbe(now: number): void {
    this.#probeAt = now;
  }

  view(now: number): HealthView {
    const tally = addTally(this.#stored, this.#fresh, now);
    return { ...this.breaker.at(now), score: scoreOf(tally), share: this.breaker.share(now), tally };
  }

  /** True when the breaker has changed since the last save: others should know soon. */
  hasTurned(now: number): boolean {
    return this.breaker.at(now).since !== this.#savedSince;
  }

  hasCounted(): boolean {
    return !isEmpty(this.#fresh);
  }

  /** What is to be saved; from now on it counts as stored. */
  takeChanges(now: number): { state: BreakerState; added: Tally } {
    const state = this.breaker.at(now);
    const added = { ...this.#fresh, countedAt: now };
    this.#stored = addTally(this.#stored, added, now);
    this.#fresh = emptyTally(now);
    this.#savedSince = state.since;
    return { state, added };
  }

  /** The save failed: next time again. */
  restore(added: Tally): void {
    this.#fresh = addTally(added, this.#fresh, added.countedAt);
    this.#savedSince = Number.NEGATIVE_INFINITY;
  }

  /** What all processes together have stored. */
  adopt(state: BreakerState, tally: Tally): void {
    const isNews = state.since > this.breaker.at(state.since).since;
    this.breaker.adopt(state);
    if (isNews) this.#savedSince = state.since;
    this.#stored = tally;
  }
}
