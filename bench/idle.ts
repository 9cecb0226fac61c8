import { setTimeout as wait } from 'node:timers/promises';
import { type RunningBellhop, startBellhop, temporaryFolder } from '../test/support/process.ts';
import { usageOf } from './children.ts';
import type { Row } from './row.ts';

/**
 * By then a process has given back the memory of its start, and V8 has optimised what it uses most: of the embedded
 * database that is one function of 200 ms, once.
 */
const SETTLED_MS = 20_000;

/** P9: memory and processor time of a process that has nothing to do, and how fast a warm start is. */
export async function measureIdle(
  { idleSeconds }: { idleSeconds: number },
  onPostgres: Record<string, string>,
): Promise<Row[]> {
  const dataDir = temporaryFolder();
  const first = await startBellhop({}, { dataDir });
  await first.end();
  // One after the other they start, and together they do nothing.
  const running: RunningBellhop[] = [];
  try {
    running.push(await startBellhop({}, { dataDir }));
    running.push(await startBellhop(onPostgres));
    return toRows(await Promise.all(running.map((bellhop) => measureOne(bellhop, idleSeconds))));
  } finally {
    for (const bellhop of running) await bellhop.dispose();
  }
}

function toRows(both: Idle[]): Row[] {
  const [embedded, postgres] = both as [Idle, Idle];
  return [
    row('P9', 'idle, embedded', embedded, { rssMb: 280, goal: '< 280 MB, < 1 % CPU' }),
    {
      id: 'P9',
      what: 'warm start, embedded',
      value: `${(embedded.startMs / 1000).toFixed(2)} s`,
      limit: '–',
      ratio: '–',
      goal: '< 3 s',
      met: embedded.startMs < 3_000,
    },
    row('P9', 'idle, PostgreSQL', postgres, { rssMb: 120, goal: '< 120 MB, < 1 % CPU' }),
  ];
}

interface Idle {
  rssMb: number;
  cpuPercent: number;
  startMs: number;
}

async function measureOne(bellhop: RunningBellhop, seconds: number): Promise<Idle> {
  await wait(SETTLED_MS);
  const before = usageOf(bellhop.pid);
  await wait(seconds * 1_000);
  const after = usageOf(bellhop.pid);
  return {
    rssMb: after.rssMb,
    cpuPercent: (after.cpuMs - before.cpuMs) / (seconds * 10),
    startMs: bellhop.startMs,
  };
}

function row(id: string, what: string, idle: Idle, goal: { rssMb: number; goal: string }): Row {
  return {
    id,
    what,
    value: `${Math.round(idle.rssMb)} MB RSS, ${idle.cpuPercent.toFixed(2)} % CPU`,
    limit: '–',
    ratio: '–',
    goal: goal.goal,
    met: idle.rssMb < goal.rssMb && idle.cpuPercent < 1,
  };
}
