import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../test/support/postgres.ts';

/** What a kept database was made by: when one of these changes, it is made anew. */
const MAKERS = ['audience.ts', 'age.ts', 'campaign-rig.ts'].map((file) => new URL(file, import.meta.url));
const MIGRATIONS = new URL('../src/store/migrations/', import.meta.url);
const FOLDER_NAME = /^bench-[0-9a-f]{12}$/;
const FLAGS = ['-c', 'shared_buffers=256MB', '-c', 'max_wal_size=4GB', '-c', 'maintenance_work_mem=256MB'];

/** A PostgreSQL with large databases that are made once and copied for each run. */
export interface KeptPostgres {
  /** Of every database in it: copies hold what was encrypted with it. */
  masterKey: string;
  /**
   * A fresh copy, under `name`, of the database `original`, which `build` fills when there is none yet. Says so, with
   * the seconds it took.
   */
  copy(
    name: string,
    original: { name: string; build: (databaseUrl: string) => Promise<void> },
  ): Promise<string>;
  stop(): Promise<void>;
}

/** In a folder under `keepIn`, where what was made for another schema is thrown away; or in a temporary one. */
export async function startKeptPostgres(keepIn: string | null): Promise<KeptPostgres> {
  const folder = keepIn && prepareFolder(keepIn);
  const { url, stop } = await startPostgres(FLAGS, undefined, folder);
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  const urlOf = (name: string) => Object.assign(new URL(url), { pathname: `/${name}` }).href;
  const copies = new Set<string>();
  const drop = (name: string) => admin.query(`drop database if exists ${name} with (force)`);
  return {
    masterKey: loadMasterKey(folder),
    async copy(name, original) {
      if (!(await exists(admin, original.name))) {
        const startedAt = performance.now();
        await drop('unfinished');
        await admin.query('create database unfinished');
        await original.build(urlOf('unfinished'));
        await admin.query(`alter database unfinished rename to ${original.name}`);
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
        console.log(`  made ${original.name} in ${seconds} s${folder ? `, kept in ${folder}` : ''}`);
      }
      await drop(name);
      copies.add(name);
      await admin.query(`create database ${name} template ${original.name} strategy file_copy`);
      return urlOf(name);
    },
    async stop() {
      if (folder) for (const name of copies) await drop(name);
      await admin.end();
      await stop();
    },
  };
}

function prepareFolder(keepIn: string): string {
  // Partitions are by month, so what was made in another one lies in the wrong place.
  const hash = createHash('sha256').update(new Date().toISOString().slice(0, 7));
  const migrations = readdirSync(MIGRATIONS).toSorted();
  for (const url of [...MAKERS, ...migrations.map((file) => new URL(file, MIGRATIONS))])
    hash.update(readFileSync(url));
  const name = `bench-${hash.digest('hex').slice(0, 12)}`;
  mkdirSync(keepIn, { recursive: true });
  for (const other of readdirSync(keepIn)) {
    if (FOLDER_NAME.test(other) && other !== name) rmSync(join(keepIn, other), { recursive: true });
  }
  return join(keepIn, name);
}

/** Made with the folder; the key of nothing but what a benchmark invents. */
function loadMasterKey(folder: string | null): string {
  const made = randomBytes(32).toString('base64');
  if (!folder) return made;
  const path = join(folder, 'master-key');
  if (!existsSync(path)) writeFileSync(path, made, { mode: 0o600 });
  return readFileSync(path, 'utf8');
}

async function exists(admin: pg.Client, name: string): Promise<boolean> {
  return (await admin.query('select 1 from pg_database where datname = $1', [name])).rows.length > 0;
}
