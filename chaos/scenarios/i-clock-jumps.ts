import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { underLoad } from '../load.ts';
import type { Scenario } from '../scenario.ts';

const HOUR_S = 3_600;
/** A process reads the database's clock again after at most this long. */
const NOTICED_MS = 13_000;

/**
 * The database's clock jumps an hour ahead and back. New sessions find a `clock_timestamp()` before PostgreSQL's own
 * on their search path, which adds an offset from a table.
 */
export default {
  id: 'i',
  title: "the database's clock jumps ± 1 h",
  share: 0,
  run: (plan) =>
    underLoad({ plan, prepare: installClock, perSecond: 30 }, async ({ db }) => {
      // At last ahead again: what was accepted while the clock was ahead is due only when it gets there once more.
      const jumps = plan.isQuick ? [HOUR_S] : [HOUR_S, 0, -HOUR_S, 0, HOUR_S];
      for (const offset of jumps) {
        await wait(2_000);
        await db.query('update chaos.clock set seconds = $1', [offset]);
        await wait(NOTICED_MS);
      }
      return { count: jumps.length, note: 'jumps; what expires meanwhile ends as expired' };
    }),
} satisfies Scenario;

async function installClock(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const database = new URL(databaseUrl).pathname.slice(1);
  await client.query(`
    create schema chaos;
    grant usage on schema chaos to public;
    create table chaos.clock (seconds double precision not null);
    insert into chaos.clock values (0);
    grant select on chaos.clock to public;
    create function chaos.clock_timestamp() returns timestamptz language sql volatile as
      $$ select pg_catalog.clock_timestamp() + make_interval(secs => seconds) from chaos.clock $$;
    alter database ${database} set search_path = public, chaos, pg_catalog`);
  await client.end();
}
