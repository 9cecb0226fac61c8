import { readdirSync, readFileSync } from 'node:fs';
import type { Queryable } from '../src/store/index.ts';

const TICK_MS = 10;

/** Processor time (ms) that the whole server has used so far: all its processes, those included that ended (Linux). */
export async function postgresCpuMs(db: Queryable): Promise<number> {
  const { rows } = await db.query('select pg_backend_pid() as pid');
  const server = readStat(rows[0].pid)!.parent;
  let ticks = readStat(server)!.ofEnded;
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : null;
    if (stat && (stat.parent === server || Number(name) === server)) ticks += stat.own;
  }
  return ticks * TICK_MS;
}

/** Null when the process is gone. See proc_pid_stat(5). */
function readStat(pid: number): { parent: number; own: number; ofEnded: number } | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return { parent: fields[1]!, own: fields[11]! + fields[12]!, ofEnded: fields[13]! + fields[14]! };
}
