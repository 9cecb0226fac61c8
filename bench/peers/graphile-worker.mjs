import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import pg from 'pg';
import { inBatches, paceOf } from '../jobs.ts';
import { task } from '../task.ts';

const silent = new Logger(() => () => {});
const CONCURRENCY = 24;
/** https://worker.graphile.org/docs/performance: with and without batching. */
const WAYS = {
  single: {},
  batched: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 },
};

task(async ({ databaseUrl, jobs }) => {
  const pgPool = new pg.Pool({ connectionString: databaseUrl, max: CONCURRENCY + 2 });
  pgPool.on('error', () => {});
  pgPool.on('connect', (client) => client.on('error', () => {}));
  const utils = await makeWorkerUtils({ pgPool, logger: silent });
  await utils.migrate();
  const pace = {};
  for (const [way, options] of Object.entries(WAYS)) {
    pace[way] = await paceOf(jobs, specsOf, (specs) => cycle({ pgPool, utils, options }, specs));
  }
  return pace;
});

const specsOf = (wanted) => wanted.map((payload) => ({ identifier: 'deliver', payload }));

async function cycle({ pgPool, utils, options }, specs) {
  await inBatches(specs, 2, (batch) => utils.addJobs(batch));
  const { promise: done, resolve } = Promise.withResolvers();
  let left = specs.length;
  const deliver = async () => {
    if (--left === 0) resolve();
  };
  const worker = { concurrentJobs: CONCURRENCY, pollInterval: 100, ...options };
  const runner = await run({
    pgPool,
    logger: silent,
    noHandleSignals: true,
    taskList: { deliver },
    preset: { worker: { ...worker, maxPoolSize: CONCURRENCY + 2 } },
  });
  await done;
  while (await hasJobs(pgPool)) await new Promise((resolve) => setImmediate(resolve));
  return () => runner.stop();
}

async function hasJobs(pgPool) {
  const { rowCount } = await pgPool.query('select 1 from graphile_worker._private_jobs limit 1');
  return rowCount > 0;
}
