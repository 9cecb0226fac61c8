import { type Lane, priorityOf } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { type Claimed, type Queue, ROUTE, type Slice, type Turn, type Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import type { Connections } from '../tenants/index.ts';
import type { Gate } from './gate.ts';
import type { Gates } from './gates.ts';
import { expireWaiting } from './store.ts';
import type { Worker } from './worker.ts';

const POLL_MS = 2_000;
const AFTER_ERROR_MS = 1_000;
/** Slots that came free are gathered for this long, so that a claim is a batch and not a row. */
const GATHER_MS = 5;
const SLICES_PER_LANE = 64;
const LANE_SLOTS = 1_000;
const EXPIRE_BATCH = 500;

export interface DispatcherOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  wake: Wake;
  queue: Queue;
  gates: Gates;
  connections: Pick<Connections, 'forTenants'>;
  worker: Worker;
}

/**
 * Gives turns. A round asks for each lane which (tenant, connection) has due work, counts the permits of each
 * connection, and claims no more than can start at once; so nothing waits claimed, a dead connection holds up
 * nobody, and a tenant with a million messages gets its share like one with a single message.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  #agenda = new Map<Lane, Slice[]>();
  #agendaAt = 0;
  #signalled = true;
  #stop = new AbortController();
  /** Set while the loop rests; ends the rest. Most signals find it busy, and cost nothing then. */
  #rest: AbortController | null = null;
  /** A slot came free since the round began, so what the round found full may not be full any more. */
  #freed = false;
  /** A claim failed: PostgreSQL may have done it all the same. */
  #mayHoldUnheard = false;
  #done: Promise<void> = Promise.resolve();

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  start(): void {
    const off = this.#options.wake.on((topic) => {
      if (topic === ROUTE) return;
      this.#signalled = true;
      this.#rest?.abort();
    });
    this.#options.worker.onFreeSlot(() => {
      this.#freed = true;
      this.#rest?.abort();
    });
    this.#done = this.#run().finally(off);
  }

  /** Stops claiming; attempts under way go on in the worker. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#rest?.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        if (this.#mayHoldUnheard) {
          await this.#options.worker.releaseUnheard();
          this.#mayHoldUnheard = false;
        }
        if (this.#signalled || clock.now() >= this.#agendaAt) await this.#refresh();
        this.#freed = false;
        const claimed = await this.#round();
        if (claimed === 0 && !this.#signalled && !this.#freed) await this.#sleep();
        await clock.sleep(GATHER_MS, this.#stop.signal);
      } catch (error) {
        logger.error({ error }, 'claiming failed; trying again');
        this.#signalled = true;
        await clock.sleep(AFTER_ERROR_MS, this.#stop.signal);
      }
    }
  }

  /** Nothing could be started: rests until a signal, a free slot, a due time or an opening gate. */
  async #sleep(): Promise<void> {
    this.#rest = new AbortController();
    await this.#options.clock.sleep(this.#restMs(), this.#rest.signal);
    this.#rest = null;
  }

  async #refresh(): Promise<void> {
    const { queue, clock } = this.#options;
    this.#signalled = false;
    const slices = await queue.agenda(SLICES_PER_LANE);
    this.#agenda = Map.groupBy(slices, (slice) => slice.lane);
    this.#agendaAt = clock.now() + POLL_MS;
  }

  /** Claims once for every lane that has due work and free slots, high priority first. Returns how many started. */
  async #round(): Promise<number> {
    const lanes = [...this.#agenda.keys()].sort((a, b) => rank(a) - rank(b));
    const tenantIds = [
      ...new Set([...this.#agenda.values()].flatMap((slices) => slices.map((slice) => slice.tenantId))),
    ];
    if (tenantIds.length === 0) return 0;
    this.#options.gates.prepare(
      await this.#options.connections.forTenants(this.#options.store.engine, tenantIds),
    );
    // All have to be over before one that failed is looked after: what is under way must not be taken for unheard.
    const claims = await Promise.allSettled(lanes.map((lane) => this.#claim(lane)));
    const failed = claims.find((claim) => claim.status === 'rejected');
    if (failed) {
      this.#mayHoldUnheard = true;
      throw failed.reason;
    }
    return claims.reduce((sum, claim) => sum + (claim.status === 'fulfilled' ? claim.value : 0), 0);
  }

  async #claim(lane: Lane): Promise<number> {
    const turns = await this.#planTurns(lane);
    if (turns.length === 0) return 0;
    const { queue, worker } = this.#options;
    const reserved = new Map(turns.map((turn) => [sliceName(turn), turn.gate]));
    for (const turn of turns) turn.gate.reserve(turn.count);
    const claim = await queue.claim(lane, worker.id, turns).catch((error) => {
      for (const turn of turns) turn.gate.release(turn.count);
      throw error;
    });
    this.#settleTurns(lane, turns, claim.deliveries);
    if (claim.deliveries.length === 0) return 0;
    const gateOf = (claimed: Claimed) => reserved.get(sliceName(claimed))!;
    await worker.run(claim, gateOf).catch((error) => {
      // None was started: what it takes to start them could not be loaded.
      for (const claimed of claim.deliveries) gateOf(claimed).release(1);
      throw error;
    });
    return claim.deliveries.length;
  }

  /** How much each slice of a lane may start now: its connection's permits, and its share of the lane's free slots. */
  async #planTurns(lane: Lane): Promise<ReservedTurn[]> {
    const { clock, gates, worker } = this.#options;
    const now = clock.now();
    const due = this.#agenda.get(lane)!.filter((slice) => slice.dueAt <= now);
    let free = LANE_SLOTS - worker.inFlight(lane);
    const turns: ReservedTurn[] = [];
    for (const [i, slice] of due.entries()) {
      const gate = gates.of(slice.tenantId, slice.connection);
      const permits = gate.permits(now);
      if (permits === 0 && gate.isBroken) await this.#expire(slice, now);
      const share = Math.max(1, Math.floor(free / (due.length - i)));
      const count = Math.min(permits, share, free);
      if (count <= 0) continue;
      free -= count;
      turns.push({ tenantId: slice.tenantId, connection: slice.connection, count, gate });
    }
    return turns;
  }

  async #expire(slice: Slice, now: number): Promise<void> {
    await expireWaiting(this.#options.store.engine, slice, new Date(now), EXPIRE_BATCH);
    // Looked at again with the next agenda; until then there is nothing to do for it.
    slice.dueAt = this.#options.gates.of(slice.tenantId, slice.connection).opensAt(now);
  }

  /**
   * Gives back the permits that the claim did not use. A slice that gave less than it was asked for has nothing
   * more due: it leaves the agenda, and the next one tells when it has work again.
   */
  #settleTurns(lane: Lane, turns: ReservedTurn[], deliveries: Claimed[]): void {
    const got = new Map<string, number>();
    for (const claimed of deliveries) got.set(sliceName(claimed), (got.get(sliceName(claimed)) ?? 0) + 1);
    const drained = new Set<string>();
    for (const turn of turns) {
      const unused = turn.count - (got.get(sliceName(turn)) ?? 0);
      if (unused === 0) continue;
      turn.gate.release(unused);
      drained.add(sliceName(turn));
    }
    if (drained.size === 0) return;
    const left = this.#agenda.get(lane)?.filter((slice) => !drained.has(sliceName(slice))) ?? [];
    if (left.length > 0) this.#agenda.set(lane, left);
    else this.#agenda.delete(lane);
  }

  /** Until the next slice is due or its gate opens, at most until the next poll. */
  #restMs(): number {
    const { clock, gates } = this.#options;
    const now = clock.now();
    let until = this.#agendaAt;
    for (const slices of this.#agenda.values()) {
      for (const slice of slices) {
        const opensAt = gates.of(slice.tenantId, slice.connection).opensAt(now);
        // Due and open, but without a free slot: the worker interrupts this rest when one comes free.
        if (slice.dueAt > now || opensAt > now) until = Math.min(until, Math.max(slice.dueAt, opensAt));
      }
    }
    return Math.max(0, until - now);
  }
}

type ReservedTurn = Turn & { gate: Gate };

function sliceName(of: { tenantId: string; connection: string }): string {
  return `${of.tenantId}/${of.connection}`;
}

function rank(lane: Lane): number {
  return { high: 0, normal: 1, low: 2 }[priorityOf(lane)];
}
