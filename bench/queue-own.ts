import { deleteClaims, writeResults } from '../src/delivery/store.ts';
import { uuidv7 } from '../src/lib/ids.ts';
import { createPostgresQueue, insertSharedRequest } from '../src/queue/index.ts';
import { type DeliveryRow, insertDeliveries, insertRouted, type RoutableRow } from '../src/routing/store.ts';
import { openStore, type Store } from '../src/store/index.ts';
import {
  BATCH,
  inBatches,
  type Job,
  makeJobs,
  paceOf,
  type QueuePace,
  type QueuePlan,
  WITH_NOTIFICATIONS,
} from './jobs.ts';
import { successOf } from './success.ts';
import { task } from './task.ts';

const TENANT = uuidv7(1);
const SHARED_REQUEST = uuidv7(1);
const WORKER = uuidv7(1);
const LANE = 'webhook.normal';
const CONNECTION = 'hook';
const CLAIMS_TO_DELETE = 50;

/** P4, our side: the statements of routing, of the queue and of the recorder, without what happens between them. */
task(async ({ databaseUrl, jobs }: QueuePlan): Promise<QueuePace> => {
  const store = await openStore({ databaseUrl, poolSize: 4 });
  const request = { message: makeJobs(1)[0]!.message };
  const now = store.clock.now();
  await insertSharedRequest(store.engine, {
    tenantId: TENANT,
    id: SHARED_REQUEST,
    request,
    now: new Date(now),
  });
  const pace: QueuePace = {};
  for (const loops of [1, 2, 4]) pace[`${loops} claim loops`] = await measure(store, jobs, loops);
  pace[WITH_NOTIFICATIONS] = await measureWithNotifications(store, jobs);
  await store.close();
  return pace;
});

/** The queue alone: what the deliveries are about is there already, as it is when routing makes them. */
function measure(store: Store, jobs: number, loops: number): Promise<number> {
  const prepare = async (wanted: Job[]) => {
    const rows = wanted.map((job) => notificationOf(job, store.clock.now()));
    await inBatches(rows, 2, (batch) => insertRouted(store.engine, batch, SHARED_REQUEST));
    return rows;
  };
  return paceOf(jobs, prepare, async (rows) => {
    await inBatches(rows, 2, (batch) => insertDeliveries(store.engine, batch.map(deliveryOf)));
    await workOff(store, rows.length, loops);
    return undefined;
  });
}

/** Each page of a campaign writes the notifications of its users and their deliveries in one transaction. */
function measureWithNotifications(store: Store, jobs: number): Promise<number> {
  const writePage = (page: Job[]) =>
    store.transaction(async (db) => {
      const rows = page.map((job) => notificationOf(job, store.clock.now()));
      await insertRouted(db, rows, SHARED_REQUEST);
      await insertDeliveries(db, rows.map(deliveryOf));
    });
  const prepare = (wanted: Job[]) => wanted;
  return paceOf(jobs, prepare, async (wanted) => {
    await inBatches(wanted, 2, writePage);
    await workOff(store, wanted.length, 2);
    return undefined;
  });
}

async function workOff(store: Store, jobs: number, loops: number): Promise<void> {
  const left = { jobs };
  await Promise.all(Array.from({ length: loops }, () => work(store, left)));
  if (left.jobs !== 0) throw new Error(`${left.jobs} jobs were not completed`);
}

async function work(store: Store, left: { jobs: number }): Promise<void> {
  const queue = createPostgresQueue(store.engine, store.clock);
  const finished: string[] = [];
  while (left.jobs > 0) {
    const turn = { tenantId: TENANT, connection: CONNECTION, count: BATCH };
    const { id, deliveries } = await queue.claim(LANE, WORKER, [turn]);
    if (deliveries.length === 0) break;
    const now = store.clock.now();
    const written = await writeResults(
      store.engine,
      deliveries.map((claimed) => successOf(claimed, now)),
    );
    left.jobs -= written.size;
    finished.push(id);
    if (finished.length >= CLAIMS_TO_DELETE) await deleteClaims(store.engine, finished.splice(0));
  }
  await deleteClaims(store.engine, finished);
}

function notificationOf({ userId, message }: Job, now: number): RoutableRow {
  return {
    id: uuidv7(now),
    tenantId: TENANT,
    live: true,
    userId,
    category: 'transactional',
    priority: 1,
    request: { message },
    expiresAt: null,
    createdAt: new Date(now),
    dueAt: new Date(now),
  };
}

function deliveryOf({ id: notificationId, createdAt }: RoutableRow): DeliveryRow {
  return {
    id: uuidv7(createdAt.getTime()),
    tenantId: TENANT,
    live: true,
    notificationId,
    userId: null,
    channel: 'webhook',
    lane: LANE,
    deviceId: null,
    contactKind: null,
    templateVersion: null,
    provider: 'webhook',
    connection: CONNECTION,
    state: 'queued',
    reason: null,
    code: null,
    choice: null,
    dueAt: createdAt,
    createdAt,
    expiresAt: null,
  };
}
