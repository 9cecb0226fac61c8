import type { Claimed } from '../queue/index.ts';
import { type AttemptFact, traceIdOf } from '../telemetry/index.ts';
import type { Result } from './store.ts';

/** The fields by which every log line about an attempt can be found. */
export function attemptFields(claimed: Claimed): object {
  return {
    tenant: claimed.tenantId,
    notification: claimed.notificationId,
    delivery: claimed.id,
    attempt: claimed.attempt,
    channel: claimed.channel,
    provider: claimed.provider,
    connection: claimed.connection,
    device: claimed.device?.id,
    platform: claimed.device?.platform,
    trace: traceIdOf(claimed.notificationId, claimed.request.trace),
  };
}

/** What goes well by the thousand a second is worth no line each: a line is a system call. */
export function attemptLevel({ claimed, outcome, hookReason }: Result): 'debug' | 'info' {
  return outcome === 'accepted' && claimed.priority !== 'high' && hookReason === undefined ? 'debug' : 'info';
}

/** What a trace tells about an attempt that is over. */
export function attemptFact({ claimed, settlement, outcome, startedAt, finishedAt }: Result): AttemptFact {
  return {
    tenantId: claimed.tenantId,
    live: claimed.live,
    notificationId: claimed.notificationId,
    urgent: claimed.priority === 'high',
    trace: claimed.request.trace,
    traceState: claimed.request.traceState,
    startedAt,
    endedAt: finishedAt,
    deliveryId: claimed.id,
    attempt: claimed.attempt,
    channel: claimed.channel,
    provider: claimed.provider,
    connection: claimed.connection,
    deviceId: claimed.device?.id ?? null,
    platform: claimed.device?.platform ?? null,
    routedAt: claimed.createdAt,
    outcome,
    state: settlement.state,
    reason: settlement.reason,
    code: settlement.code,
  };
}
