import type { Clock } from '../lib/clock.ts';
import { getProvider, type Limits } from '../providers/index.ts';
import { type Standing, TEST_PREFIX } from '../routing/index.ts';
import type { Connection } from '../tenants/index.ts';
import { Gate } from './gate.ts';
import type { Health } from './health.ts';
import type { HealthBoard } from './health-board.ts';

/** For deliveries whose connection is gone: enough to find out and move on. */
const ORPHAN_LIMITS: Limits = { connectTimeoutMs: 3_000, deadlineMs: 10_000, maxInFlight: 50 };
/** The simulator is no vendor: its pace is what the process can do. */
const SIMULATOR_IN_FLIGHT = 1_000;
const SECOND_MS = 1_000;

/** One gate for each connection of each tenant (bulkheads: what happens to one touches no other). */
export class Gates {
  readonly #clock: Clock;
  readonly #gates = new Map<string, { version: number; gate: Gate }>();
  #versions = new Map<string, Connection>();

  readonly #board: HealthBoard;

  constructor(clock: Clock, board: HealthBoard) {
    this.#clock = clock;
    this.#board = board;
  }

  /** Takes the connections as they are configured now; a changed one starts with a fresh gate (new credentials may heal it). */
  prepare(connections: Map<string, Connection[]>): void {
    for (const [tenantId, list] of connections) {
      for (const connection of list) this.#versions.set(`${tenantId}/${connection.id}`, connection);
    }
  }

  /** Whether something could be sent over a connection about now: its breaker is closed and no pause runs. */
  isOpen(tenantId: string, connectionId: string): boolean {
    const known = this.#gates.get(`${tenantId}/${connectionId}`)?.gate;
    const now = this.#clock.now();
    // A declared rate makes every gate wait for parts of a second; that is its pace and no pause.
    return !known || (!known.isBroken && known.opensAt(now) <= now + SECOND_MS);
  }

  /** How many connections of each provider are broken. */
  brokenByProvider(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [name, { gate }] of this.#gates) {
      const [tenantId = '', connectionId = ''] = name.split('/');
      const provider = this.providerOf(tenantId, connectionId);
      counts.set(provider, (counts.get(provider) ?? 0) + (gate.isBroken ? 1 : 0));
    }
    return counts;
  }

  /** The provider behind a connection; built-in ones (test, inbox) are named after theirs. */
  providerOf(tenantId: string, connectionId: string): string {
    const configured = this.#versions.get(`${tenantId}/${connectionId}`)?.providerId;
    return configured ?? getProvider(connectionId.replace(TEST_PREFIX, ''))?.id ?? '';
  }

  of(tenantId: string, connectionId: string): Gate {
    const name = `${tenantId}/${connectionId}`;
    const connection = this.#versions.get(name);
    const version = connection?.updatedAt ?? 0;
    const known = this.#gates.get(name);
    if (known && known.version === version) return known.gate;
    const { breaker } = this.healthOf(tenantId, connectionId);
    const gate = new Gate(limitsOf(connectionId, connection), this.#clock.now(), breaker);
    this.#gates.set(name, { version, gate });
    return gate;
  }

  healthOf(tenantId: string, connectionId: string): Health {
    const updatedAt = this.#versions.get(`${tenantId}/${connectionId}`)?.updatedAt ?? 0;
    return this.#board.of({ tenantId, id: connectionId, updatedAt });
  }

  standing(connection: Connection): Standing {
    return this.#board.standing(connection);
  }
}

function limitsOf(connectionId: string, connection: Connection | undefined): Limits {
  if (connectionId.startsWith(TEST_PREFIX)) {
    const limits = getProvider(connectionId.slice(TEST_PREFIX.length))?.limits ?? ORPHAN_LIMITS;
    return { ...limits, ratePerSecond: undefined, maxInFlight: SIMULATOR_IN_FLIGHT };
  }
  return getProvider(connection?.providerId ?? connectionId)?.limits ?? ORPHAN_LIMITS;
}
