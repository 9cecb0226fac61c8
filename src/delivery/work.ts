import { allLanes, priorityOf } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import { countUnknown, type LaneBacklog, loadBacklog } from '../queue/index.ts';
import { loadRoutingBacklog, type RoutingBacklog } from '../routing/index.ts';
import type { Store } from '../store/index.ts';
import { DEPTH_CAP, type Metrics } from '../telemetry/index.ts';

export interface WorkOptions {
  store: Store;
  clock: Clock;
  /** Whether something could be sent over a connection about now; a process that does not deliver never says so, and judges routing only. */
  isOpen(tenantId: string, connectionId: string): boolean;
  /** High and normal work that could be done and has been due for longer makes the installation unwell. */
  overdueMs: number;
}

/** What waits, and since when. */
export interface WorkLook {
  routing: RoutingBacklog[];
  lanes: LaneBacklog[];
  unknown: number;
  at: number;
}

export interface WorkHealth {
  ok: boolean;
  /** Age of the oldest notification that is due to be routed. */
  oldestToRouteSeconds: number;
  /** Age of the oldest due delivery whose connection works. */
  oldestToSendSeconds: number;
}

/** Scrapes and health checks within this time share one look. */
const KEEP_MS = 5_000;

/**
 * Whether work gets done, by the only fact that matters: the age of the oldest that could be done by now. Campaigns
 * (priority low) wait by their nature, so they are shown and not judged; a broken connection is an alert of its own.
 */
export class Work {
  readonly #options: WorkOptions;
  #look: Promise<WorkLook> | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: WorkOptions) {
    this.#options = options;
  }

  async health(): Promise<WorkHealth> {
    const look = await this.look();
    const judged = (priority: string) => priority !== 'low';
    const route = look.routing.filter(({ priority }) => judged(priority));
    const send = look.lanes.filter(({ priority }) => judged(priority));
    const oldestToRouteSeconds = oldest(
      route.map(({ dueSince }) => dueSince),
      look.at,
    );
    const oldestToSendSeconds = oldest(
      send.flatMap((lane) => this.#sendable(lane)),
      look.at,
    );
    const ok = Math.max(oldestToRouteSeconds, oldestToSendSeconds) * 1000 <= this.#options.overdueMs;
    return { ok, oldestToRouteSeconds, oldestToSendSeconds };
  }

  /** Sets the gauges of what waits. Lanes without work show 0, so that a graph falls when a lane runs dry. */
  async sample(metrics: Metrics): Promise<void> {
    const look = await this.look();
    metrics.unknownNow.set(look.unknown);
    for (const { priority, depth, dueSince } of look.routing) {
      metrics.routingDepth.set({ priority }, depth);
      metrics.routingOldestDue.set({ priority }, oldest([dueSince], look.at));
    }
    const known = new Map(look.lanes.map((lane) => [lane.lane, lane]));
    for (const lane of allLanes()) {
      const labels = { lane, priority: priorityOf(lane) };
      const waiting = known.get(lane);
      metrics.queueDepth.set(labels, waiting?.depth ?? 0);
      metrics.queueOldestDue.set(labels, oldest(waiting?.due.map(({ since }) => since) ?? [], look.at));
      metrics.queueOldestSendable.set(labels, oldest(waiting ? this.#sendable(waiting) : [], look.at));
    }
  }

  look(): Promise<WorkLook> {
    const { clock } = this.#options;
    if (this.#look && clock.now() - this.#lookedAt < KEEP_MS) return this.#look;
    this.#lookedAt = clock.now();
    const look = this.#load();
    this.#look = look;
    // A failed look is not kept: the next caller asks the database again.
    look.catch(() => {
      if (this.#look === look) this.#look = null;
    });
    return look;
  }

  async #load(): Promise<WorkLook> {
    const { store, clock } = this.#options;
    const at = clock.now();
    const now = new Date(at);
    const routing = await loadRoutingBacklog(store.engine, now, DEPTH_CAP);
    const lanes = await loadBacklog(store.engine, now, DEPTH_CAP);
    return { routing, lanes, unknown: await countUnknown(store.engine, DEPTH_CAP), at };
  }

  #sendable({ due }: LaneBacklog): number[] {
    return due
      .filter(({ tenantId, connection }) => this.#options.isOpen(tenantId, connection))
      .map(({ since }) => since);
  }
}

function oldest(times: (number | null)[], now: number): number {
  const first = Math.min(...times.map((time) => time ?? now), now);
  return (now - first) / 1000;
}
