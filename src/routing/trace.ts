import { PRIORITY_CODES } from '../ledger/index.ts';
import type { RouteFact } from '../telemetry/index.ts';
import type { Planned } from './router.ts';
import type { RoutableRow } from './store.ts';

/** What a trace tells about each notification of a batch that was routed. */
export function routeFacts(
  { rows, planned }: { rows: RoutableRow[]; planned: Planned },
  times: { startedAt: number; endedAt: number },
): RouteFact[] {
  const deliveries = Map.groupBy(planned.deliveries, (delivery) => delivery.notificationId);
  const failures = new Map(planned.failures.map(({ id, reason }) => [id, reason]));
  return rows.map((row) => {
    const own = deliveries.get(row.id) ?? [];
    const skipped = own.filter((delivery) => delivery.state !== 'queued');
    return {
      ...times,
      tenantId: row.tenantId,
      live: row.live,
      notificationId: row.id,
      urgent: row.priority === PRIORITY_CODES.high,
      trace: row.request.trace,
      traceState: row.request.traceState,
      batch: rows.length,
      queued: own.length - skipped.length,
      skipped: skipped.map((delivery) => delivery.reason ?? delivery.state),
      failure: failures.get(row.id) ?? null,
    };
  });
}
