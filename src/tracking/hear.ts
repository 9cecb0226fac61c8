import { heedWishes, readWishes } from '../consent/index.ts';
import type { Provider, ReceiptRequest } from '../providers/index.ts';
import type { Store } from '../store/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import { type Connection, type Connections, saveVendorTemplates } from '../tenants/index.ts';
import { contactKind } from '../users/index.ts';

export interface Ears {
  store: Store;
  connections: Pick<Connections, 'forget'>;
  metrics?: Metrics;
}

/**
 * What a verified post tells besides receipts: what users answered or did (STOP, no longer following), and what became of
 * texts that the vendor approves. Returns whether there was a message in it.
 */
export async function hear(
  { store, connections, metrics }: Ears,
  { tenantId, id: connection, channel, config }: Connection,
  { provider, post, now }: { provider: Provider; post: ReceiptRequest; now: number },
): Promise<boolean> {
  const { receipts, contactKind: own } = provider;
  const messages = receipts?.inbound?.parse(post, config as never) ?? [];
  const news = receipts?.vendorTemplates?.(post, config as never) ?? [];
  const kind = own ?? contactKind(channel);
  const { stop, start } = kind === null ? { stop: [], start: [] } : readWishes(kind, messages);
  if (stop.length + start.length > 0)
    await store.transaction((db) => heedWishes(db, { tenantId, kind: kind!, now }, { stop, start }));
  if (stop.length > 0) metrics?.suppressions.inc({ channel, source: 'stop' }, stop.length);
  if (news.length > 0) {
    const at = new Date(now);
    await store.transaction((db) => saveVendorTemplates(db, { tenantId, connection, now: at }, news));
    connections.forget(tenantId);
  }
  return messages.length > 0;
}
