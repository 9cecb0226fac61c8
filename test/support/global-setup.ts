import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { startPostgres, type TestCluster } from './postgres.ts';
import { makeEmbeddedSnapshot, makeTemplateDatabase } from './stores.ts';

let cluster: TestCluster;

/** Once per `npm test`: a PostgreSQL for all test files, and a migrated snapshot of the embedded database. */
export async function globalSetup(): Promise<void> {
  cluster = await startPostgres(['-c', 'fsync=off']);
  await makeTemplateDatabase(cluster.url);
  process.env.BELLHOP_TEST_DATABASE_URL = cluster.url;
  process.env.BELLHOP_TEST_SNAPSHOT = await makeEmbeddedSnapshot();
}

export async function globalTeardown(): Promise<void> {
  await cluster.stop();
  rmSync(dirname(process.env.BELLHOP_TEST_SNAPSHOT!), { recursive: true, force: true });
}
