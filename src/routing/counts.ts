import { PRIORITY_NAMES, priorityOf } from '../ledger/index.ts';
import { kindOf, type Metrics, Tally } from '../telemetry/index.ts';
import type { Planned } from './router.ts';

/** Counts one committed routing batch. */
export function countBatch(
  metrics: Metrics | undefined,
  { rows, deliveries, postponed, collected, failures }: Planned,
  ms: number,
): void {
  if (!metrics || rows.length === 0) return;
  metrics.routingBatchSize.observe(rows.length);
  metrics.routingBatchSeconds.observe(ms / 1000);
  if (failures.length > 0) metrics.routingFailures.inc(failures.length);
  const routed = new Tally(metrics.routed, 'priority', 'kind');
  for (const { priority, live } of rows) routed.add(PRIORITY_NAMES[priority as 0 | 1 | 2], kindOf(live));
  const queued = new Tally(metrics.queued, 'channel', 'provider', 'priority', 'kind');
  const skipped = new Tally(metrics.skipped, 'channel', 'priority', 'kind', 'reason');
  for (const { state, channel, provider, lane, live, reason } of deliveries) {
    if (state === 'queued') queued.add(channel, provider, priorityOf(lane), kindOf(live));
    else skipped.add(channel, priorityOf(lane), kindOf(live), reason);
  }
  const held = new Tally(metrics.postponed, 'channel', 'priority', 'kind', 'reason');
  for (const { channels, priority, live, reason } of postponed)
    for (const channel of channels)
      held.add(channel, PRIORITY_NAMES[priority as 0 | 1 | 2], kindOf(live), reason);
  const digested = new Tally(metrics.digestEvents, 'kind');
  for (const { digest } of collected) digested.add(kindOf(digest.live));
  for (const tally of [routed, queued, skipped, held, digested]) tally.flush();
}
