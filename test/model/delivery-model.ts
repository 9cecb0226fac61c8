import type { DeliveryState } from '../../src/ledger/index.ts';

/** What an attempt may end with; the vendor's own words do not matter here. */
export type End = 'accepted' | 'rejected' | 'retry' | 'unknown';

// Of SMS at normal priority, without jitter.
const RETRIES_MS = [60_000, 300_000, 900_000, 3_600_000];
const EVIDENCE_MS = 10_000;

/** A delivery, as it must be. */
export interface ModelRow {
  state: DeliveryState;
  attempt: number;
  retries: number;
  dueAt: number | null;
  decideAt: number | null;
  cancelRequested: boolean;
  mayRepeat: boolean;
  /** What it is now was only supposed when its outcome was unknown; a receipt may still know better. */
  isGuess: boolean;
}

/** One attempt that some worker believes to be its own. */
export interface Started {
  row: number;
  attempt: number;
  worker: number;
}

/** The state machine in plain words, written without a look at the code: the database must do the same. */
export class Model {
  now: number;
  rows: ModelRow[];
  started: Started[] = [];
  workers = 1;

  constructor(now: number, mayRepeat: boolean[]) {
    this.now = now;
    this.rows = mayRepeat.map((may) => ({
      state: 'queued',
      attempt: 0,
      retries: 0,
      dueAt: now,
      decideAt: null,
      cancelRequested: false,
      mayRepeat: may,
      isGuess: false,
    }));
  }

  claim(): number[] {
    const due = this.rows.flatMap((row, i) => (row.dueAt !== null && row.dueAt <= this.now ? [i] : []));
    for (const i of due) {
      const row = this.rows[i]!;
      Object.assign(row, { state: 'sending', attempt: row.attempt + 1, dueAt: null });
      this.started.push({ row: i, attempt: row.attempt, worker: this.workers });
    }
    return due;
  }

  /** False when the attempt was given up or ended already: nothing changes then, however often it is written. */
  end(started: Started, how: End): boolean {
    const row = this.rows[started.row]!;
    if (row.state !== 'sending' || row.attempt !== started.attempt) return false;
    row.isGuess = false;
    if (how === 'accepted') this.#set(row, 'sent');
    if (how === 'rejected') this.#set(row, 'failed');
    if (how === 'unknown') this.#set(row, 'unknown', { decideAt: this.now + EVIDENCE_MS });
    if (how === 'retry') {
      const waitMs = RETRIES_MS[row.retries];
      if (waitMs === undefined) this.#set(row, 'dead');
      else {
        row.retries++;
        if (row.cancelRequested) this.#set(row, 'cancelled');
        else this.#set(row, 'queued', { dueAt: this.now + waitMs });
      }
    }
    return true;
  }

  cancel(i: number): void {
    const row = this.rows[i]!;
    if (!['queued', 'sending', 'unknown'].includes(row.state)) return;
    row.cancelRequested = true;
    if (row.state === 'queued') this.#set(row, 'cancelled');
  }

  replay(i: number): void {
    const row = this.rows[i]!;
    if (row.state !== 'dead' && row.state !== 'failed') return;
    Object.assign(row, { retries: 0, cancelRequested: false });
    this.#set(row, 'queued', { dueAt: this.now });
  }

  receipt(i: number, event: 'delivered' | 'failed'): void {
    const row = this.rows[i]!;
    const open = row.state === 'sending' || row.state === 'unknown';
    const isGuess = row.isGuess && ['queued', 'failed', 'dead'].includes(row.state);
    if (event === 'failed' && (open || row.state === 'sent')) this.#learn(row, 'failed');
    if (event === 'delivered' && (open || isGuess)) this.#learn(row, 'sent');
  }

  /** The worker is dead, and a new one takes its place. What it had started is unknown from now on. */
  workerDies(): void {
    for (const { row: i, attempt, worker } of this.started) {
      const row = this.rows[i]!;
      if (worker === this.workers && row.state === 'sending' && row.attempt === attempt)
        this.#set(row, 'unknown', { decideAt: this.now + EVIDENCE_MS });
    }
    this.workers++;
    this.sweep();
  }

  sweep(): void {
    for (const row of this.rows) {
      if (row.decideAt === null || row.decideAt > this.now) continue;
      row.isGuess = true;
      if (row.cancelRequested) this.#set(row, 'cancelled');
      else if (!row.mayRepeat) this.#set(row, 'failed');
      else if (row.retries >= RETRIES_MS.length) this.#set(row, 'dead');
      else {
        row.retries++;
        this.#set(row, 'queued', { dueAt: this.now });
      }
    }
  }

  #learn(row: ModelRow, state: DeliveryState): void {
    row.isGuess = false;
    this.#set(row, state);
  }

  #set(row: ModelRow, state: DeliveryState, times: { dueAt?: number; decideAt?: number } = {}): void {
    row.state = state;
    row.dueAt = times.dueAt ?? null;
    row.decideAt = times.decideAt ?? null;
  }
}
