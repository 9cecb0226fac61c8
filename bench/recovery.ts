import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { runLoad } from './children.ts';
import type { MockCounts } from './mock-apns.ts';
import { plan } from './push-road.ts';
import type { Row } from './row.ts';

const BEFORE_MS = 4_000;
const LOAD_SECONDS = 24;
const GIVE_UP_MS = 60_000;

/** R4: how long until what a killed worker had under way is taken over, and how long nothing was sent meanwhile. */
export async function measureRecovery(
  bellhop: RunningBellhop,
  env: Record<string, string>,
  { rate, counts }: { rate: number; counts: () => Promise<MockCounts> },
): Promise<Row> {
  const client = new pg.Client({ connectionString: env.DATABASE_URL });
  await client.connect();
  let second: RunningBellhop | undefined;
  try {
    const known = await selectWorkers(client);
    // Its API gets no requests; it is there to say that the process is ready.
    second = await startBellhop({ ...env, BELLHOP_ROLES: 'api,worker' });
    const victim = (await selectWorkers(client)).find((id) => !known.includes(id))!;
    const load = runLoad(plan(bellhop, rate, LOAD_SECONDS));
    await wait(BEFORE_MS);
    const gap = watchGaps(counts);
    await second.end('SIGKILL');
    const takenOverMs = await untilTakenOver(client, victim);
    await load;
    const { rows } = await client.query(
      "select count(*) as n from attempts where outcome = 'unknown' and reason = 'worker_lost'",
    );
    return toRow({ takenOverMs, gapMs: await gap.stop(), unknown: rows[0].n, rate });
  } finally {
    await client.end();
    await second?.dispose();
  }
}

async function selectWorkers(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query('select id from workers');
  return rows.map((row) => row.id);
}

/** Its row goes in the transaction that marks what it had under way. */
async function untilTakenOver(client: pg.Client, worker: string): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < GIVE_UP_MS) {
    if (!(await selectWorkers(client)).includes(worker)) break;
    await wait(50);
  }
  return performance.now() - startedAt;
}

/** The longest time in which the mock saw nothing new. */
function watchGaps(counts: () => Promise<MockCounts>) {
  let longestMs = 0;
  let over = false;
  const done = (async () => {
    let last = (await counts()).count;
    let since = performance.now();
    while (!over) {
      await wait(20);
      const { count } = await counts();
      longestMs = Math.max(longestMs, performance.now() - since);
      if (count === last) continue;
      last = count;
      since = performance.now();
    }
  })();
  return {
    async stop() {
      over = true;
      await done;
      return longestMs;
    },
  };
}

function toRow(recovery: { takenOverMs: number; gapMs: number; unknown: number; rate: number }): Row {
  const { takenOverMs, gapMs, unknown, rate } = recovery;
  return {
    id: 'R4',
    what: `SIGKILL of one of two workers at ${rate}/s`,
    value: `what it had under way (${unknown}) taken over after ${(takenOverMs / 1000).toFixed(1)} s; nothing sent for ${gapMs.toFixed(0)} ms at most`,
    limit: '–',
    ratio: '–',
    goal: '< 15 s',
    met: takenOverMs < 15_000,
  };
}
