import pg from 'pg';
import { type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { runLoad, usageOf } from './children.ts';
import { postgresCpuMs } from './postgres-usage.ts';
import { type Apple, drained, plan, setUp, startApple, USERS, warmUp } from './push-road.ts';
import type { Row } from './row.ts';

/** Well below saturation, so that both ways have the same work to do. */
const RATE = 1_000;
const ROUNDS = 3;
const WARM_UP_SECONDS = 3;
const CATEGORY = 'offers';

/** Processor time of one notification, in microseconds. */
interface Cost {
  bellhop: number;
  postgres: number;
}

/**
 * What rules cost on P2's road: a category with quiet hours, two caps and a quota, to users with preferences and quiet
 * hours of their own, beside the same messages without any of that. In turns, since a machine's pace wanders.
 */
export async function measureRules(
  { seconds }: { seconds: number },
  env: Record<string, string>,
): Promise<Row[]> {
  const apple = await startApple();
  const db = new pg.Pool({ connectionString: env.DATABASE_URL!, max: 1 });
  const bellhop = await startBellhop({ BELLHOP_ACCEPT_QUEUE: '100000', ...env });
  try {
    await setUp(bellhop, apple.origin);
    await declareRules(bellhop);
    await warmUp(bellhop, apple.count, WARM_UP_SECONDS);
    const costs: Record<'without' | 'with', Cost[]> = { without: [], with: [] };
    for (let round = 0; round < ROUNDS; round++) {
      costs.without.push(await measureCost(bellhop, { apple, db, seconds }));
      costs.with.push(await measureCost(bellhop, { apple, db, seconds, category: CATEGORY }));
    }
    return [toRow(best(costs.without), best(costs.with))];
  } finally {
    apple.stop();
    await bellhop.dispose();
    await db.end();
  }
}

/** None of them holds anything back: all of them are looked at. */
async function declareRules(bellhop: RunningBellhop): Promise<void> {
  const put = async (path: string, body: object, method = 'PUT') => {
    const answer = await bellhop.call(method, path, body);
    if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
  };
  const hour = new Date(Date.now() + 6 * 3_600_000).getUTCHours();
  const windows = [{ from: clockAt(hour), to: clockAt(hour + 1) }];
  const caps = [
    { limit: 10_000, per: 'day' },
    { limit: 10_000, per: 'week', channel: 'push' },
  ];
  await put(`/v1/categories/${CATEGORY}`, { kind: 'marketing', priority: 'normal', caps });
  await put('/v1/quiet-hours', { windows });
  await put('/v1/quotas', { perDay: { [CATEGORY]: 1_000_000_000 } });
  for (let user = 0; user < USERS; user++) {
    await put(`/v1/users/user-${user}/quiet-hours`, { windows });
    const preferences = [
      { category: CATEGORY, channel: 'push', choice: 'in' },
      { category: '*', channel: 'email', choice: 'out' },
    ];
    await put(`/v1/users/user-${user}/preferences`, { preferences }, 'PATCH');
  }
}

function clockAt(hour: number): string {
  return `${String(hour % 24).padStart(2, '0')}:00`;
}

async function measureCost(
  bellhop: RunningBellhop,
  { apple, db, seconds, category }: { apple: Apple; db: pg.Pool; seconds: number; category?: string },
): Promise<Cost> {
  const before = await apple.count();
  const [bellhopMs, postgresMs] = [usageOf(bellhop.pid).cpuMs, await postgresCpuMs(db)];
  const { requests } = await runLoad(plan(bellhop, RATE, seconds, { category }));
  const arrived = (await drained(apple.count, before + requests)) - before;
  if (arrived < requests) throw new Error(`${requests - arrived} of ${requests} did not arrive`);
  return {
    bellhop: ((usageOf(bellhop.pid).cpuMs - bellhopMs) * 1_000) / arrived,
    postgres: (((await postgresCpuMs(db)) - postgresMs) * 1_000) / arrived,
  };
}

/** What disturbs only adds to it. */
function best(costs: Cost[]): Cost {
  return costs.reduce((least, cost) => (total(cost) < total(least) ? cost : least));
}

const total = ({ bellhop, postgres }: Cost) => bellhop + postgres;
const describe = (cost: Cost) =>
  `${Math.round(total(cost))} µs (Bellhop ${Math.round(cost.bellhop)}, PostgreSQL ${Math.round(cost.postgres)})`;

function toRow(without: Cost, withRules: Cost): Row {
  const ratio = total(withRules) / total(without);
  return {
    id: 'RULES',
    what: 'processor time per notification with preferences, quiet hours, caps and a quota',
    value: describe(withRules),
    limit: `without rules ${describe(without)}`,
    ratio: ratio.toFixed(2),
    goal: '≤ 1.1',
    met: ratio <= 1.1,
  };
}
