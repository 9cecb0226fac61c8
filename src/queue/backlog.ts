import { type Lane, priorityOf } from '../ledger/index.ts';
import type { Priority } from '../providers/index.ts';
import type { Queryable } from '../store/index.ts';

/** What waits in one lane of the whole installation. */
export interface LaneBacklog {
  lane: Lane;
  priority: Priority;
  /** Queued deliveries, counted up to the cap. */
  depth: number;
  /** Slices with due work: since when (ms since the epoch). */
  due: { tenantId: string; connection: string; since: number }[];
}

const MAX_SLICES = 500;

/**
 * A look at everything that waits, bounded however much it is: one index probe for each lane and each of its first
 * 500 slices, and at most `cap` index entries counted for each lane.
 */
export async function loadBacklog(db: Queryable, now: Date, cap: number): Promise<LaneBacklog[]> {
  const { rows } = await db.query({ name: 'queue_backlog', text: BACKLOG, values: [now, cap] });
  const lanes = new Map<Lane, LaneBacklog>();
  for (const { lane, depth, tenant_id: tenantId, connection, due_at: dueAt } of rows) {
    const known: LaneBacklog = lanes.get(lane) ?? { lane, priority: priorityOf(lane), depth, due: [] };
    lanes.set(lane, known);
    if (dueAt) known.due.push({ tenantId, connection, since: dueAt.getTime() });
  }
  return [...lanes.values()];
}

/** Deliveries whose outcome nobody can tell yet, counted up to the cap. */
export async function countUnknown(db: Queryable, cap: number): Promise<number> {
  const { rows } = await db.query({
    name: 'queue_unknown',
    text: 'select count(*) as n from (select from deliveries where decide_at is not null limit $1) unknown',
    values: [cap],
  });
  return rows[0].n;
}

const BACKLOG = `
with recursive lanes as (
  (select lane from deliveries where due_at is not null order by lane limit 1)
  union all
  select next.lane from lanes cross join lateral (
    select lane from deliveries where due_at is not null and lane > lanes.lane order by lane limit 1
  ) next
)
select lanes.lane, counted.depth, slice.tenant_id, slice.connection, slice.due_at
from lanes
cross join lateral (
  select count(*)::int as depth from (
    select from deliveries where lane = lanes.lane and due_at is not null limit $2) waiting
) counted
left join lateral (
  with recursive slices as (
    (select tenant_id, connection, due_at, 1 as n from deliveries
      where lane = lanes.lane and due_at is not null order by tenant_id, connection, due_at limit 1)
    union all
    select next.tenant_id, next.connection, next.due_at, slices.n + 1 from slices cross join lateral (
      select tenant_id, connection, due_at from deliveries
        where lane = lanes.lane and due_at is not null and (tenant_id, connection) > (slices.tenant_id, slices.connection)
        order by tenant_id, connection, due_at limit 1
    ) next where slices.n < ${MAX_SLICES}
  )
  select tenant_id, connection, due_at from slices where due_at <= $1
) slice on true`;
