import pg from 'pg';
import { openStore } from '../src/store/index.ts';
import type { KeptPostgres } from './kept.ts';
import { measureLifecycle } from './lifecycle.ts';
import type { Row } from './row.ts';

export interface AgeSizes {
  /** Deliveries of last month that are to lie behind. */
  behind: number;
  roundSeconds: number;
}

const CHUNK = 100_000;
const BUILDERS = 2;
const ROUNDS = 3;

/**
 * P11, first half: the life of a delivery in a database with many of last month's behind it, beside one that has none.
 * The two take turns, so that whatever else the machine does meets both.
 */
export async function measureAge(postgres: KeptPostgres, sizes: AgeSizes): Promise<Row> {
  const { behind } = sizes;
  const month = lastMonth(new Date());
  const fresh = await postgres.copy('age_fresh', { name: 'original_fresh', build: makeStore });
  const aged = await postgres.copy('age_aged', {
    name: `original_aged_${behind}_${month.name}`,
    async build(databaseUrl) {
      await makeStore(databaseUrl);
      await buildPast(databaseUrl, behind, month);
    },
  });
  const sum = { fresh: 0, aged: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    sum.fresh += await measureLifecycle(fresh, sizes.roundSeconds);
    sum.aged += await measureLifecycle(aged, sizes.roundSeconds);
  }
  const ratio = sum.aged / sum.fresh;
  return {
    id: 'P11',
    what: `age: SQL lifecycle with ${behind.toLocaleString('en')} deliveries of last month behind it`,
    value: `${Math.round(sum.aged / ROUNDS)}/s`,
    limit: `fresh ${Math.round(sum.fresh / ROUNDS)}/s`,
    ratio: ratio.toFixed(2),
    goal: '≥ 0.9',
    met: ratio >= 0.9,
  };
}

async function makeStore(databaseUrl: string): Promise<void> {
  await (await openStore({ databaseUrl, poolSize: 1 })).close();
}

interface Month {
  /** As partitions are named: `2026_10`. */
  name: string;
  /** Milliseconds since 1970, the end excluded. */
  from: number;
  to: number;
}

function lastMonth(now: Date): Month {
  const to = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
  const from = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1);
  return { name: new Date(from).toISOString().slice(0, 7).replace('-', '_'), from, to };
}

/** Fills a table of last month first, and then makes it a partition, so that each index is built once and sorted. */
async function buildPast(connectionString: string, behind: number, month: Month): Promise<void> {
  const table = `deliveries_${month.name}`;
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(`create table ${table} (like deliveries including defaults)`);
  const agoSeconds = Math.round((Date.now() - (month.from + month.to) / 2) / 1000);
  let built = 0;
  await Promise.all(
    Array.from({ length: BUILDERS }, async () => {
      const builder = new pg.Client({ connectionString });
      await builder.connect();
      while (built < behind) {
        const count = Math.min(CHUNK, behind - built);
        built += count;
        await builder.query(insertPast(table), [count, agoSeconds]);
      }
      await builder.end();
    }),
  );
  const [from, to] = [month.from, month.to].map(
    (ms) => `${hex(ms).slice(0, 8)}-${hex(ms).slice(8)}-0000-0000-000000000000`,
  );
  await client.query("set maintenance_work_mem = '512MB'");
  await client.query(
    `alter table deliveries attach partition ${table} for values from ('${from}') to ('${to}')`,
  );
  await client.query(`vacuum analyze ${table}`);
  await client.end();
}

function hex(ms: number): string {
  return ms.toString(16).padStart(12, '0');
}

/** Deliveries as a plain success leaves them. */
function insertPast(table: string): string {
  return `insert into ${table} (id, tenant_id, live, notification_id, user_id, channel, lane, device_id, provider, connection,
      state, attempt, provider_message_id, created_at, expires_at, started_at, finished_at)
    select uuidv7(ago), '01900000-0000-7000-8000-0000000000ff', true, uuidv7(ago), gen_random_uuid(), 'push',
      'push.ios.normal', gen_random_uuid(), 'apns', 'bench-0', 'sent', 1, gen_random_uuid()::text, made, made, made, made
    from generate_series(1, $1::int), (select make_interval(secs => -$2::float8) as ago) i,
      lateral (select clock_timestamp() + ago as made) m`;
}
