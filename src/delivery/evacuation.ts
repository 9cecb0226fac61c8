import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Flags } from '../flags/index.ts';
import { allLanes } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import { type LoopBeat, type Metrics, UNWATCHED } from '../telemetry/index.ts';
import type { Connection, Connections } from '../tenants/index.ts';
import { moveWaiting } from './evacuation-store.ts';
import { findShelter } from './failover.ts';
import type { Gates } from './gates.ts';
import type { HealthBoard } from './health-board.ts';

const INTERVAL_MS = 1_000;
const BATCH = 500;

export interface EvacuationOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  wake: Wake;
  gates: Gates;
  health: HealthBoard;
  connections: Pick<Connections, 'forTenants'>;
  flags: Pick<Flags, 'forTenants'>;
  metrics?: Metrics;
  beat?: LoopBeat;
}

/**
 * Moves what waits at a connection whose breaker is open to a healthy one, so that nothing sits out the break. It looks
 * at no single user, so it is for tenants that have the flag `failover` on for all.
 */
export class Evacuation {
  readonly #options: EvacuationOptions;
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(options: EvacuationOptions) {
    this.#options = options;
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  /** Moves one batch from each broken connection. Returns how many deliveries were moved. */
  async evacuate(): Promise<number> {
    const { store, clock, health, connections, flags, gates } = this.#options;
    const broken = health.broken(clock.now());
    if (broken.length === 0) return 0;
    const tenantIds = [...new Set(broken.map(({ tenantId }) => tenantId))];
    const configured = await connections.forTenants(store.engine, tenantIds);
    gates.prepare(configured);
    const flagsOf = await flags.forTenants(store.engine, tenantIds);
    let moved = 0;
    for (const { tenantId, id } of broken) {
      if (!flagsOf.get(tenantId)!.isOnForAll('failover', true)) continue;
      const all = configured.get(tenantId) ?? [];
      const from = all.find((connection) => connection.id === id);
      if (from) moved += await this.#moveFrom(from, all);
    }
    return moved;
  }

  async #moveFrom(from: Connection, all: Connection[]): Promise<number> {
    const { store, clock, gates, wake, metrics } = this.#options;
    const now = clock.now();
    const to = findShelter(from, all, gates, now);
    if (!to) return 0;
    const lanes = allLanes().filter((lane) => lane.startsWith(`${from.channel}.`));
    const moved = await moveWaiting(store.engine, { from, to, lanes, now, limit: BATCH });
    if (moved.length > 0)
      metrics?.failovers.inc({ channel: from.channel, provider: from.providerId }, moved.length);
    for (const lane of new Set(moved)) wake.signal(lane);
    return moved.length;
  }

  async #run(): Promise<void> {
    const { clock, logger, beat = UNWATCHED } = this.#options;
    while (!this.#stop.signal.aborted) {
      beat.turn();
      try {
        if ((await this.evacuate()) > 0) {
          // The embedded database answers without ever leaving this turn of the event loop; attempts need one.
          await nextTurn();
          continue;
        }
      } catch (error) {
        logger.warn({ error }, 'waiting deliveries could not be moved; trying again');
      }
      await clock.sleep(INTERVAL_MS, this.#stop.signal);
    }
    beat.rest();
  }
}
