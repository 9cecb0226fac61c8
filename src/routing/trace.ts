import { PRIORITY_CODES } from '../ledger/index.ts';
import type { RouteFact } from '../telemetry/index.ts';
import type { Planned } from './router.ts';

/** What a trace tells about each notification of a batch that was routed. */
export function routeFacts({ rows, deliveries, failures, startedAt }: Planned, endedAt: number): RouteFact[] {
  const byNotification = Map.groupBy(deliveries, (delivery) => delivery.notificationId);
  const reasons = new Map(failures.map(({ id, reason }) => [id, reason]));
  return rows.map((row) => {
    const own = byNotification.get(row.id) ?? [];
    const skipped = own.filter((delivery) => delivery.state !== 'queued');
    return {
      startedAt,
      endedAt,
      tenantId: row.tenantId,
      live: row.live,
      notificationId: row.id,
      urgent: row.priority === PRIORITY_CODES.high,
      trace: row.request.trace,
      traceState: row.request.traceState,
      batch: rows.length,
      queued: own.length - skipped.length,
      skipped: skipped.map((delivery) => delivery.reason ?? delivery.state),
      failure: reasons.get(row.id) ?? null,
    };
  });
}
