import { priorityOf } from '../ledger/index.ts';
import type { ReceiptFact } from '../telemetry/index.ts';
import type { MatchedReceipt, TracedDelivery } from './store.ts';

/** Where receipts came from, and when. */
export interface ReceiptSource {
  tenantId: string;
  connection: string;
  now: number;
}

/** What traces tell about receipts that are applied. */
export function receiptFacts(
  receipts: MatchedReceipt[],
  subjects: TracedDelivery[],
  { tenantId, connection, now }: ReceiptSource,
  endedAt: number,
): ReceiptFact[] {
  const byId = new Map(subjects.map((subject) => [subject.deliveryId, subject]));
  return receipts.flatMap((receipt) => {
    const subject = byId.get(receipt.deliveryId);
    if (!subject) return [];
    const { notificationId, attempt, live, lane, trace, traceState } = subject;
    return {
      tenantId,
      live,
      notificationId,
      urgent: priorityOf(lane) === 'high',
      trace: trace ?? undefined,
      traceState: traceState ?? undefined,
      startedAt: now,
      endedAt,
      deliveryId: receipt.deliveryId,
      attempt,
      connection,
      event: receipt.event,
      reason: receipt.reason ?? null,
      code: receipt.code ?? null,
      occurredAt: receipt.at,
    };
  });
}
