import type { Account } from './account.ts';

/** What a scenario may use, and how much it should do. */
export interface Plan {
  /** A PostgreSQL with the template database, shared by the scenarios that leave it alone. */
  clusterUrl: string;
  /** Settings that every process gets. */
  env: Record<string, string>;
  /** How many kills (or jumps, stops, restarts) this scenario makes. */
  kills: number;
  /** Processes at once. */
  fleet: number;
  /** The short form: fewer and shorter. */
  isQuick: boolean;
  /** A number in [0, 1) from the run's seed. */
  random(): number;
  log(line: string): void;
}

export interface Findings {
  kills: number;
  account: Account;
  /** What the scenario itself demands beyond the invariants of every account. */
  failures: string[];
  /** A word about what was done, for the table. */
  note: string;
}

export interface Scenario {
  /** The row of the kill matrix. */
  id: string;
  title: string;
  /** Of the kills that were asked for, beside the shares of the others in the same run; 0 when it makes a fixed, small number. */
  share: number;
  /** Why it cannot be run here, or null. */
  obstacle?(): string | null;
  run(plan: Plan): Promise<Findings>;
}

/** Small, seeded and good enough to vary a run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
