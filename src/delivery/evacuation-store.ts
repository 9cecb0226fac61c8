import type { Queryable } from '../store/index.ts';

/**
 * Moves what waits at one connection to another, due at once, without using up a retry. What was tried there before,
 * and what may have been sent already, stays. Returns the lanes of the moved rows.
 */
export async function moveWaiting(
  db: Queryable,
  move: {
    from: { tenantId: string; id: string };
    to: { connection: string; provider: string };
    lanes: string[];
    now: number;
    /** At most so many of each lane. */
    limit: number;
  },
): Promise<string[]> {
  const { from, to, now } = move;
  const entry = { from: from.id, to: to.connection, why: 'breaker_open', at: now };
  const { rows } = await db.query({
    name: 'delivery_move_waiting',
    text: MOVE_WAITING,
    values: [
      from.tenantId,
      from.id,
      to.connection,
      to.provider,
      move.lanes,
      new Date(now),
      move.limit,
      JSON.stringify(entry),
    ],
  });
  return rows.map((row) => row.lane);
}

// Lane by lane in the order of the index: a batch costs the same however many wait behind it.
const MOVE_WAITING = `
update deliveries set connection = $3, provider = $4, due_at = $6,
  choice = coalesce(choice, '{}') || jsonb_build_object(
    'moves', coalesce(choice->'moves', '[]') || $8::jsonb,
    'tried', coalesce(choice->'tried', '[]') || to_jsonb($2::text),
    'retriesBefore', retries)
where state = 'queued' and id = any (array (
  select waiting.id from unnest($5::text[]) as of (lane) cross join lateral (
    select id from deliveries
      where lane = of.lane and tenant_id = $1 and connection = $2 and due_at is not null and live
        and not (coalesce(choice, '{}') @> '{"pinned": true}')
        and not (coalesce(choice->'tried', '[]') @> to_jsonb($3::text))
      order by due_at limit $7 for update skip locked
  ) waiting))
returning lane`;
