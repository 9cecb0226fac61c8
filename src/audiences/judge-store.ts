import { FIRST_ID, type Queryable } from '../store/index.ts';
import { compileRule, type RulesById } from './compile.ts';
import type { Kind } from './dependencies.ts';
import type { Rule } from './rule.ts';
import type { SegmentRow } from './segment-store.ts';

/** What a judgement of users did to the members of a segment. */
export interface Judged {
  added: number;
  removed: number;
}

export interface JudgeContext {
  now: number;
  others: RulesById;
}

const wasMember = (user: string) => `exists (select 1 from segment_members m where m.tenant_id = $1
  and m.segment_uid = $2 and m.generation = $3 and m.user_id = ${user} offset 0)`;

// An array, since a join might read all members for each that goes. Who fits and was no member becomes one, and the other way round; everybody else costs a look.
const WRITE = `added as (
    insert into segment_members (tenant_id, segment_uid, generation, user_id)
      select $1, $2, $3, id from judged where fits and not was order by id
    on conflict do nothing returning 1
  ), removed as (
    delete from segment_members m where m.tenant_id = $1 and m.segment_uid = $2 and m.generation = $3
      and m.user_id = any(array(select id from judged where was and not fits))
    returning 1
  )`;
const COUNT = '(select count(*) from added) as added, (select count(*) from removed) as removed';

/** Judges the next `limit` users behind the segment's cursor. `users` is how many there were, `last` the last of them. */
export async function judgePage(
  db: Queryable,
  segment: SegmentRow,
  { now, others, limit }: JudgeContext & { limit: number },
): Promise<Judged & { users: number; last: string | null }> {
  const values = [segment.tenant_id, segment.uid, segment.generation, segment.cursor ?? FIRST_ID, limit];
  const condition = compileRule(segment.rule, { values, now, others });
  const { rows } = await db.query(
    `with page as materialized (
       select * from users where tenant_id = $1 and id > $4 and not internal order by id limit $5
     ), judged as materialized (
       select u.id, ${condition} as fits, ${wasMember('u.id')} as was from page u
     ), ${WRITE}
     select (select count(*) from page) as users, (select id from page order by id desc limit 1) as last, ${COUNT}`,
    values,
  );
  return rows[0];
}

/** Judges these users, whoever of them is still there. */
export async function judgeUsers(
  db: Queryable,
  segment: SegmentRow,
  { now, others, userIds }: JudgeContext & { userIds: readonly string[] },
): Promise<Judged> {
  const values: unknown[] = [segment.tenant_id, segment.uid, segment.generation, userIds];
  const condition = compileRule(segment.rule, { values, now, others });
  const { rows } = await db.query(
    `with judged as materialized (
       select w.id, coalesce(u.fits, false) as fits, ${wasMember('w.id')} as was
       from unnest($4::uuid[]) as w (id)
       left join lateral (
         select ${condition} as fits from users u where u.tenant_id = $1 and u.id = w.id and not u.internal limit 1
       ) u on true
     ), ${WRITE}
     select ${COUNT}`,
    values,
  );
  return rows[0];
}

/** Counts who fits a rule among the next `limit` users behind `after`. */
export async function countPage(
  db: Queryable,
  {
    tenantId,
    rule,
    after,
    limit,
    now,
    others,
  }: JudgeContext & { tenantId: string; rule: Rule; after: string | null; limit: number },
): Promise<{ users: number; fitting: number; last: string | null }> {
  const values = [tenantId, after ?? FIRST_ID, limit];
  const condition = compileRule(rule, { values, now, others });
  const { rows } = await db.query(
    `with page as materialized (select * from users where tenant_id = $1 and id > $2 and not internal order by id limit $3)
     select (select count(*) from page) as users, (select count(*) from page u where ${condition}) as fitting,
       (select id from page order by id desc limit 1) as last`,
    values,
  );
  return rows[0];
}

export interface ChangeRow {
  seq: number;
  tenant_id: string;
  user_id: string;
  kind: Kind;
}

/** What the background has to do: a look without a transaction, for the many times when it is nothing. */
export interface Agenda {
  hasChanges: boolean;
  hasLeftovers: boolean;
  importAt: Date | null;
  passAt: Date | null;
}

export async function loadAgenda(db: Queryable): Promise<Agenda> {
  const { rows } = await db.query<Agenda>({
    name: 'audience_agenda',
    text: `select exists (select 1 from audience_changes order by seq limit 1) as "hasChanges",
      exists (select 1 from segment_leftovers) as "hasLeftovers",
      (select due_at from imports where due_at is not null order by due_at limit 1) as "importAt",
      (select due_at from segments order by due_at limit 1) as "passAt"`,
  });
  return rows[0]!;
}

/** Takes the oldest changes off the list; they are back when the transaction fails. Others take other ones meanwhile. */
export async function takeChanges(db: Queryable, limit: number): Promise<ChangeRow[]> {
  const { rows } = await db.query<ChangeRow>({
    name: 'audience_take_changes',
    text: `with taken as materialized (
        select seq from audience_changes order by seq limit $1 for update skip locked
      )
      delete from audience_changes c using taken where c.seq = taken.seq
      returning c.seq, c.tenant_id, c.user_id, c.kind`,
    values: [limit],
  });
  return rows;
}
