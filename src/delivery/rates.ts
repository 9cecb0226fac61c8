import type { Channel } from '../providers/index.ts';
import { Pace } from './pace.ts';

/** Starts a second for all processes together. */
export interface RateOptions {
  /** By provider, over all tenants. */
  providers: Readonly<Record<string, number>>;
  /** By channel, for each tenant over all its connections. A tenant's own limits go before these. */
  tenants: Readonly<Partial<Record<Channel, number>>>;
}

/** The channel and provider that a connection's starts are counted under, and the rate its tenant has instead. */
export interface RateOwner {
  tenantId: string;
  channel: Channel;
  providerId: string;
  tenantRate: number | null;
}

/**
 * The paces that several connections share. A limit is divided by the number of living workers: exact when all have
 * work, too low for one that works alone, and too high for as long as a new worker is not known yet (a heartbeat).
 */
export class Rates {
  readonly #options: RateOptions;
  readonly #paces = new Map<string, { pace: Pace; ratePerSecond: number }>();
  #workers = 1;

  constructor(options: RateOptions) {
    this.#options = options;
  }

  divide(workers: number, now: number): void {
    this.#workers = workers;
    for (const { pace, ratePerSecond } of this.#paces.values()) pace.setRate(ratePerSecond / workers, now);
  }

  /** The paces that starts of this owner count under. */
  of({ tenantId, channel, providerId, tenantRate }: RateOwner, now: number): Pace[] {
    const ofTenant = tenantRate ?? this.#options.tenants[channel];
    const ofProvider = this.#options.providers[providerId];
    return [
      ...(ofTenant === undefined ? [] : [this.#pace(`${tenantId} ${channel}`, ofTenant, now)]),
      ...(ofProvider === undefined ? [] : [this.#pace(providerId, ofProvider, now)]),
    ];
  }

  #pace(name: string, ratePerSecond: number, now: number): Pace {
    const share = ratePerSecond / this.#workers;
    const pace = this.#paces.get(name)?.pace ?? new Pace(share, now);
    pace.setRate(share, now);
    this.#paces.set(name, { pace, ratePerSecond });
    return pace;
  }
}
