import { uuidv7Time } from '../lib/ids.ts';
import { type Metrics, Tally } from '../telemetry/index.ts';
import type { MatchedReceipt } from './store.ts';

/** Counts receipts that were new. A delivery's id tells when it was made, which is when it was routed. */
export function countReceipts(
  metrics: Metrics | undefined,
  { provider, channel, now }: { provider: string; channel: string; now: number },
  receipts: MatchedReceipt[],
): void {
  if (!metrics) return;
  const counted = new Tally(metrics.receipts, 'provider', 'event');
  const suppressed = new Tally(metrics.suppressions, 'channel', 'source');
  for (const { event, effect, deliveryId } of receipts) {
    counted.add(provider, event);
    if (effect?.type === 'suppress-contact') suppressed.add(channel, 'receipt');
    const ms = Math.max(0, now - uuidv7Time(deliveryId));
    metrics.receiptSeconds.observe({ provider, event }, ms / 1000);
  }
  counted.flush();
  suppressed.flush();
}
