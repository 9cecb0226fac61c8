import { deleteClaims, writeResults } from '../src/delivery/store.ts';
import { uuidv7 } from '../src/lib/ids.ts';
import { createPostgresQueue, type Queue } from '../src/queue/index.ts';
import { type DeliveryRow, insertDeliveries, insertRouted } from '../src/routing/store.ts';
import { openStore, type Store } from '../src/store/index.ts';
import { successOf } from './success.ts';

const BATCH = 500;
const WRITERS = 2;
const TENANT = '01900000-0000-7000-8000-0000000000ff';
const SHARED = '01900000-0000-7000-8000-0000000000fd';
const WORKER = '01900000-0000-7000-8000-0000000000fe';

/**
 * Deliveries per second when nothing happens but their SQL: page and deliveries inserted, claimed, results written, by
 * our own statements in batches of 500, by two writers at a time. They belong to nobody, so no device is looked up.
 */
export async function measureLifecycle(databaseUrl: string, seconds: number): Promise<number> {
  const store = await openStore({ databaseUrl, poolSize: WRITERS });
  try {
    await prepare(store);
    const writers = Array.from({ length: WRITERS }, (_, n) => ({
      store,
      connection: `bench-${n}`,
      queue: createPostgresQueue(store.engine, store.clock),
    }));
    await Promise.all(writers.map(liveOnce));
    const startedAt = performance.now();
    const end = startedAt + seconds * 1000;
    let done = 0;
    await Promise.all(
      writers.map(async (writer) => {
        while (performance.now() < end) {
          // Not `done += await …`, which would forget what the other writer added meanwhile.
          const lived = await liveOnce(writer);
          done += lived;
        }
      }),
    );
    const perSecond = done / ((performance.now() - startedAt) / 1000);
    await store.engine.query('delete from workers where id = $1', [WORKER]);
    return perSecond;
  } finally {
    await store.close();
  }
}

async function prepare({ engine, clock }: Store): Promise<void> {
  const now = new Date(clock.now());
  await engine.query(
    "insert into tenants (id, slug, name, created_at) values ($1, 'bench', 'Bench', $2) on conflict do nothing",
    [TENANT, now],
  );
  await engine.query(
    `insert into shared_requests (tenant_id, id, request, created_at) values ($1, $2, '{"message":{"title":"Hi"}}', $3)
     on conflict do nothing`,
    [TENANT, SHARED, now],
  );
  // Its heart beats in the future: what it has under way must not be taken for lost.
  await engine.query(
    `insert into workers (id, host, started_at, heartbeat_at) values ($1, 'bench', $2, $3)
     on conflict (id) do update set heartbeat_at = excluded.heartbeat_at`,
    [WORKER, now, new Date(clock.now() + 60_000)],
  );
}

interface Writer {
  store: Store;
  connection: string;
  queue: Queue;
}

async function liveOnce({ store, connection, queue }: Writer): Promise<number> {
  const { engine, clock } = store;
  const now = clock.now();
  await store.transaction(async (db) => {
    const deliveries = Array.from({ length: BATCH }, () => makeDelivery(connection, now));
    await insertRouted(db, deliveries.map(toNotification), SHARED);
    await insertDeliveries(db, deliveries);
  });
  const turn = { tenantId: TENANT, connection, count: BATCH, since: now };
  const claim = await queue.claim('push.ios.normal', WORKER, [turn]);
  const finishedAt = clock.now();
  const written = await writeResults(
    engine,
    claim.deliveries.map((claimed) => successOf(claimed, finishedAt)),
  );
  await deleteClaims(engine, [claim.id]);
  return written.size;
}

function makeDelivery(connection: string, now: number): DeliveryRow {
  return {
    id: uuidv7(now),
    tenantId: TENANT,
    live: true,
    notificationId: uuidv7(now),
    userId: null,
    channel: 'push',
    lane: 'push.ios.normal',
    deviceId: null,
    contactKind: null,
    templateVersion: null,
    provider: 'apns',
    connection,
    choice: null,
    state: 'queued',
    reason: null,
    code: null,
    dueAt: new Date(now),
    createdAt: new Date(now),
    expiresAt: new Date(now + 3_600_000),
  };
}

function toNotification({ notificationId, createdAt, expiresAt }: DeliveryRow) {
  return {
    id: notificationId,
    tenantId: TENANT,
    live: true,
    userId: 'nobody',
    category: 'marketing',
    priority: 1,
    request: {},
    expiresAt,
    createdAt,
    dueAt: createdAt,
  };
}
