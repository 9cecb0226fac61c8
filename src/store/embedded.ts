import { fdatasyncSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import pg from 'pg';
import { lockFolder } from './folder-lock.ts';
import { PGliteStream } from './pglite-stream.ts';
import { onConnect } from './session.ts';

const CONNECT_TIMEOUT_MS = 30_000;

/**
 * PGlite leaves fsync to others. Here PostgreSQL calls it at each commit (see `postgresqlconf` below), and the
 * call that arrives in the WASM file system is handed on to the real file.
 */
class SyncedNodeFS extends NodeFS {
  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const result = await super.init(...args);
    const { emscriptenOpts } = result;
    emscriptenOpts.preRun = [
      ...(emscriptenOpts.preRun as ((module: unknown) => void)[]),
      (module: unknown) => {
        const { NODEFS } = module as { NODEFS: { stream_ops: { fsync?(stream: { nfd: number }): number } } };
        NODEFS.stream_ops.fsync = (stream) => {
          fdatasyncSync(stream.nfd);
          return 0;
        };
      },
    ];
    return result;
  }
}

/** Opens (or creates) the embedded PostgreSQL in `<dataDir>/postgres` and keeps other processes out of the folder. */
export async function openEmbedded(
  dataDir: string,
  given?: PGlite,
): Promise<{ pool: pg.Pool; close(): Promise<void> }> {
  const inMemory = dataDir === 'memory://';
  if (!inMemory) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = inMemory ? null : lockFolder(dataDir);
  try {
    const database = given ?? (inMemory ? new PGlite() : new PGlite(durable(join(dataDir, 'postgres'))));
    await database.waitReady;
    const pool = new pg.Pool({
      user: 'postgres',
      database: 'postgres',
      stream: () => new PGliteStream(database) as never,
      max: 1,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: 0,
      onConnect,
    });
    pool.on('error', () => {});
    return {
      pool,
      async close() {
        await pool.end();
        await database.close();
        lock?.release();
      },
    };
  } catch (error) {
    lock?.release();
    throw new Error(
      `The embedded database in ${join(dataDir, 'postgres')} could not be opened. If the folder was damaged or written by a ` +
        `newer version, restore it from a backup or point BELLHOP_DATA_DIR at an empty folder. (${(error as Error)?.message ?? error})`,
      { cause: error },
    );
  }
}

function durable(folder: string) {
  return {
    fs: new SyncedNodeFS(folder),
    startParams: PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'),
    // The kernel caches the files as well; PostgreSQL's default of 128 MB would double the process.
    postgresqlconf: ['fsync=on', 'wal_sync_method=fsync', 'shared_buffers=32MB'],
  };
}
