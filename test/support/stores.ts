import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { openStore, type Store } from '../../src/store/index.ts';
import { startPostgres, type TestCluster } from './postgres.ts';

const TEMPLATE = 'bellhop_template';
let ownCluster: Promise<TestCluster> | undefined;
let databases = 0;

/** Where the tests' PostgreSQL is: started once by global-setup.ts, or by this file when a test runs alone. */
async function clusterUrl(): Promise<string> {
  const given = process.env.BELLHOP_TEST_DATABASE_URL;
  if (given) return given;
  ownCluster ??= startPostgres(['-c', 'fsync=off']).then(async (cluster) => {
    await makeTemplateDatabase(cluster.url);
    return cluster;
  });
  return (await ownCluster).url;
}

/** A migrated database that new ones are copied from. */
export async function makeTemplateDatabase(url: string): Promise<void> {
  await administer(url, `create database ${TEMPLATE}`);
  const store = await openStore({ databaseUrl: withDatabase(url, TEMPLATE), poolSize: 1 });
  await store.close();
}

/** A migrated PGlite data folder as a file; opening from it saves the seconds that initdb and migrations take. */
export async function makeEmbeddedSnapshot(): Promise<string> {
  const database = new PGlite();
  const store = await openStore({ dataDir: 'memory://', database });
  const dump = await database.dumpDataDir('none');
  const path = join(mkdtempSync(join(tmpdir(), 'bellhop-snapshot-')), 'data.tar');
  writeFileSync(path, new Uint8Array(await dump.arrayBuffer()));
  await store.close();
  return path;
}

/** An empty, migrated embedded store in memory. */
export async function openEmbeddedTestStore(): Promise<Store> {
  process.env.BELLHOP_TEST_SNAPSHOT ||= await makeEmbeddedSnapshot();
  const path = process.env.BELLHOP_TEST_SNAPSHOT;
  if (!existsSync(path)) throw new Error(`the snapshot ${path} is gone`);
  const database = new PGlite({ loadDataDir: new Blob([readFileSync(path)]) });
  return openStore({ dataDir: 'memory://', database });
}

/** An empty, migrated database of its own on the real PostgreSQL. `poolSize: 1` proves nobody asks for a second connection. */
export async function openPostgresTestStore(poolSize = 1): Promise<Store & { databaseUrl: string }> {
  const databaseUrl = await createTestDatabase();
  return Object.assign(await openStore({ databaseUrl, poolSize }), { databaseUrl });
}

export async function createTestDatabase(): Promise<string> {
  const url = await clusterUrl();
  const name = `test_${process.pid}_${++databases}`;
  await administer(url, `create database ${name} template ${TEMPLATE}`);
  return withDatabase(url, name);
}

/** Runs a suite against the embedded database and against a real PostgreSQL. */
export function describeStores(title: string, suite: (store: () => Store) => void): void {
  const kinds: [string, () => Promise<Store>][] = [
    ['embedded', openEmbeddedTestStore],
    ['PostgreSQL', () => openPostgresTestStore()],
  ];
  for (const [kind, open] of kinds) {
    describe(`${title} on ${kind}`, () => {
      let store: Store;
      before(async () => {
        store = await open();
      });
      after(async () => {
        await store.close();
        if (kind === 'PostgreSQL') await stopOwnCluster();
      });
      suite(() => store);
    });
  }
}

/** Stops the cluster that this process started for itself, if any. Tests that open PostgreSQL stores call it last. */
export async function stopOwnCluster(): Promise<void> {
  const cluster = ownCluster;
  ownCluster = undefined;
  await (await cluster)?.stop();
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
