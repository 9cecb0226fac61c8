import { priorityOf } from '../ledger/index.ts';
import type { ReceiptFact } from '../telemetry/index.ts';
import type { MatchedReceipt, TracedDelivery } from './store.ts';

/** What traces tell about receipts that are applied. */
export function receiptFacts(
  receipts: MatchedReceipt[],
  subjects: TracedDelivery[],
  { startedAt, endedAt }: { startedAt: number; endedAt: number },
): ReceiptFact[] {
  const byId = new Map(subjects.map((subject) => [subject.deliveryId, subject]));
  return receipts.flatMap((receipt) => {
    const subject = byId.get(receipt.deliveryId);
    if (!subject) return [];
    const { notificationId, attempt, live, lane, trace, traceState } = subject;
    return {
      tenantId: receipt.tenantId,
      live,
      notificationId,
      urgent: priorityOf(lane) === 'high',
      trace: trace ?? undefined,
      traceState: traceState ?? undefined,
      startedAt,
      endedAt,
      deliveryId: receipt.deliveryId,
      attempt,
      connection: receipt.connection,
      event: receipt.event,
      reason: receipt.reason ?? null,
      code: receipt.code ?? null,
      occurredAt: receipt.at,
    };
  });
}
