import { Problem } from '../http/index.ts';
import { PRIORITY_CODES } from '../ledger/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { CallersTrace, Tracer } from '../telemetry/index.ts';
import type { AcceptedRow } from './store.ts';

/** Waits for the answer of the group commit, which is an id, and tells the tracer how it went. */
export async function traced(
  stored: Promise<string>,
  { row, trace }: { row: AcceptedRow; trace: CallersTrace | undefined },
  { tracer, clock }: { tracer: Tracer; clock: Clock },
): Promise<string> {
  const queuedAt = clock.now();
  const tell = (notificationId: string, outcome: string, failed: boolean) => {
    const endedAt = clock.now();
    tracer.accepted({
      tenantId: row.tenantId,
      live: row.live,
      notificationId,
      urgent: row.priority === PRIORITY_CODES.high,
      trace: trace?.trace,
      traceState: trace?.traceState,
      startedAt: row.createdAt.getTime(),
      endedAt,
      commitMs: endedAt - queuedAt,
      outcome,
      failed,
    });
  };
  try {
    const id = await stored;
    tell(id, id === row.id ? 'stored' : 'replayed', false);
    return id;
  } catch (error) {
    // What is no Problem yet is answered as a fault of ours.
    const problem = error instanceof Problem ? error : new Problem('service.internal');
    tell(row.id, problem.code, problem.status >= 500);
    throw error;
  }
}
