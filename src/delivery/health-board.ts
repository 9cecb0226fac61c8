import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Wake } from '../queue/index.ts';
import type { Standing } from '../routing/index.ts';
import type { Store } from '../store/index.ts';
import { Health } from './health.ts';
import { loadHealthSince, type StoredHealth, saveHealth } from './health-store.ts';
import { Stir } from './stir.ts';

const TICK_MS = 1_000;
const COUNTS_EVERY_MS = 5_000;
/** Rows whose commit took this long are still seen by the next look. */
const OVERLAP_MS = 5_000;
/** What is older says nothing about today: the longest break lasts five minutes. */
const LOOK_BACK_MS = 3_600_000;

/** A connection as it is configured now; a changed one begins with a clean record, since new credentials may heal it. */
export interface Subject {
  tenantId: string;
  id: string;
  /** Milliseconds since the epoch of its last change. */
  updatedAt: number;
}

export interface HealthBoardOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  /** While nothing stirs, what others found out is read less often; without it, every second. */
  wake?: Pick<Wake, 'on' | 'isComplete'>;
  /** This process is the only one of its database: nobody else can have found out anything. */
  isAlone?: boolean;
}

/**
 * The health of all connections as this process knows it, one record for each. It saves what changed (a breaker that
 * turned within a second, counts every five) and reads what others saved, so that all processes soon know what one
 * found out, and a restart forgets nothing.
 */
export class HealthBoard {
  readonly #options: HealthBoardOptions;
  readonly #stir: Stir;
  readonly #records = new Map<string, { subject: Subject; health: Health }>();
  /** What others saved about connections that this process has not met yet. */
  readonly #stored = new Map<string, StoredHealth>();
  #readSince: number;
  #countsAt = 0;
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(options: HealthBoardOptions) {
    this.#options = options;
    this.#stir = new Stir(options.clock, options.wake);
    this.#readSince = options.clock.now() - LOOK_BACK_MS;
  }

  /** Reads what is stored, then keeps saving and reading until `stop`. */
  async start(): Promise<void> {
    await this.#read();
    this.#done = this.#run();
  }

  /** Saves the rest. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#stir.close();
    await this.#done;
    await this.#save(true);
  }

  of(subject: Subject): Health {
    const name = `${subject.tenantId}/${subject.id}`;
    const known = this.#records.get(name);
    if (known && known.subject.updatedAt >= subject.updatedAt) return known.health;
    const health = new Health(this.#options.clock.now());
    const stored = this.#stored.get(name);
    if (stored?.version === subject.updatedAt) health.adopt(stored.state, stored.tally);
    this.#records.set(name, { subject, health });
    return health;
  }

  standing(subject: Subject): Standing {
    return this.of(subject).standing(this.#options.clock.now());
  }

  takeProbe(subject: Subject): void {
    this.of(subject).takeProbe(this.#options.clock.now());
  }

  /** Connections that nothing may be sent over now, not even a probe. */
  broken(now: number): Subject[] {
    return [...this.#records.values()].flatMap(({ subject, health }) =>
      health.breaker.openUntil > now ? [subject] : [],
    );
  }

  /** One round: notices silence, saves what changed, reads what others saved. */
  async tick(): Promise<void> {
    await this.#listen();
    await this.#read();
  }

  /** What this process saved it reads again too: only then it is added to what all know. */
  async #turn(): Promise<void> {
    const hasSaved = await this.#listen();
    if (hasSaved) this.#stir.note();
    if (hasSaved || (!this.#options.isAlone && this.#stir.takeTurn())) await this.#read();
  }

  /** Notices silence and saves what changed; false when nothing did. */
  #listen(): Promise<boolean> {
    const now = this.#options.clock.now();
    for (const { health } of this.#records.values()) health.listen(now);
    const withCounts = now >= this.#countsAt;
    if (withCounts) this.#countsAt = now + COUNTS_EVERY_MS;
    return this.#save(withCounts);
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      await clock.sleep(TICK_MS, this.#stop.signal);
      await this.#turn().catch((error) => logger.warn({ error }, 'health could not be saved or read'));
    }
  }

  async #save(withCounts: boolean): Promise<boolean> {
    const now = this.#options.clock.now();
    const changed = [...this.#records.values()].flatMap(({ subject, health }) => {
      const isDue = health.hasTurned(now) || (withCounts && health.hasCounted());
      // The simulator's and the built-in connections have no row, and nobody else needs to know.
      if (!isDue || subject.updatedAt === 0) return [];
      const { tenantId, id, updatedAt } = subject;
      const hasTurned = health.hasTurned(now);
      const { state, added } = health.takeChanges(now);
      if (hasTurned) {
        const fields = { tenant: tenantId, connection: id, breaker: state.phase, breakMs: state.breakMs };
        this.#options.logger.info(fields, 'the breaker of a connection turned');
      }
      return [{ health, row: { tenantId, connection: id, version: updatedAt, state, tally: added } }];
    });
    const rows = changed.map(({ row }) => row);
    await saveHealth(this.#options.store.engine, rows, new Date(now)).catch((error) => {
      for (const { health, row } of changed) health.restore(row.tally);
      throw error;
    });
    return rows.length > 0;
  }

  async #read(): Promise<void> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const changed = await loadHealthSince(store.engine, new Date(this.#readSince));
    if (changed.length > 0) this.#stir.note();
    for (const stored of changed) {
      const name = `${stored.tenantId}/${stored.connection}`;
      this.#stored.set(name, stored);
      const known = this.#records.get(name);
      if (known?.subject.updatedAt === stored.version) known.health.adopt(stored.state, stored.tally);
    }
    this.#readSince = now - OVERLAP_MS;
  }
}
