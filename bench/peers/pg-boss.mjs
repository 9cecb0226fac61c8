import { PgBoss } from 'pg-boss';
import { BATCH, inBatches, paceOf } from '../jobs.ts';
import { task } from '../task.ts';

const QUEUE = 'deliver';

task(async ({ databaseUrl, jobs }) => {
  const boss = new PgBoss({ connectionString: databaseUrl, max: 8, supervise: false, schedule: false });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue(QUEUE);
  const pace = {};
  for (const loops of [1, 2, 4]) {
    const cycle = async (wanted) => {
      await inBatches(wanted, 2, (batch) => boss.insert(QUEUE, batch));
      await workOff(boss, wanted.length, loops);
    };
    pace[`${loops} fetch loops`] = await paceOf(jobs, insertsOf, cycle);
  }
  return pace;
});

const insertsOf = (wanted) => wanted.map((data) => ({ data }));

async function workOff(boss, count, loops) {
  let left = count;
  const loop = async () => {
    while (left > 0) {
      const fetched = await boss.fetch(QUEUE, { batchSize: BATCH });
      if (fetched.length === 0) break;
      await boss.complete(
        QUEUE,
        fetched.map(({ id }) => id),
      );
      left -= fetched.length;
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  if (left !== 0) throw new Error(`${left} jobs were not completed`);
}
