import { Queue, Worker } from 'bullmq';
import { inBatches, paceOf } from '../jobs.ts';
import { task } from '../task.ts';

const QUEUE = 'deliver';

/** https://docs.bullmq.io/guide/workers/concurrency: bulk in, many jobs at once, finished ones removed. */
task(async ({ redisPort, jobs }) => {
  const connection = { host: '127.0.0.1', port: redisPort, maxRetriesPerRequest: null };
  const queue = new Queue(QUEUE, { connection });
  const pace = {};
  for (const concurrency of [50, 200]) {
    const cycle = (bulk) => workOff(queue, bulk, { connection, concurrency });
    pace[`concurrency ${concurrency}`] = await paceOf(jobs, bulkOf, cycle);
  }
  return pace;
});

const opts = { removeOnComplete: true, removeOnFail: true };
const bulkOf = (wanted) => wanted.map((data) => ({ name: 'deliver', data, opts }));

async function workOff(queue, bulk, options) {
  await inBatches(bulk, 2, (batch) => queue.addBulk(batch));
  const { promise: done, resolve, reject } = Promise.withResolvers();
  let left = bulk.length;
  const worker = new Worker(QUEUE, async () => {}, options);
  worker.on('completed', () => {
    if (--left === 0) resolve();
  });
  worker.on('failed', (_, error) => reject(error));
  worker.on('error', reject);
  await done;
  worker.off('error', reject);
  worker.on('error', () => {});
  return () => worker.close(true);
}
