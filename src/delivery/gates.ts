import { type Lane, laneOf } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import { type Channel, getProvider, type Limits } from '../providers/index.ts';
import { type Standing, TEST_PREFIX } from '../routing/index.ts';
import type { Connection } from '../tenants/index.ts';
import type { Budget } from './budget.ts';
import { Bulkhead } from './bulkhead.ts';
import { Capacity } from './capacity.ts';
import { Gate } from './gate.ts';
import type { Health } from './health.ts';
import type { HealthBoard } from './health-board.ts';
import { type RateOptions, Rates } from './rates.ts';

/** For deliveries whose connection is gone: enough to find out and move on. */
const ORPHAN_LIMITS: Limits = { connectTimeoutMs: 3_000, deadlineMs: 10_000, maxInFlight: 50 };
/** The simulator is no vendor: its pace is what the process can do. */
const SIMULATOR_IN_FLIGHT = 1_000;
const SECOND_MS = 1_000;

/** The limits of the process, beside those of its connections. */
export interface DeliveryLimits {
  /** Attempts under way in this process. */
  maxInFlight: number;
  rates: RateOptions;
}

export const DEFAULT_LIMITS: DeliveryLimits = { maxInFlight: 2_000, rates: { providers: {}, tenants: {} } };

/**
 * The gates of every lane of every connection. A connection has one bulkhead, whatever the lane: what happens to one
 * touches no other.
 */
export class Gates {
  readonly #clock: Clock;
  readonly #board: HealthBoard;
  readonly #capacity: Capacity;
  readonly #rates: Rates;
  readonly #bulkheads = new Map<string, { version: number; bulkhead: Bulkhead }>();
  readonly #gates = new Map<string, { bulkhead: Bulkhead; tenantRate: number | null; gate: Gate }>();
  readonly #connections = new Map<string, Connection>();
  #workers = 1;

  constructor(clock: Clock, board: HealthBoard, limits: DeliveryLimits = DEFAULT_LIMITS) {
    this.#clock = clock;
    this.#board = board;
    this.#capacity = new Capacity(limits.maxInFlight);
    this.#rates = new Rates(limits.rates);
  }

  /** Attempts under way in this process, those included that a claim is under way for. */
  get inFlight(): number {
    return this.#capacity.inFlight;
  }

  /** Takes the connections as they are configured now; a changed one starts with a fresh gate (new credentials may heal it). */
  prepare(connections: Map<string, Connection[]>): void {
    for (const [tenantId, list] of connections) {
      for (const connection of list) this.#connections.set(`${tenantId}/${connection.id}`, connection);
    }
  }

  /** Whether something could be sent over a connection about now: its breaker is closed and no pause runs. */
  isOpen(tenantId: string, connectionId: string): boolean {
    const known = this.#bulkheads.get(`${tenantId}/${connectionId}`)?.bulkhead;
    const now = this.#clock.now();
    // A declared rate makes every gate wait for parts of a second; that is its pace and no pause.
    return !known || (!known.isBroken && known.opensAt('normal', now) <= now + SECOND_MS);
  }

  /** How many connections of each provider are broken. */
  brokenByProvider(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [name, { bulkhead }] of this.#bulkheads) {
      const [tenantId = '', connectionId = ''] = name.split('/');
      const provider = this.providerOf(tenantId, connectionId);
      counts.set(provider, (counts.get(provider) ?? 0) + (bulkhead.isBroken ? 1 : 0));
    }
    return counts;
  }

  /** The provider behind a connection; built-in ones (test, inbox) are named after theirs. */
  providerOf(tenantId: string, connectionId: string): string {
    const configured = this.#connections.get(`${tenantId}/${connectionId}`)?.providerId;
    return configured ?? getProvider(connectionId.replace(TEST_PREFIX, ''))?.id ?? '';
  }

  /** How many workers are alive: rates are for all of them together. */
  divide(workers: number): void {
    if (workers === this.#workers) return;
    this.#workers = workers;
    this.#rates.divide(workers, this.#clock.now());
    for (const { bulkhead } of this.#bulkheads.values()) bulkhead.divide(workers);
  }

  /** The gate of a lane; without one, that of the connection's ordinary lane (to ask about its health). */
  of(tenantId: string, connectionId: string, lane?: Lane): Gate {
    const name = `${tenantId}/${connectionId}`;
    const connection = this.#connections.get(name);
    const channel = channelOf(connectionId, connection);
    const gateLane = lane ?? laneOf(channel, null, 'normal');
    const bulkhead = this.#bulkheadOf(tenantId, connectionId, connection);
    const tenantRate = connection?.tenantRates[channel] ?? null;
    const known = this.#gates.get(`${name} ${gateLane}`);
    if (known && known.bulkhead === bulkhead && known.tenantRate === tenantRate) return known.gate;
    const share = this.#capacity.shareOf(gateLane, name);
    const shared = [share, ...this.#pacesOf({ tenantId, connectionId, connection, channel, tenantRate })];
    const gate = new Gate({ lane: gateLane, bulkhead, shared });
    this.#gates.set(`${name} ${gateLane}`, { bulkhead, tenantRate, gate });
    return gate;
  }

  healthOf(tenantId: string, connectionId: string): Health {
    const updatedAt = this.#connections.get(`${tenantId}/${connectionId}`)?.updatedAt ?? 0;
    return this.#board.of({ tenantId, id: connectionId, updatedAt });
  }

  standing(connection: Connection): Standing {
    return this.#board.standing(connection);
  }

  #bulkheadOf(tenantId: string, connectionId: string, connection: Connection | undefined): Bulkhead {
    const name = `${tenantId}/${connectionId}`;
    const version = connection?.updatedAt ?? 0;
    const known = this.#bulkheads.get(name);
    if (known && known.version === version) return known.bulkhead;
    const { breaker } = this.healthOf(tenantId, connectionId);
    const bulkhead = new Bulkhead(limitsOf(connectionId, connection), this.#clock.now(), breaker);
    bulkhead.divide(this.#workers);
    this.#bulkheads.set(name, { version, bulkhead });
    return bulkhead;
  }

  /** Test attempts reach no vendor, so no rate is theirs. */
  #pacesOf(of: {
    tenantId: string;
    connectionId: string;
    connection: Connection | undefined;
    channel: Channel;
    tenantRate: number | null;
  }): Budget[] {
    const { tenantId, connectionId, connection, channel, tenantRate } = of;
    if (connectionId.startsWith(TEST_PREFIX)) return [];
    const providerId = connection?.providerId ?? connectionId;
    return this.#rates.of({ tenantId, channel, providerId, tenantRate }, this.#clock.now());
  }
}

function channelOf(connectionId: string, connection: Connection | undefined): Channel {
  if (connection) return connection.channel;
  const providerId = connectionId.startsWith(TEST_PREFIX)
    ? connectionId.slice(TEST_PREFIX.length)
    : connectionId;
  return getProvider(providerId)?.channel ?? 'webhook';
}

function limitsOf(
  connectionId: string,
  connection: Connection | undefined,
): Pick<Limits, 'maxInFlight' | 'ratePerSecond'> {
  if (connectionId.startsWith(TEST_PREFIX)) return { maxInFlight: SIMULATOR_IN_FLIGHT };
  const declared = getProvider(connection?.providerId ?? connectionId)?.limits ?? ORPHAN_LIMITS;
  return { ...declared, ...connection?.limits };
}
