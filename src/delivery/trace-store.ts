import { priorityOf } from '../ledger/index.ts';
import type { Queryable } from '../store/index.ts';
import type { AttemptFact } from '../telemetry/index.ts';
import type { LostAttempt } from './sweep-store.ts';

/** What traces tell about attempts whose worker died; asked only where there is a tracer. `endedAt` is when it was found out. */
export async function loadLostAttempts(
  db: Queryable,
  lost: LostAttempt[],
  endedAt: number,
): Promise<AttemptFact[]> {
  const { rows } = await db.query(
    `select d.id, d.tenant_id, d.live, d.notification_id, d.channel, d.lane, d.device_id, d.created_at,
        v.platform, r.request->>'trace' as trace, r.request->>'traceState' as trace_state
       from unnest($1::uuid[], $2::uuid[]) as l (id, tenant_id)
       join deliveries d on d.id = l.id and d.tenant_id = l.tenant_id
       join notifications n on n.id = d.notification_id and n.tenant_id = d.tenant_id
       left join shared_requests s on s.tenant_id = n.tenant_id and s.id = n.shared_request_id
       cross join lateral (select coalesce(n.request, s.request) as request) r
       left join devices v on v.id = d.device_id and v.tenant_id = d.tenant_id`,
    [lost.map((attempt) => attempt.id), lost.map((attempt) => attempt.tenantId)],
  );
  const byId = new Map(lost.map((attempt) => [attempt.id, attempt]));
  return rows.map((row) => {
    const { attempt, connection, provider, startedAt } = byId.get(row.id)!;
    return {
      tenantId: row.tenant_id,
      live: row.live,
      notificationId: row.notification_id,
      urgent: priorityOf(row.lane) === 'high',
      trace: row.trace ?? undefined,
      traceState: row.trace_state ?? undefined,
      startedAt: startedAt.getTime(),
      endedAt,
      deliveryId: row.id,
      attempt,
      channel: row.channel,
      provider,
      connection,
      deviceId: row.device_id,
      platform: row.platform,
      routedAt: row.created_at.getTime(),
      outcome: 'unknown',
      state: 'unknown',
      reason: 'worker_lost',
      code: null,
    };
  });
}
