import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { type Clock, ReferenceClock } from '../lib/clock.ts';
import { openEmbedded } from './embedded.ts';
import { migrate } from './migrate.ts';
import { ensurePartitions } from './partitions.ts';
import type { Queryable } from './queryable.ts';

export interface StoreOptions {
  /** PostgreSQL ≥ 15. Without it the embedded database in `dataDir` is used. */
  databaseUrl?: string;
  /** Folder of the embedded database, or `memory://` for tests. */
  dataDir?: string;
  /** An embedded database that is open already (tests start from a snapshot). */
  database?: PGlite;
  /** Connections per pool; there are four. The embedded database always has one in all. */
  poolSize?: number;
  migrate?: boolean;
}

/**
 * The authority on what happened. Separate pools keep bulk work from delaying high-priority requests; embedded,
 * all four are the same single connection, so whoever holds a client must not ask for another.
 */
export interface Store {
  kind: 'embedded' | 'postgres';
  /** Reads and single writes of the API. */
  api: pg.Pool;
  /** Group commits, high priority and the rest apart. */
  acceptHigh: pg.Pool;
  acceptBulk: pg.Pool;
  /** Route, deliver, track, sweep. */
  engine: pg.Pool;
  /** The database's time (see ReferenceClock). */
  clock: Clock;
  /** A transaction as role bellhop_api that sees the rows of one tenant only: the second wall behind `where tenant_id`. */
  scoped<T>(tenantId: string, work: (db: Queryable) => Promise<T>): Promise<T>;
  /** A transaction of the engine. Deadlocks and serialisation failures are tried again, so `work` may run twice. */
  transaction<T>(work: (db: Queryable) => Promise<T>): Promise<T>;
  /** Reads the database's clock again. */
  syncClock(): Promise<void>;
  close(): Promise<void>;
}

const STATEMENT_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const SYNC_CLOCK_MS = 10_000;
const DEADLOCK = '40P01';
const SERIALIZATION_FAILURE = '40001';
const MAX_TRANSACTION_TRIES = 5;

// bigint and numeric: our counts stay far below 2^53.
pg.types.setTypeParser(20, Number);
pg.types.setTypeParser(1700, Number);

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
    transaction: (work) => inTransaction(pools.engine, work),
    async syncClock() {
      const asked = performance.now();
      const { rows } = await pools.engine.query('select extract(epoch from clock_timestamp()) * 1000 as ms');
      const halfTripMs = (performance.now() - asked) / 2;
      clock.setTo(Number(rows[0].ms) + halfTripMs);
    },
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
  return keepClock(store);
}

/**
 * Reads the database's clock again now and then, in every process whatever its roles: one that went on by an old time
 * would look dead to the others, or take them for dead. The timer is this process's own: no jump can silence it.
 */
function keepClock(store: Store): Store {
  // When the database is away there is nothing to read; the next time will do.
  const timer = setInterval(() => void store.syncClock().catch(() => {}), SYNC_CLOCK_MS);
  timer.unref();
  const { close } = store;
  return Object.assign(store, {
    close: () => {
      clearInterval(timer);
      return close();
    },
  });
}

type Pools = Pick<Store, 'kind' | 'api' | 'acceptHigh' | 'acceptBulk' | 'engine' | 'close'>;

function postgresPools(connectionString: string, max: number): Pools {
  const open = (name: string) => {
    const pool = new pg.Pool({
      connectionString,
      max,
      application_name: `bellhop ${name}`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      keepAlive: true,
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
  };
  return {
    kind: 'postgres',
    ...pools,
    close: async () => {
      await Promise.all(Object.values(pools).map((pool) => pool.end()));
    },
  };
}

async function embeddedPools(dataDir: string, database: PGlite | undefined): Promise<Pools> {
  const { pool, close } = await openEmbedded(dataDir, database);
  return { kind: 'embedded', api: pool, acceptHigh: pool, acceptBulk: pool, engine: pool, close };
}

export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const client = await pool.connect();
    let broken: Error | undefined;
    // A connection that breaks between two statements says so by an event, and the pool does not listen while a client
    // is out: unheard, it would end the process.
    const onError = (error: Error) => {
      broken = error;
    };
    client.on('error', onError);
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch((rollbackError: Error) => {
        broken = rollbackError;
      });
      const { code } = error as { code?: string };
      const transient = code === DEADLOCK || code === SERIALIZATION_FAILURE;
      if (!transient || tries >= MAX_TRANSACTION_TRIES) throw error;
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }
}
