import { FakeClock } from '../../src/lib/clock.ts';
import { setIdSource } from '../../src/lib/ids.ts';
import type { Receipt } from '../../src/providers/index.ts';
import { ensurePartitions, type Store } from '../../src/store/index.ts';
import { applyReceipts } from '../../src/tracking/index.ts';
import { connectionsReadBy } from './accounts.ts';
import { EventLog } from './event-log.ts';
import { Lifeline } from './lifeline.ts';
import { SimulatedProcess } from './process.ts';
import { type Busy, createProcessStore, type DatabaseFaults } from './process-store.ts';
import { SeededRandom } from './random.ts';
import { type Sending, Vendors } from './vendors.ts';

/** Turns of the event loop without any work after which nothing moves before time does. */
const QUIET_TURNS = 4;

/** One database, several processes, the vendors, and the only clock. */
export class World {
  readonly clock = new FakeClock();
  readonly startedAt = this.clock.now();
  readonly log = new EventLog(this.clock);
  readonly random: SeededRandom;
  readonly vendors: Vendors;
  readonly faults: DatabaseFaults = { refused: 0.002, answerLost: 0.002, stalled: 0.001 };
  /** Deliveries that a receipt reported as failed. */
  readonly bounced = new Set<string>();
  processes: SimulatedProcess[] = [];
  /** Without crashes and faults, as an operator or a vendor's callback reaches it. */
  readonly store: Store;
  readonly #seed: number;
  readonly #raw: Store;
  readonly #busy: Busy = { count: 0 };
  #started = 0;

  constructor(store: Store, seed: number) {
    this.#seed = seed;
    this.#raw = store;
    this.random = new SeededRandom(seed, 'world');
    setIdSource(new SeededRandom(seed, 'ids').fill);
    this.vendors = new Vendors({
      clock: this.clock,
      random: new SeededRandom(seed, 'vendors'),
      log: this.log,
      onAccepted: (sending) => void this.#report(sending),
    });
    this.store = this.#storeOf(new Lifeline('outside', this.clock, this.random), {
      refused: 0,
      answerLost: 0,
      stalled: 0,
    });
  }

  prepare(): Promise<void> {
    return ensurePartitions(this.#raw.engine, this.clock.now());
  }

  /** Starts one more process; it is ready when the clock moved on a little. */
  startProcess(): SimulatedProcess {
    const name = `p${++this.#started}`;
    const random = new SeededRandom(this.#seed, name);
    const lifeline = new Lifeline(name, this.clock, random);
    const process = new SimulatedProcess({
      lifeline,
      store: this.#storeOf(lifeline, this.faults),
      random,
      vendors: this.vendors,
      connections: connectionsReadBy(random),
    });
    lifeline.onDeath(() => {
      this.processes = this.processes.filter((other) => other !== process);
      this.log.add('dead', name);
    });
    this.processes.push(process);
    this.log.add('start', name);
    // Whatever cannot reach its database at the start ends, and is started again by whoever looks after it.
    process.start().catch(() => lifeline.crash());
    return process;
  }

  /** Lets so much time pass, moment by moment: at each, everything that can happen happens before the next. */
  async pass(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    for (;;) {
      await this.#calm();
      const next = this.clock.nextAt();
      if (next === null || next > until) break;
      this.clock.advance(next - this.clock.now());
    }
    this.clock.advance(until - this.clock.now());
    await this.#calm();
  }

  /** Waits for work that needs time to pass. */
  async until<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const done = () => {
      over = true;
    };
    work.then(done, done);
    for (let i = 0; !over; i++) {
      await this.#calm();
      if (over) break;
      const next = this.clock.nextAt();
      if (next === null || i > 1_000_000) throw new Error('what is waited for can not happen any more');
      this.clock.advance(next - this.clock.now());
    }
    return work;
  }

  async #calm(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet = this.#busy.count > 0 ? 0 : quiet + 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #storeOf(lifeline: Lifeline, faults: DatabaseFaults): Store {
    const random = new SeededRandom(this.#seed, `${lifeline.name} database`);
    return createProcessStore(this.#raw, { lifeline, random, faults, busy: this.#busy });
  }

  /** Some accepted messages are reported on: before the sender heard the answer, long after, twice, or never. */
  async #report(sending: Sending): Promise<void> {
    const { clock, random, log } = this;
    if (sending.provider !== 'twilio' || random.chance(0.4)) return;
    const failed = random.chance(0.15);
    const tenantId = await this.#tenantOf(sending.deliveryId);
    await clock.sleep(random.pick([0, 1, 3, 50, 2_000, 9_000, 20_000, 120_000]));
    const receipt: Receipt = {
      event: failed ? 'failed' : 'delivered',
      deliveryId: sending.deliveryId,
      providerMessageId: `SM${sending.deliveryId.replaceAll('-', '')}`,
      at: clock.now(),
      eventKey: `${sending.deliveryId}:${sending.attempt}:${failed}`,
    };
    for (let times = random.chance(0.1) ? 2 : 1; times > 0; times--) {
      const from = { tenantId, connection: sending.connection, now: clock.now() };
      const applied = (await this.store.scoped(tenantId, (db) => applyReceipts(db, from, [receipt]))).fresh
        .length;
      if (failed && applied > 0) this.bounced.add(sending.deliveryId);
      log.add('receipt', receipt.event, sending.deliveryId, sending.attempt, applied);
    }
  }

  async #tenantOf(deliveryId: string): Promise<string> {
    const { rows } = await this.store.engine.query('select tenant_id from deliveries where id = $1', [
      deliveryId,
    ]);
    return rows[0].tenant_id;
  }
}
