import type { Metrics } from '../telemetry/index.ts';
import type { Store } from './connect.ts';

/** How many clients of each pool are open, idle and waited for. */
export function samplePools(store: Store, metrics: Metrics): void {
  const {
    api,
    acceptHigh: accept_high,
    acceptBulk: accept_bulk,
    engine,
    engineHigh: engine_high,
    receipts,
  } = store;
  const pools =
    store.kind === 'embedded'
      ? { embedded: engine }
      : { api, accept_high, accept_bulk, engine, engine_high, receipts };
  for (const [pool, { totalCount, idleCount, waitingCount }] of Object.entries(pools)) {
    metrics.databaseClients.set({ pool, state: 'open' }, totalCount);
    metrics.databaseClients.set({ pool, state: 'idle' }, idleCount);
    metrics.databaseClients.set({ pool, state: 'waiting' }, waitingCount);
  }
}
