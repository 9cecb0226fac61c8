import type { Queryable } from '../store/index.ts';

/**
 * Sums are spread over this many rows, by the session that writes: transactions that run side by side rarely wait for
 * each other's row, which would be for as long as a commit. Slot 0 is where days that are over are folded together.
 */
const SLOTS = 64;

/**
 * The end of a statement that changes deliveries: adds the rows of the CTE `changes (tenant_id, live, created_at,
 * channel, state, n)` to the counters, so that both are one commit. `queued` and `sending` are not counted: what is
 * neither there nor ended is pending. Every writer goes in the same order, so none waits for another in a circle.
 */
export function countChanges(changes: string): string {
  return `insert into counters (tenant_id, live, day, channel, state, slot, n)
  select tenant_id, live, (created_at at time zone 'UTC')::date, channel, state, 1 + pg_backend_pid() % ${SLOTS}, sum(n) from ${changes}
   where state not in ('queued', 'sending') group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
  on conflict (tenant_id, live, day, channel, state, slot) do update set n = counters.n + excluded.n`;
}

/** Folds the slots of days before `today` (midnight UTC) into one row each. Returns how many rows went away. */
export async function foldCounters(db: Queryable, today: Date): Promise<number> {
  const { rows } = await db.query<{ folded: number }>(
    `with old as (
       delete from counters where slot <> 0 and day < ($1::timestamptz at time zone 'UTC')::date - 1 returning *
     ), folded as (
       insert into counters (tenant_id, live, day, channel, state, slot, n)
       select tenant_id, live, day, channel, state, 0, sum(n) from old group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
       on conflict (tenant_id, live, day, channel, state, slot) do update set n = counters.n + excluded.n
     )
     select count(*) as folded from old`,
    [today],
  );
  return rows[0]!.folded;
}
