import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { type Clock, ReferenceClock } from '../lib/clock.ts';
import { withClient } from './client.ts';
import { readClock } from './keep-clock.ts';
import { migrate } from './migrate.ts';
import { ensurePartitions } from './partitions.ts';
import type { Queryable } from './queryable.ts';
import { onConnect } from './session.ts';
import { installTimestampReader } from './timestamp.ts';

export interface StoreOptions {
  /** PostgreSQL ≥ 15. Without it the embedded database in `dataDir` is used. */
  databaseUrl?: string;
  /** Folder of the embedded database, or `memory://` for tests. */
  dataDir?: string;
  /** An embedded database that is open already (tests start from a snapshot). */
  database?: PGlite;
  /** Connections per pool; there are four, and small ones for high priority and for receipts. The embedded database has one in all. */
  poolSize?: number;
  migrate?: boolean;
}

/**
 * The authority on what happened. Separate pools keep bulk work from delaying high priority; embedded, all are the same single connection, so whoever holds a client must not ask for another.
 */
export interface Store {
  kind: 'embedded' | 'postgres';
  /**
   * Under load, work for one statement is worth gathering at least so long, since a statement costs milliseconds however
   * little it does.
   */
  gatherMs: number;
  /** Reads and single writes of the API. */
  api: pg.Pool;
  /** Group commits, high priority and the rest apart. */
  acceptHigh: pg.Pool;
  acceptBulk: pg.Pool;
  /** Route, deliver, track, sweep. */
  engine: pg.Pool;
  /** Routing and claims of high priority. */
  engineHigh: pg.Pool;
  /** What vendors report: a flood of it waits here, and for nobody else. */
  receipts: pg.Pool;
  /** The database's time (see ReferenceClock). */
  clock: Clock;
  /** A transaction as role bellhop_api that sees the rows of one tenant only: the second wall behind `where tenant_id`. */
  scoped<T>(tenantId: string, work: (db: Queryable) => Promise<T>): Promise<T>;
  /** A transaction of the engine. Deadlocks and serialisation failures are tried again, so `work` may run twice. */
  transaction<T>(work: (db: Queryable) => Promise<T>, options?: { isHigh?: boolean }): Promise<T>;
  /** Reads the database's clock again. */
  syncClock(): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Routing of high priority, and a claim for each of its lanes, of which few are busy at once. */
const HIGH_POOL_SIZE = 3;
/** Two batches of receipts under way, and a look at the connections of tenants. */
const RECEIPTS_POOL_SIZE = 3;
const EMBEDDED_GATHER_MS = 20;
const DEADLOCK = '40P01';
const SERIALIZATION_FAILURE = '40001';
const MAX_TRANSACTION_TRIES = 5;

// bigint and numeric: our counts stay far below 2^53.
pg.types.setTypeParser(20, Number);
pg.types.setTypeParser(1700, Number);
installTimestampReader();

export async function openStore(options: StoreOptions): Promise<Store> {
  const pools = options.databaseUrl
    ? postgresPools(options.databaseUrl, options.poolSize ?? 5)
    : await embeddedPools(options.dataDir ?? 'memory://', options.database);
  const clock = new ReferenceClock();
  const store: Store = {
    ...pools,
    clock,
    scoped: (tenantId, work) =>
      inTransaction(pools.api, async (client) => {
        await client.query(
          "select set_config('role', 'bellhop_api', true), set_config('bellhop.tenant', $1, true)",
          [tenantId],
        );
        return work(client);
      }),
    transaction: (work, { isHigh = false } = {}) =>
      inTransaction(isHigh ? pools.engineHigh : pools.engine, work),
    syncClock: async () => clock.setTo(await withClient(pools.engine, readClock)),
  };
  try {
    if (options.migrate ?? true) {
      await migrate(store.engine);
      await ensurePartitions(store.engine, clock.now());
    }
    await store.syncClock();
  } catch (error) {
    await store.close().catch(() => {});
    throw error;
  }
  return store;
}

type Pools = Pick<
  Store,
  'kind' | 'gatherMs' | 'api' | 'acceptHigh' | 'acceptBulk' | 'engine' | 'engineHigh' | 'receipts' | 'close'
>;

function postgresPools(connectionString: string, max: number): Pools {
  const open = (name: string, size = max) => {
    const pool = new pg.Pool({
      connectionString,
      max: size,
      application_name: `bellhop ${name}`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      onConnect,
    });
    // An idle connection that breaks is replaced on the next use; without a listener it would end the process.
    pool.on('error', () => {});
    return pool;
  };
  const pools = {
    api: open('api'),
    acceptHigh: open('accept high'),
    acceptBulk: open('accept'),
    engine: open('engine'),
    engineHigh: open('engine high', Math.min(max, HIGH_POOL_SIZE)),
    receipts: open('receipts', Math.min(max, RECEIPTS_POOL_SIZE)),
  };
  return {
    kind: 'postgres',
    gatherMs: 0,
    ...pools,
    close: async () => {
      await Promise.all(Object.values(pools).map((pool) => pool.end()));
    },
  };
}

async function embeddedPools(dataDir: string, database: PGlite | undefined): Promise<Pools> {
  // What runs on a server does not load the engine of the embedded one.
  const { openEmbedded } = await import('./embedded.ts');
  const { pool, close } = await openEmbedded(dataDir, database);
  return {
    kind: 'embedded',
    gatherMs: EMBEDDED_GATHER_MS,
    api: pool,
    acceptHigh: pool,
    acceptBulk: pool,
    engine: pool,
    engineHigh: pool,
    receipts: pool,
    close,
  };
}

export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await withClient(pool, async (client, discard) => {
        await client.query('begin');
        try {
          const result = await work(client);
          await client.query('commit');
          return result;
        } catch (error) {
          await client.query('rollback').catch(discard);
          throw error;
        }
      });
    } catch (error) {
      const { code } = error as { code?: string };
      const transient = code === DEADLOCK || code === SERIALIZATION_FAILURE;
      if (!transient || tries >= MAX_TRANSACTION_TRIES) throw error;
    }
  }
}
