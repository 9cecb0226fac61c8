import { Problem } from '../http/index.ts';
import type { Queryable } from '../store/index.ts';
import { loadGroups } from './declare.ts';
import { nextLook, upcoming } from './plan.ts';
import { parseTiming } from './rule.ts';
import { lockSchedule, type ScheduleKey, type ScheduleRow, saveSchedule } from './store.ts';

/** Among so many of the next occurrences one is looked for that is not left out yet. */
const MAX_SKIPS = 50;

/** What can be done to a schedule that is not over. */
export type Change = 'pause' | 'resume' | 'cancel' | 'skip';

/** Throws a Problem when there is no such schedule, or it is over. */
export async function changeSchedule(
  db: Queryable,
  change: Change,
  { key, now }: { key: ScheduleKey; now: number },
): Promise<ScheduleRow> {
  const row = await lockSchedule(db, key);
  if (!row) throw new Problem('schedule.not_found');
  if (row.state !== 'active' && row.state !== 'paused') {
    throw new Problem('schedule.over', `It is ${row.state}; PUT it again to start it anew`);
  }
  const changed = await applied(db, row, { change, now });
  return changed === row ? row : saveSchedule(db, { ...changed, updated_at: new Date(now) });
}

async function applied(
  db: Queryable,
  row: ScheduleRow,
  { change, now }: { change: Change; now: number },
): Promise<ScheduleRow> {
  switch (change) {
    case 'pause':
      return row.state === 'paused' ? row : { ...row, state: 'paused', next_at: null };
    case 'cancel':
      return { ...row, state: 'cancelled', next_at: null, ended_at: new Date(now) };
    case 'resume':
      return row.state === 'active' ? row : resumed(db, row, now);
    case 'skip':
      return withSkip(db, row, now);
  }
}

/** What came meanwhile is not missed: nobody wanted it. */
async function resumed(db: Queryable, row: ScheduleRow, now: number): Promise<ScheduleRow> {
  const { definition, tenant_id } = row;
  const groups = await loadGroups(db, tenant_id, definition);
  const nextAt = nextLook(parseTiming(definition), definition, groups, now);
  const at = new Date(now);
  if (nextAt === null) return { ...row, state: 'done', cursor_at: at, ended_at: at };
  return { ...row, state: 'active', cursor_at: at, next_at: new Date(nextAt) };
}

async function withSkip(db: Queryable, row: ScheduleRow, now: number): Promise<ScheduleRow> {
  const groups = await loadGroups(db, row.tenant_id, row.definition);
  const next = upcoming(row, groups, { after: now, count: MAX_SKIPS }).find(({ isSkipped }) => !isSkipped);
  if (!next) throw new Problem('schedule.nothing_to_skip');
  return { ...row, skips: [...row.skips, next.local] };
}
