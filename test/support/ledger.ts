import { uuidv7 } from '../../src/lib/ids.ts';
import { type DeliveryRow, insertDeliveries } from '../../src/routing/store.ts';
import type { Store } from '../../src/store/index.ts';

export const TENANT = '01900000-0000-7000-8000-00000000000a';

/** Puts queued deliveries (and a notification for each) into the ledger, the way routing leaves them. */
export async function queueDeliveries(
  store: Store,
  count: number,
  extra: Partial<DeliveryRow> & { category?: string } = {},
): Promise<string[]> {
  const now = store.clock.now();
  const { category = 'transactional', ...row } = extra;
  const rows = Array.from(
    { length: count },
    (): DeliveryRow => ({
      id: uuidv7(now),
      tenantId: TENANT,
      live: true,
      notificationId: uuidv7(now),
      userId: null,
      channel: 'webhook',
      lane: 'webhook.normal',
      deviceId: null,
      contactKind: null,
      templateVersion: null,
      provider: 'webhook',
      connection: 'hook',
      choice: null,
      state: 'queued',
      reason: null,
      code: null,
      dueAt: new Date(now),
      createdAt: new Date(now),
      expiresAt: new Date(now + 3_600_000),
      ...row,
    }),
  );
  await store.engine.query(
    `insert into notifications (id, tenant_id, live, user_id, category, priority, state, request, due_at, created_at)
     select id, tenant_id, true, 'ada', $3, 1, 'accepted', '{"message":{"title":"Hi"}}', $4, $4
       from unnest($1::uuid[], $2::uuid[]) as t (id, tenant_id)`,
    [rows.map((each) => each.notificationId), rows.map((each) => each.tenantId), category, new Date(now)],
  );
  await insertDeliveries(store.engine, rows);
  return rows.map(({ id }) => id);
}

export async function statesOf(store: Store, ids: string[]): Promise<Record<string, number>> {
  const { rows } = await store.engine.query('select state from deliveries where id = any($1::uuid[])', [ids]);
  const counts: Record<string, number> = {};
  for (const { state } of rows) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
