import { column, FIRST_ID, type Queryable } from '../store/index.ts';
import type { Kind } from './dependencies.ts';
import type { Rule } from './rule.ts';

/** How many a tenant may have: their rules are read whole whenever one of them changes. */
export const MAX_SEGMENTS = 500;

export interface SegmentKey {
  tenantId: string;
  id: string;
}

export interface SegmentRow {
  tenant_id: string;
  id: string;
  uid: string;
  rule: Rule;
  uses: string[];
  listens: Kind[];
  refresh_seconds: number | null;
  generation: number;
  shown: number;
  cursor: string | null;
  written: number;
  members: number;
  added: number;
  removed: number;
  problem: string | null;
  due_at: Date;
  started_at: Date | null;
  refreshed_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

const SEGMENT = `tenant_id, id, uid, rule, uses, listens, refresh_seconds, generation, shown, cursor, written, members,
  added, removed, problem, due_at, started_at, refreshed_at, created_at, updated_at`;

/** In the order of their ids; the page starts behind `after`. */
export async function listSegments(
  db: Queryable,
  query: { tenantId: string; after: string | null; limit: number },
): Promise<SegmentRow[]> {
  const { rows } = await db.query<SegmentRow>(
    `select ${SEGMENT} from segments where tenant_id = $1 and id > $2 order by id limit $3`,
    [query.tenantId, query.after ?? '', query.limit],
  );
  return rows;
}

export async function findSegment(db: Queryable, { tenantId, id }: SegmentKey): Promise<SegmentRow | null> {
  const { rows } = await db.query<SegmentRow>(
    `select ${SEGMENT} from segments where tenant_id = $1 and id = $2`,
    [tenantId, id],
  );
  return rows[0] ?? null;
}

/** Which of these segments each of these users is in, as they stand complete. */
export async function segmentsOf(
  db: Queryable,
  wanted: readonly { tenantId: string; id: string; segments: string[] }[],
): Promise<{ tenantId: string; id: string; segment: string }[]> {
  const pairs = wanted.flatMap(({ tenantId, id, segments }) =>
    segments.map((segment) => ({ tenantId, id, segment })),
  );
  const { rows } = await db.query({
    name: 'audiences_segments_of',
    text: `
select wanted.tenant_id as "tenantId", wanted.user_id as id, s.id as segment
from unnest($1::uuid[], $2::uuid[], $3::text[]) as wanted (tenant_id, user_id, segment)
cross join lateral (
  select uid, id, shown from segments where tenant_id = wanted.tenant_id and id = wanted.segment limit 1) s
cross join lateral (
  select from segment_members m where m.tenant_id = wanted.tenant_id and m.segment_uid = s.uid and m.generation = s.shown
    and m.user_id = wanted.user_id limit 1) member`,
    values: [
      column(pairs, ({ tenantId }) => tenantId),
      column(pairs, ({ id }) => id),
      column(pairs, ({ segment }) => segment),
    ],
  });
  return rows;
}

/** All segments of tenants, held until the commit: neither they nor their members change meanwhile. */
export async function lockSegments(db: Queryable, tenantIds: readonly string[]): Promise<SegmentRow[]> {
  const { rows } = await db.query<SegmentRow>(
    `select ${SEGMENT} from segments where tenant_id = any($1::uuid[]) order by tenant_id, id for update`,
    [tenantIds],
  );
  return rows;
}

/** Rules of a tenant's segments by id. */
export async function loadRules(db: Queryable, tenantId: string): Promise<Map<string, Rule>> {
  const { rows } = await db.query<{ id: string; rule: Rule }>(
    'select id, rule from segments where tenant_id = $1',
    [tenantId],
  );
  return new Map(rows.map(({ id, rule }) => [id, rule]));
}

/** Makes a segment, or writes all of it but its uid and the time of its making. */
export async function saveSegment(db: Queryable, row: SegmentRow): Promise<SegmentRow> {
  const { rows } = await db.query<SegmentRow>(
    `insert into segments (${SEGMENT})
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
     on conflict (tenant_id, id) do update set rule = excluded.rule, uses = excluded.uses, listens = excluded.listens,
       refresh_seconds = excluded.refresh_seconds, generation = excluded.generation, shown = excluded.shown,
       cursor = excluded.cursor, written = excluded.written, members = excluded.members, added = excluded.added,
       removed = excluded.removed, problem = excluded.problem, due_at = excluded.due_at,
       started_at = excluded.started_at, refreshed_at = excluded.refreshed_at, updated_at = excluded.updated_at
     returning ${SEGMENT}`,
    [
      row.tenant_id,
      row.id,
      row.uid,
      JSON.stringify(row.rule),
      row.uses,
      row.listens,
      row.refresh_seconds,
      row.generation,
      row.shown,
      row.cursor,
      row.written,
      row.members,
      row.added,
      row.removed,
      row.problem,
      row.due_at,
      row.started_at,
      row.refreshed_at,
      row.created_at,
      row.updated_at,
    ],
  );
  return rows[0]!;
}

export async function deleteSegment(db: Queryable, { tenantId, id }: SegmentKey): Promise<void> {
  await db.query('delete from segments where tenant_id = $1 and id = $2', [tenantId, id]);
}

/** Locks the segment whose pass waits longest; other processes pass it over until the transaction ends. */
export async function claimPass(db: Queryable, now: Date): Promise<SegmentRow | null> {
  const { rows } = await db.query<SegmentRow>({
    name: 'segments_claim',
    text: `select ${SEGMENT} from segments where due_at <= $1 order by due_at limit 1 for update skip locked`,
    values: [now],
  });
  return rows[0] ?? null;
}

/** What is wrong with a segment, and when it is tried again, from the first user on. */
export async function saveProblem(
  db: Queryable,
  { tenantId, id }: SegmentKey,
  { problem, dueAt }: { problem: string; dueAt: Date },
): Promise<void> {
  await db.query(
    'update segments set problem = $3, due_at = $4, cursor = null, started_at = null where tenant_id = $1 and id = $2',
    [tenantId, id, problem, dueAt],
  );
}

/** A member may be a user who was deleted a moment ago: then there is no external id. */
export interface MemberRow {
  user_id: string;
  external_id: string | null;
}

/** Members of the generation that is read, in the order of our ids; the page starts behind `after`. */
export async function listMembers(
  db: Queryable,
  { tenant_id, uid, shown }: Pick<SegmentRow, 'tenant_id' | 'uid' | 'shown'>,
  { after, limit }: { after: string | null; limit: number },
): Promise<MemberRow[]> {
  const { rows } = await db.query<MemberRow>(
    `select m.user_id, u.external_id from (
       select user_id from segment_members
         where tenant_id = $1 and segment_uid = $2 and generation = $3
           and user_id > $4
         order by user_id limit $5
     ) m
     left join lateral (select external_id from users where tenant_id = $1 and id = m.user_id limit 1) u on true
     order by m.user_id`,
    [tenant_id, uid, shown, after ?? FIRST_ID, limit],
  );
  return rows;
}

/** Gives up a generation: its members are deleted later, in batches. */
export async function insertLeftover(
  db: Queryable,
  { tenant_id, uid }: Pick<SegmentRow, 'tenant_id' | 'uid'>,
  generation: number,
): Promise<void> {
  await db.query('insert into segment_leftovers values ($1, $2, $3) on conflict do nothing', [
    tenant_id,
    uid,
    generation,
  ]);
}

export interface Leftover {
  tenant_id: string;
  segment_uid: string;
  generation: number;
}

/** Locks a generation that was given up; other processes pass it over. */
export async function claimLeftover(db: Queryable): Promise<Leftover | null> {
  const { rows } = await db.query<Leftover>({
    name: 'leftovers_claim',
    text: `select tenant_id, segment_uid, generation from segment_leftovers
      order by tenant_id, segment_uid, generation limit 1 for update skip locked`,
  });
  return rows[0] ?? null;
}

/** Deletes at most `limit` members of a generation. Returns how many there were. */
export async function deleteMembers(db: Queryable, of: Leftover, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `delete from segment_members
      where tenant_id = $1 and segment_uid = $2 and generation = $3 and user_id <= coalesce(
        (select user_id from segment_members where tenant_id = $1 and segment_uid = $2 and generation = $3
          order by user_id offset $4::bigint - 1 limit 1),
        'ffffffff-ffff-ffff-ffff-ffffffffffff')`,
    [of.tenant_id, of.segment_uid, of.generation, limit],
  );
  return rowCount ?? 0;
}

export async function deleteLeftover(db: Queryable, of: Leftover): Promise<void> {
  await db.query(
    'delete from segment_leftovers where tenant_id = $1 and segment_uid = $2 and generation = $3',
    [of.tenant_id, of.segment_uid, of.generation],
  );
}
