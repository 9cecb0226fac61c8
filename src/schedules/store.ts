import { column, jsonColumn, type Queryable } from '../store/index.ts';
import type { Firing, Progress } from './plan.ts';
import type { ScheduleDefinition, ScheduleState } from './schedule.ts';

export interface ScheduleKey {
  tenantId: string;
  live: boolean;
  id: string;
}

export interface ScheduleRow {
  tenant_id: string;
  live: boolean;
  id: string;
  uid: string;
  definition: ScheduleDefinition;
  state: ScheduleState;
  problem: string | null;
  cursor_at: Date;
  next_at: Date | null;
  skips: string[];
  fired_at: Date | null;
  ended_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

const SCHEDULE = `tenant_id, live, id, uid, definition, state, problem, cursor_at, next_at, skips, fired_at, ended_at,
  created_at, updated_at`;

/** Makes a schedule, or writes all of it but its uid and the time of its making. */
export async function saveSchedule(db: Queryable, row: ScheduleRow): Promise<ScheduleRow> {
  const { rows } = await db.query<ScheduleRow>(
    `insert into schedules (${SCHEDULE}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
     on conflict (tenant_id, live, id) do update set definition = excluded.definition, state = excluded.state,
       problem = excluded.problem, cursor_at = excluded.cursor_at, next_at = excluded.next_at, skips = excluded.skips,
       ended_at = excluded.ended_at, updated_at = excluded.updated_at
     returning ${SCHEDULE}`,
    [
      row.tenant_id,
      row.live,
      row.id,
      row.uid,
      JSON.stringify(row.definition),
      row.state,
      row.problem,
      row.cursor_at,
      row.next_at,
      JSON.stringify(row.skips),
      row.fired_at,
      row.ended_at,
      row.created_at,
      row.updated_at,
    ],
  );
  return rows[0]!;
}

/** Holds the row until the commit: it neither fires nor changes meanwhile. */
export async function lockSchedule(
  db: Queryable,
  { tenantId, live, id }: ScheduleKey,
): Promise<ScheduleRow | null> {
  const { rows } = await db.query<ScheduleRow>(
    `select ${SCHEDULE} from schedules where tenant_id = $1 and live = $2 and id = $3 for update`,
    [tenantId, live, id],
  );
  return rows[0] ?? null;
}

export async function selectSchedule(
  db: Queryable,
  { tenantId, live, id }: ScheduleKey,
): Promise<ScheduleRow | null> {
  const { rows } = await db.query<ScheduleRow>(
    `select ${SCHEDULE} from schedules where tenant_id = $1 and live = $2 and id = $3`,
    [tenantId, live, id],
  );
  return rows[0] ?? null;
}

/** In the order of their ids; the page starts behind `after`. */
export async function listSchedules(
  db: Queryable,
  query: { tenantId: string; live: boolean; after: string | null; limit: number },
): Promise<ScheduleRow[]> {
  const { rows } = await db.query<ScheduleRow>(
    `select ${SCHEDULE} from schedules where tenant_id = $1 and live = $2 and id > $3
      order by id limit $4`,
    [query.tenantId, query.live, query.after ?? '', query.limit],
  );
  return rows;
}

/** The schedules, of live and test keys, that name a template and are not over; some of them when there are many. */
export async function schedulesUsing(
  db: Queryable,
  { tenantId, id: templateId }: { tenantId: string; id: string },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select id from schedules
      where tenant_id = $1 and state in ('active', 'paused')
        and definition -> 'notification' -> 'template' ->> 'id' = $2
      order by live desc, id limit 10`,
    [tenantId, templateId],
  );
  return rows.map(({ id }) => `the schedule "${id}"`);
}

/** What was sent already goes its way. False when there is none. */
export async function deleteSchedule(db: Queryable, { tenantId, live, id }: ScheduleKey): Promise<boolean> {
  const { rowCount } = await db.query(
    'delete from schedules where tenant_id = $1 and live = $2 and id = $3',
    [tenantId, live, id],
  );
  return rowCount === 1;
}

/** When the next one is due; null when none is active. */
export async function loadNextAt(db: Queryable): Promise<Date | null> {
  const { rows } = await db.query<{ next_at: Date }>({
    name: 'schedules_next',
    text: 'select next_at from schedules where next_at is not null order by next_at limit 1',
  });
  return rows[0]?.next_at ?? null;
}

/** Locks schedules that are due; other processes pass them over until the transaction ends. */
export async function claimDue(db: Queryable, now: Date, limit: number): Promise<ScheduleRow[]> {
  const { rows } = await db.query<ScheduleRow>({
    name: 'schedules_claim',
    text: `select ${SCHEDULE} from schedules where next_at is not null and next_at <= $1
      order by next_at limit $2 for update skip locked`,
    values: [now, limit],
  });
  return rows;
}

/** Puts on record what fires now. Returns those that did not fire before. */
export async function insertOccurrences<T extends Firing & { notificationIds: string[] }>(
  db: Queryable,
  firings: T[],
  now: Date,
): Promise<T[]> {
  const { rows } = await db.query<{ uid: string; local_time: string; zone: string }>({
    name: 'schedules_fired',
    text: `insert into schedule_occurrences
        (tenant_id, schedule_uid, local_time, zone, planned_at, fired_at, outcome, notifications, notification_id)
      select tenant_id, uid, local_time, zone, planned_at, $9, outcome, notifications, notification_id
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::integer[], $8::uuid[])
          as t (tenant_id, uid, local_time, zone, planned_at, outcome, notifications, notification_id)
      on conflict do nothing
      returning schedule_uid as uid, local_time, zone`,
    values: [
      column(firings, ({ schedule }) => schedule.tenant_id),
      column(firings, ({ schedule }) => schedule.uid),
      column(firings, ({ occurrence }) => occurrence.local),
      column(firings, ({ zone }) => zone),
      column(firings, ({ occurrence }) => new Date(occurrence.at)),
      column(firings, ({ outcome }) => outcome),
      column(firings, ({ notificationIds }) => notificationIds.length),
      column(firings, ({ notificationIds }) => (notificationIds.length === 1 ? notificationIds[0]! : null)),
      now,
    ],
  });
  const isNew = new Set(rows.map(({ uid, local_time, zone }) => `${uid} ${local_time} ${zone}`));
  return firings.filter((firing) => isNew.has(nameOf(firing)));
}

function nameOf({ schedule, occurrence, zone }: Firing): string {
  return `${schedule.uid} ${occurrence.local} ${zone}`;
}

export interface OccurrenceRow {
  local_time: string;
  zone: string;
  planned_at: Date;
  fired_at: Date;
  outcome: Firing['outcome'];
  notifications: number;
  notification_id: string | null;
}

/** What fired of a schedule, the latest wall time first; the page starts behind `before`. */
export async function listOccurrences(
  db: Queryable,
  { tenant_id, uid }: Pick<ScheduleRow, 'tenant_id' | 'uid'>,
  { before, limit }: { before: [local: string, zone: string] | null; limit: number },
): Promise<OccurrenceRow[]> {
  const [local, zone] = before ?? [null, null];
  const { rows } = await db.query<OccurrenceRow>(
    `select local_time, zone, planned_at, fired_at, outcome, notifications, notification_id from schedule_occurrences
      where tenant_id = $1 and schedule_uid = $2 and ($3::text is null or (local_time, zone) < ($3, $4::text))
      order by local_time desc, zone desc limit $5`,
    [tenant_id, uid, local, zone, limit],
  );
  return rows;
}

/** How far schedules have come; the caller holds their locks. */
export async function saveProgress(db: Queryable, all: Progress[]): Promise<void> {
  await db.query({
    name: 'schedules_progress',
    text: `update schedules s set state = t.state, problem = t.problem, cursor_at = t.cursor_at, next_at = t.next_at,
        skips = t.skips::jsonb, fired_at = t.fired_at, ended_at = t.ended_at
      from unnest($1::uuid[], $2::bool[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
          string_to_array($8, chr(30)), $9::timestamptz[], $10::timestamptz[])
        as t (tenant_id, live, id, state, problem, cursor_at, next_at, skips, fired_at, ended_at)
      where s.tenant_id = t.tenant_id and s.live = t.live and s.id = t.id`,
    values: [
      column(all, ({ schedule }) => schedule.tenant_id),
      column(all, ({ schedule }) => schedule.live),
      column(all, ({ schedule }) => schedule.id),
      column(all, ({ state }) => state),
      column(all, ({ problem }) => problem),
      column(all, ({ cursorAt }) => cursorAt),
      column(all, ({ nextAt }) => nextAt),
      jsonColumn(all, ({ skips }) => JSON.stringify(skips)),
      column(all, ({ firedAt }) => firedAt),
      column(all, ({ endedAt }) => endedAt),
    ],
  });
}

/** Forgets occurrences that fired, and schedules that ended, before `before`; at most `limit` of each. */
export async function purgeSchedules(db: Queryable, before: Date, limit: number): Promise<void> {
  await db.query(
    `with old as (
       delete from schedule_occurrences where (tenant_id, schedule_uid, local_time, zone) in (
         select tenant_id, schedule_uid, local_time, zone from schedule_occurrences
           where fired_at <= $1 order by fired_at limit $2)
     )
     delete from schedules where (tenant_id, live, id) in (
       select tenant_id, live, id from schedules where ended_at <= $1 order by ended_at limit $2)`,
    [before, limit],
  );
}
