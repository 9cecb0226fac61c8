import type { NotificationBody } from '../accept/index.ts';
import type { Audience } from '../audiences/index.ts';
import type { Static } from '../http/index.ts';
import type { Queryable } from '../store/index.ts';
import type { ScheduleState } from './schedule.ts';

/** What is said to everybody of an audience. */
export type SendContent = Omit<Static<typeof NotificationBody>, 'userId' | 'idempotencyKey'>;

/** An occurrence on its way to an audience. */
export interface SendRow {
  tenant_id: string;
  id: string;
  live: boolean;
  schedule_id: string;
  schedule_uid: string;
  local_time: string;
  audience: Audience;
  content: SendContent;
  place: string | null;
  problem: string | null;
  due_at: Date | null;
  created_at: Date;
  finished_at: Date | null;
}

const SEND = `tenant_id, id, live, schedule_id, schedule_uid, local_time, audience, content, place, problem, due_at,
  created_at, finished_at`;

export async function insertSend(db: Queryable, row: SendRow): Promise<void> {
  await db.query(
    `insert into audience_sends (${SEND}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      row.tenant_id,
      row.id,
      row.live,
      row.schedule_id,
      row.schedule_uid,
      row.local_time,
      JSON.stringify(row.audience),
      JSON.stringify(row.content),
      row.place,
      row.problem,
      row.due_at,
      row.created_at,
      row.finished_at,
    ],
  );
}

/** When the next page is due; null when nothing is on its way. */
export async function loadNextSend(db: Queryable): Promise<Date | null> {
  const { rows } = await db.query<{ due_at: Date }>({
    name: 'sends_next',
    text: 'select due_at from audience_sends where due_at is not null order by due_at limit 1',
  });
  return rows[0]?.due_at ?? null;
}

/** Locks the one that waits longest, with the state of its schedule; null as state when that is gone. */
export async function claimSend(
  db: Queryable,
  now: Date,
): Promise<(SendRow & { schedule_state: ScheduleState | null }) | null> {
  const { rows } = await db.query<SendRow & { schedule_state: ScheduleState | null }>({
    name: 'sends_claim',
    text: `with claimed as materialized (
        select ${SEND} from audience_sends where due_at is not null and due_at <= $1
          order by due_at limit 1 for update skip locked
      )
      select c.*, (select s.state from schedules s where s.tenant_id = c.tenant_id and s.live = c.live
        and s.id = c.schedule_id and s.uid = c.schedule_uid) as schedule_state from claimed c`,
    values: [now],
  });
  return rows[0] ?? null;
}

/** Lets one that is not over wait. */
export async function postponeSend(
  db: Queryable,
  { tenant_id, id }: Pick<SendRow, 'tenant_id' | 'id'>,
  dueAt: Date,
): Promise<void> {
  await db.query(
    'update audience_sends set due_at = $3 where tenant_id = $1 and id = $2 and due_at is not null',
    [tenant_id, id, dueAt],
  );
}

/** How far it has come, and on the record of the occurrence how many more were told; the caller holds its lock. */
export async function saveSend(db: Queryable, row: SendRow, told: number): Promise<void> {
  await db.query({
    name: 'sends_progress',
    text: `with occurrence as (
        update schedule_occurrences set notifications = notifications + $9::integer
          where tenant_id = $1 and schedule_uid = $7 and local_time = $8 and zone = ''
      )
      update audience_sends set place = $3, problem = $4, due_at = $5, finished_at = $6
        where tenant_id = $1 and id = $2`,
    values: [
      row.tenant_id,
      row.id,
      row.place,
      row.problem,
      row.due_at,
      row.finished_at,
      row.schedule_uid,
      row.local_time,
      told,
    ],
  });
}

/** Forgets what was over before `before`; at most `limit`. */
export async function purgeSends(db: Queryable, before: Date, limit: number): Promise<void> {
  await db.query(
    `delete from audience_sends where (tenant_id, id) in (
       select tenant_id, id from audience_sends where finished_at <= $1 order by finished_at limit $2)`,
    [before, limit],
  );
}
