import { Sweep } from '../../src/delivery/index.ts';
import { scheduleFor } from '../../src/delivery/retry.ts';
import { type SettledOutcome, settle } from '../../src/delivery/settle.ts';
import { type Result, saveHeartbeat, writeResults } from '../../src/delivery/store.ts';
import { cancelDeliveries } from '../../src/ledger/index.ts';
import { replayDeliveries } from '../../src/ledger/problem-store.ts';
import { insertDelivery, insertNotification } from '../../src/ledger/testing.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { accepted, rejected, retry, unknown } from '../../src/providers/index.ts';
import { type Claimed, createPostgresQueue, type Queue, Wake } from '../../src/queue/index.ts';
import type { Store } from '../../src/store/index.ts';
import { applyReceipts } from '../../src/tracking/index.ts';
import { TENANT } from '../support/ledger.ts';
import { plainTenants } from '../support/plain-tenants.ts';
import type { End, Model, ModelRow, Started } from './delivery-model.ts';

const OUTCOMES: Record<End, SettledOutcome> = {
  accepted: accepted('m') as SettledOutcome,
  rejected: rejected('content_refused') as SettledOutcome,
  retry: retry('provider_error') as SettledOutcome,
  unknown: unknown('timeout') as SettledOutcome,
};

/** The same steps as the model's, by the statements that Bellhop runs. */
export class Ledger {
  now: number;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #queue: Queue;
  readonly #sweep: Sweep;
  readonly #claimed = new Map<string, Claimed>();
  #deliveries: { id: string; notificationId: string }[] = [];
  #worker = '';
  #receipts = 0;

  constructor(store: Store, now: number) {
    this.now = now;
    this.#store = store;
    this.#clock = { now: () => this.now, sleep: async () => {} };
    this.#queue = createPostgresQueue(store.engine, this.#clock);
    this.#sweep = new Sweep({
      store: { ...store, clock: this.#clock, syncClock: async () => {} },
      clock: this.#clock,
      wake: new Wake(),
      logger: silentLogger,
      housekeeping: async () => {},
      categories: plainTenants.categories,
    });
  }

  async fill(rows: ModelRow[]): Promise<void> {
    await this.#store.engine.query('truncate deliveries, notifications, claims, workers, attempts, receipts');
    const store = { ...this.#store, clock: this.#clock };
    for (const { mayRepeat } of rows) {
      const category = mayRepeat ? 'transactional' : 'marketing';
      const notificationId = await insertNotification(store, TENANT, { category });
      const id = await insertDelivery(store, TENANT, { notification_id: notificationId, expires_at: null });
      this.#deliveries.push({ id, notificationId });
    }
    await this.#newWorker();
  }

  async claim(): Promise<number[]> {
    const turn = { tenantId: TENANT, connection: 'texts', count: 100 };
    const { deliveries } = await this.#queue.claim('sms.normal', this.#worker, [turn]);
    return deliveries.map((claimed) => {
      const row = this.#deliveries.findIndex(({ id }) => id === claimed.id);
      this.#claimed.set(`${row}/${claimed.attempt}`, claimed);
      return row;
    });
  }

  async end(started: Started, how: End): Promise<boolean> {
    const claimed = this.#claimed.get(`${started.row}/${started.attempt}`)!;
    const settlement = settle(OUTCOMES[how], {
      now: this.now,
      random: 0,
      retries: claimed.retries,
      expiresAt: claimed.expiresAt,
      schedule: scheduleFor('sms', 'normal'),
      category: { evidenceMs: 10_000 },
      alternative: null,
      connection: 'texts',
      choice: null,
      patience: 2,
      breakMs: 0,
    });
    const times = { startedAt: this.now, latencyMs: 0, finishedAt: this.now };
    const result: Result = { claimed, settlement, outcome: how, detail: null, ...times };
    return (await writeResults(this.#store.engine, [result])).has(claimed.id);
  }

  async cancel(i: number): Promise<void> {
    const { notificationId } = this.#deliveries[i]!;
    await this.#store.scoped(TENANT, (db) =>
      cancelDeliveries(db, TENANT, notificationId, new Date(this.now)),
    );
  }

  async replay(i: number): Promise<void> {
    const replay = {
      ids: [this.#deliveries[i]!.id],
      dueAt: [new Date(this.now)],
      entry: {
        at: new Date(this.now).toISOString(),
        action: 'replay' as const,
        as: 'queued',
        by: { key: 'k', name: null },
      },
      expiresAt: new Date(this.now + 9e9),
    };
    await this.#store.scoped(TENANT, (db) => replayDeliveries(db, TENANT, true, replay));
  }

  async receipt(i: number, event: 'delivered' | 'failed'): Promise<void> {
    const { id } = this.#deliveries[i]!;
    const from = { tenantId: TENANT, connection: 'texts', now: this.now };
    const eventKey = `receipt ${++this.#receipts}`;
    const receipt = { event, deliveryId: id, providerMessageId: 'm', at: this.now, eventKey };
    await this.#store.scoped(TENANT, (db) => applyReceipts(db, from, [receipt]));
  }

  async workerDies(): Promise<void> {
    await this.#store.engine.query('update workers set heartbeat_at = $1', [new Date(0)]);
    await this.#sweep.sweepOnce();
    await this.#newWorker();
  }

  async sweep(): Promise<void> {
    await this.#beat();
    await this.#sweep.sweepOnce();
  }

  /** The rows in the model's words; `problem` and `finished_at` are looked at as well. */
  async rows(model: Model) {
    const { rows } = await this.#store.engine.query(
      `select state, attempt, retries, due_at, decide_at, cancel_requested, problem, finished_at
         from deliveries where id = any($1::uuid[]) order by array_position($1::uuid[], id)`,
      [this.#deliveries.map(({ id }) => id)],
    );
    return rows.map((row, i) => ({
      state: row.state,
      attempt: row.attempt,
      retries: row.retries,
      dueAt: row.due_at?.getTime() ?? null,
      decideAt: row.decide_at?.getTime() ?? null,
      cancelRequested: row.cancel_requested,
      mayRepeat: model.rows[i]!.mayRepeat,
      isGuess: model.rows[i]!.isGuess,
      problem: row.problem,
      isFinished: row.finished_at !== null,
    }));
  }

  async #newWorker(): Promise<void> {
    this.#worker = uuidv7(this.now);
    await this.#beat();
  }

  async #beat(): Promise<void> {
    const worker = { id: this.#worker, host: 'h', startedAt: new Date(this.now) };
    await saveHeartbeat(this.#store.engine, worker, { now: new Date(this.now), aliveSince: new Date(0) });
  }
}
