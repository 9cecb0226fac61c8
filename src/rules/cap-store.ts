import { column, type Queryable } from '../store/index.ts';
import { isSliding, type Place, placeKey } from './cap.ts';
import { type Ask, distribute, inOrder, type Wanted, wantedOf } from './places.ts';

const KEY = 'tenant_id, live, user_id, rule, window_start';

// The row stays locked until the transaction ends, so what the statement wrote to itself in `granted` is the truth. Of
// what it means to insert, an update sees the columns only: that is why the limit is one of them (`allowed`).
const RESERVE_CALENDAR = `
insert into cap_uses as c (${KEY}, used, allowed, granted, expires_at)
select ${KEY}, least(wanted, allowed), allowed, least(wanted, allowed), ends_at
from unnest($1::uuid[], $2::bool[], $3::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::int[], $8::int[])
  as t (${KEY}, ends_at, wanted, allowed)
on conflict (${KEY}) do update set
  used = c.used + greatest(0, least(excluded.granted, excluded.allowed - c.used)),
  granted = greatest(0, least(excluded.granted, excluded.allowed - c.used)),
  allowed = excluded.allowed
returning ${KEY}, granted`;

/** Takes as many places in calendar windows as there are left. Answers how many, by key. */
export function reserveCalendar(db: Queryable, wanted: readonly Wanted[]): Promise<Map<string, number>> {
  return reserve(db, { name: 'rules_reserve_calendar', text: RESERVE_CALENDAR, wanted });
}

const RESERVE_SLIDING = `
insert into cap_uses as c (${KEY}, used, allowed, granted, expires_at, frees)
select ${KEY}, least(wanted, allowed), allowed, least(wanted, allowed), ends_at,
  array_fill(ends_at, array[least(wanted, allowed)])
from unnest($1::uuid[], $2::bool[], $3::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::int[], $8::int[])
  as t (${KEY}, ends_at, wanted, allowed)
on conflict (${KEY}) do update set (used, allowed, granted, expires_at, frees) = (
  select cardinality(kept.frees) + room.n, excluded.allowed, room.n, greatest(c.expires_at, excluded.expires_at),
    kept.frees || excluded.frees[1:room.n]
  from (select coalesce(array_agg(free order by free), '{}') as frees from unnest(c.frees) free where free > $9) kept
  cross join lateral (
    select greatest(0, least(excluded.granted, excluded.allowed - cardinality(kept.frees))) as n) room
)
returning ${KEY}, granted`;

/** Takes as many places in sliding windows as are free at `now`. Answers how many, by key. */
export function reserveSliding(
  db: Queryable,
  wanted: readonly Wanted[],
  now: Date,
): Promise<Map<string, number>> {
  return reserve(db, { name: 'rules_reserve_sliding', text: RESERVE_SLIDING, wanted, more: [now] });
}

async function reserve(
  db: Queryable,
  { name, text, wanted, more = [] }: { name: string; text: string; wanted: readonly Wanted[]; more?: Date[] },
): Promise<Map<string, number>> {
  if (wanted.length === 0) return new Map();
  const values = [
    ...keyColumns(wanted.map(({ place }) => place)),
    column(wanted, ({ place }) => new Date(place.endsAt)),
    column(wanted, ({ count }) => count),
    column(wanted, ({ place }) => place.limit),
    ...more,
  ];
  const { rows } = await db.query({ name, text, values });
  return new Map(
    rows.map((row) => [
      placeKey({
        tenantId: row.tenant_id,
        live: row.live,
        userId: row.user_id,
        rule: row.rule,
        startsAt: row.window_start.getTime(),
        endsAt: 0,
      }),
      row.granted,
    ]),
  );
}

function keyColumns(places: readonly Place[]): string[] {
  return [
    column(places, ({ tenantId }) => tenantId),
    column(places, ({ live }) => live),
    column(places, ({ userId }) => userId),
    column(places, ({ rule }) => rule),
    column(places, ({ startsAt }) => new Date(startsAt)),
  ];
}

// Of the times in a sliding window exactly those of the places are taken out, as often as they are given back.
const GIVE_BACK = `
with given as (
  select * from unnest($1::uuid[], $2::bool[], $3::uuid[], $4::text[], $5::timestamptz[], $6::int[], $7::text[])
    as t (${KEY}, n, times)
), locked as materialized (
  select given.*, c.used, c.frees from given cross join lateral (
    select used, frees from cap_uses
    where (${KEY}) = (given.tenant_id, given.live, given.user_id, given.rule, given.window_start) for update
  ) c
), left_over as materialized (
  select locked.*, case when locked.frees is not null then array(
    select free from (select unnest(locked.frees) as free except all select unnest(times::timestamptz[])) rest order by free
  ) end as rest from locked
)
update cap_uses c set used = coalesce(cardinality(l.rest), greatest(0, l.used - l.n)), frees = l.rest
from left_over l
where (c.tenant_id, c.live, c.user_id, c.rule, c.window_start) = (l.tenant_id, l.live, l.user_id, l.rule, l.window_start)`;

/** Gives places back, each as often as it is named; what is no longer on record is passed over. */
export async function giveBack(db: Queryable, places: readonly Place[]): Promise<void> {
  if (places.length === 0) return;
  const given = inOrder([...Map.groupBy(places, placeKey)].map(([key, same]) => ({ key, same })));
  await db.query({
    name: 'rules_give_back',
    text: GIVE_BACK,
    values: [
      ...keyColumns(given.map(({ same }) => same[0]!)),
      column(given, ({ same }) => same.length),
      column(given, ({ same }) =>
        isSliding(same[0]!) ? column(same, ({ endsAt }) => new Date(endsAt)) : null,
      ),
    ],
  });
}

/** How many places of these are taken at `now`, each in its turn. */
export async function loadTaken(db: Queryable, places: readonly Place[], now: Date): Promise<number[]> {
  if (places.length === 0) return [];
  const { rows } = await db.query<{ taken: number }>({
    name: 'rules_taken',
    text: `
select coalesce(c.taken, 0) as taken
from unnest($1::uuid[], $2::bool[], $3::uuid[], $4::text[], $5::timestamptz[]) with ordinality
  as t (${KEY}, nth)
left join lateral (
  select case when frees is null then used else (select count(*)::int from unnest(frees) free where free > $6) end as taken
  from cap_uses where (${KEY}) = (t.tenant_id, t.live, t.user_id, t.rule, t.window_start) limit 1
) c on true order by nth`,
    values: [...keyColumns(places), now],
  });
  return rows.map(({ taken }) => taken);
}

/**
 * What `reservePlaces` would answer at `now` (ms since the epoch) about messages that are routed one after the other: for
 * each the rule that has no place for it, or null. Takes nothing.
 */
export async function foreseeRefusals(
  db: Queryable,
  asks: readonly Ask[],
  now: number,
): Promise<(string | null)[]> {
  const wanted = wantedOf(asks);
  const places = wanted.map(({ place }) => place);
  const taken = await loadTaken(db, places, new Date(now));
  const granted = wanted.map(({ key, place, count }, i): [string, number] => {
    const left = Math.max(0, place.limit - taken[i]!);
    return [key, Math.min(count, left)];
  });
  return distribute(asks, new Map(granted)).refusals;
}

/** Forgets windows that were over before `before`, at most `limit` of them. Returns how many. */
export async function purgeCapUses(db: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'rules_purge_cap_uses',
    text: `delete from cap_uses where ctid = any (array (
      select ctid from cap_uses where expires_at < $1 order by expires_at limit $2 for update skip locked))`,
    values: [before, limit],
  });
  return rowCount ?? 0;
}
