import { type Lane, priorityOf } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Queue, Slice } from '../queue/index.ts';
import { TEST_PREFIX } from '../routing/index.ts';
import type { Queryable } from '../store/index.ts';
import { type LoopBeat, type Metrics, UNWATCHED } from '../telemetry/index.ts';
import type { Connections } from '../tenants/index.ts';
import { Alarm } from './alarm.ts';
import { countExpired } from './counts.ts';
import type { Gate } from './gate.ts';
import type { Gates } from './gates.ts';
import { expireWaiting } from './store.ts';
import { planTurns, releaseUnused, sliceName } from './turns.ts';
import type { Worker } from './worker.ts';

const AFTER_ERROR_MS = 1_000;
/** Slots that came free are gathered for this long, so that a claim is a batch and not a row. High does not wait. */
const GATHER_MS = 5;
const EXPIRE_BATCH = 500;
/** How often what waits behind a closed gate is looked at for what expired meanwhile. */
const EXPIRE_EVERY_MS = 5_000;

export interface LaneLoopOptions {
  lane: Lane;
  /** The pool of the lane's priority. */
  db: Queryable;
  clock: Clock;
  logger: Logger;
  queue: Pick<Queue, 'claim'>;
  gates: Gates;
  connections: Pick<Connections, 'forTenants'>;
  worker: Pick<Worker, 'id' | 'run'>;
  /** How long work is gathered after a claim, at least; high priority gathers nothing. */
  gatherMs: number;
  /** Called when nothing of the last agenda can be started any more. */
  drained(): void;
  metrics?: Metrics;
  beat?: LoopBeat;
}

/**
 * Gives the turns of one lane, apart from all others: a slow claim of one holds no other. A round counts the permits
 * of each slice that is due and claims no more than can start at once; so nothing waits claimed. Between rounds it
 * sleeps until the moment at which something can start.
 */
export class LaneLoop {
  readonly #options: LaneLoopOptions;
  readonly #alarm: Alarm;
  readonly #stop = new AbortController();
  readonly #expireAt = new Map<string, number>();
  #slices: Slice[] = [];
  #rounds = 0;
  #expiring: Promise<void> | null = null;
  /** Also while a round is under way: what it found full may not be full any more. */
  #wantsSlot = false;
  #done: Promise<void> = Promise.resolve();

  constructor(options: LaneLoopOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock);
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#alarm.ring();
    await this.#done;
    await this.#expiring;
  }

  /** A new agenda: what this lane has to do now, due or not. */
  offer(slices: Slice[]): void {
    this.#slices = slices;
    if (slices.length > 0) this.#alarm.ring();
  }

  /** A slot came free somewhere. Most lanes wait for something else, and sleep on. */
  freed(): void {
    if (this.#wantsSlot) this.#alarm.ring();
  }

  async #run(): Promise<void> {
    const { lane, clock, logger, beat = UNWATCHED } = this.#options;
    const isHigh = priorityOf(lane) === 'high';
    const afterClaimMs = Math.max(GATHER_MS, this.#options.gatherMs);
    while (!this.#stop.signal.aborted) {
      beat.turn();
      try {
        const claimed = await this.#round();
        beat.rest();
        const isBusy = claimed > 0 || (await this.#alarm.wait(this.#restMs()));
        if (isBusy && !isHigh) await clock.sleep(claimed > 0 ? afterClaimMs : GATHER_MS, this.#stop.signal);
      } catch (error) {
        logger.error({ error, lane }, 'claiming failed; trying again');
        await clock.sleep(AFTER_ERROR_MS, this.#stop.signal);
      }
    }
    beat.rest();
  }

  /** Returns how many were started. */
  async #round(): Promise<number> {
    const { lane, db, clock, queue, gates, connections, worker, metrics } = this.#options;
    this.#wantsSlot = true;
    const due = this.#slices.filter((slice) => slice.dueAt <= clock.now());
    if (due.length === 0) return 0;
    gates.prepare(await connections.forTenants(db, [...new Set(due.map((slice) => slice.tenantId))]));
    this.#expire(due);
    const turns = planTurns(due, (slice) => this.#gateOf(slice), {
      now: clock.now(),
      round: this.#rounds++,
    });
    if (turns.length === 0) return 0;
    const claim = await queue.claim(lane, worker.id, turns).catch((error) => {
      for (const turn of turns) turn.gate.release(turn.count, clock.now());
      throw error;
    });
    this.#remove(due, releaseUnused(turns, claim.deliveries, clock.now()));
    const gateOf = new Map(turns.map((turn) => [sliceName(turn), turn.gate]));
    if (claim.deliveries.length === 0) return 0;
    metrics?.claimSize.observe(claim.deliveries.length);
    await worker.run(claim, (claimed) => gateOf.get(sliceName(claimed))!);
    return claim.deliveries.length;
  }

  /**
   * Nobody claims what waits behind a closed gate, so nobody else would notice that it expires. Looking through a long
   * backlog takes its time, and the others of the lane do not wait for it.
   */
  #expire(due: Slice[]): void {
    if (this.#expiring) return;
    const { lane, clock, logger } = this.#options;
    const now = clock.now();
    const closed = due.filter((slice) => this.#gateOf(slice).opensAt(now) > now && this.#mayLook(slice, now));
    if (closed.length === 0) return;
    const expireAll = async () => {
      for (const slice of closed) await this.#expireSlice(slice, now);
    };
    this.#expiring = expireAll()
      .catch((error) => logger.error({ error, lane }, 'what expired behind a closed gate could not be ended'))
      .finally(() => {
        this.#expiring = null;
      });
  }

  async #expireSlice(slice: Slice, now: number): Promise<void> {
    const { db, gates, metrics } = this.#options;
    const expired = await expireWaiting(db, slice, new Date(now), EXPIRE_BATCH);
    const provider = gates.providerOf(slice.tenantId, slice.connection);
    const live = !slice.connection.startsWith(TEST_PREFIX);
    countExpired(metrics, { lane: slice.lane, provider, live }, expired);
  }

  /** True once in a while for each slice. */
  #mayLook(slice: Slice, now: number): boolean {
    const name = sliceName(slice);
    if (now < (this.#expireAt.get(name) ?? 0)) return false;
    for (const [other, at] of this.#expireAt) if (at <= now) this.#expireAt.delete(other);
    this.#expireAt.set(name, now + EXPIRE_EVERY_MS);
    return true;
  }

  /** What has nothing more due leaves the agenda, unless a newer agenda says so again. */
  #remove(due: Slice[], drained: Set<string>): void {
    if (drained.size === 0) return;
    const gone = new Set(due.filter((slice) => drained.has(sliceName(slice))));
    this.#slices = this.#slices.filter((slice) => !gone.has(slice));
  }

  /** Until the next slice is due or its gate opens; who is due and open waits for a slot, and is woken by one. */
  #restMs(): number {
    const now = this.#options.clock.now();
    let until = Number.POSITIVE_INFINITY;
    this.#wantsSlot = false;
    for (const slice of this.#slices) {
      const opensAt = Math.max(slice.dueAt, this.#gateOf(slice).opensAt(now));
      if (opensAt > now) until = Math.min(until, opensAt);
      else this.#wantsSlot = true;
    }
    if (!this.#wantsSlot) this.#options.drained();
    return until - now;
  }

  #gateOf(slice: Slice): Gate {
    return this.#options.gates.of(slice.tenantId, slice.connection, this.#options.lane);
  }
}
