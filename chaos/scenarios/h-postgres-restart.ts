import { setTimeout as wait } from 'node:timers/promises';
import { startPostgres } from '../../test/support/postgres.ts';
import { underLoad } from '../load.ts';
import type { Findings, Plan, Scenario } from '../scenario.ts';
import { createDatabase, prepareCluster } from '../world.ts';

/** PostgreSQL ends as in a crash and comes back on the same data: once at once, once after a while. */
export default {
  id: 'h',
  title: 'PostgreSQL restarts (immediate)',
  share: 0,
  run,
} satisfies Scenario;

async function run(plan: Plan): Promise<Findings> {
  const cluster = await startPostgres();
  try {
    await prepareCluster(cluster.url);
    const databaseUrl = await createDatabase(cluster.url);
    // The second absence is longer than a heartbeat may be old: all workers look dead when it is back.
    const absencesMs = plan.isQuick ? [0] : [0, 12_000, 0, 500, 12_000, 0];
    return await underLoad({ plan, databaseUrl }, async () => {
      for (const absence of absencesMs) {
        await wait(1_500);
        await cluster.crash();
        await wait(absence);
        await cluster.start();
      }
      await wait(2_000);
      return { count: absencesMs.length, note: 'restarts, up to 12 s away' };
    });
  } finally {
    await cluster.stop();
  }
}
