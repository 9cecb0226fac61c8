import { uuidv7 } from '../lib/ids.ts';
import type { Store } from '../store/index.ts';
import { type DeliveryState, isProblem } from './states.ts';

type Columns = Record<string, unknown>;

/** For tests: a notification as accept and routing leave it, with any columns changed. Returns its id. */
export async function insertNotification(
  store: Store,
  tenantId: string,
  columns: Columns = {},
): Promise<string> {
  const at = store.clock.now();
  const { state = 'routed', ...rest } = columns;
  const row: Columns = {
    id: uuidv7(at),
    tenant_id: tenantId,
    live: true,
    user_id: 'ada',
    category: 'transactional',
    priority: 1,
    state: state === 'routed' ? 'accepted' : state,
    request: { message: { title: 'Hello', body: 'World' } },
    due_at: new Date(at),
    created_at: new Date(at),
    ...rest,
  };
  if (state === 'accepted') {
    const { tenant_id, priority, due_at, id } = row;
    await insertRow(store, 'unrouted', { tenant_id, priority, due_at, id });
  }
  return insertRow(store, 'notifications', row);
}

/** For tests: a delivery in a state, with the columns that belong to it. Returns its id. */
export async function insertDelivery(
  store: Store,
  tenantId: string,
  { state = 'queued', ...columns }: Columns & { state?: DeliveryState; notification_id: string },
): Promise<string> {
  const now = new Date(store.clock.now());
  const waits = state === 'queued';
  const over = !['queued', 'sending', 'unknown'].includes(state);
  return insertRow(store, 'deliveries', {
    id: uuidv7(now.getTime()),
    tenant_id: tenantId,
    live: true,
    channel: 'sms',
    lane: 'sms.normal',
    provider: 'twilio',
    connection: 'texts',
    state,
    attempt: waits || state === 'skipped' ? 0 : 1,
    due_at: waits ? now : null,
    decide_at: state === 'unknown' ? new Date(now.getTime() + 10_000) : null,
    problem: isProblem(state) ? state : null,
    created_at: now,
    expires_at: new Date(now.getTime() + 3_600_000),
    started_at: waits ? null : now,
    finished_at: over ? now : null,
    ...columns,
  });
}

// biome-ignore lint/suspicious/noExplicitAny: tests look at any column
export async function readDelivery(store: Store, id: string): Promise<any> {
  const { rows } = await store.engine.query('select * from deliveries where id = $1', [id]);
  return rows[0];
}

async function insertRow(store: Store, table: string, columns: Columns): Promise<string> {
  const names = Object.keys(columns);
  await store.engine.query(
    `insert into ${table} (${names}) values (${names.map((_, i) => `$${i + 1}`)})`,
    Object.values(columns),
  );
  return columns.id as string;
}
