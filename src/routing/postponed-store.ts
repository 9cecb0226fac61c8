import type { Channel } from '../providers/index.ts';
import { column, type Queryable } from '../store/index.ts';
import type { RoutableRow } from './store.ts';

/** Channels of a notification that get their turn later, and why. */
export interface Postponement {
  tenantId: string;
  notificationId: string;
  live: boolean;
  /** 0 high, 1 normal, 2 low. */
  priority: number;
  dueAt: Date;
  channels: Channel[];
  reason: string;
  /** Of its ladder, from 0; null without one. */
  step: number | null;
  /** The ladder goes on from this turn. */
  climbs: boolean;
}

/**
 * Gives some channels of notifications another turn, in the transaction in which they had this one. Each
 * moment of a notification may be named once; one that has a turn already shares it.
 */
export async function insertPostponed(db: Queryable, rows: Postponement[]): Promise<void> {
  if (rows.length === 0) return;
  await db.query({
    name: 'routing_postpone',
    text: `
with input as (
  select * from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::timestamptz[], $5::text[], $6::text[], $7::smallint[],
    $8::bool[]) as t (tenant_id, notification_id, priority, due_at, channels, reason, step, climbs)
), turns as (
  insert into unrouted (tenant_id, priority, due_at, id)
  select tenant_id, priority, due_at, notification_id from input on conflict do nothing
)
insert into postponed as p (tenant_id, notification_id, due_at, channels, reason, step, climbs)
select tenant_id, notification_id, due_at, string_to_array(channels, ' '), reason, step, climbs from input
on conflict (notification_id, due_at) do update set channels = p.channels || excluded.channels,
  step = greatest(p.step, excluded.step), climbs = p.climbs or excluded.climbs`,
    values: [
      column(rows, (row) => row.tenantId),
      column(rows, (row) => row.notificationId),
      column(rows, (row) => row.priority),
      column(rows, (row) => row.dueAt),
      column(rows, (row) => row.channels.join(' ')),
      column(rows, (row) => row.reason),
      column(rows, (row) => row.step),
      column(rows, (row) => row.climbs),
    ],
  });
}

/** Forgets postponements whose turn was taken, in the same transaction. */
export async function deletePostponed(db: Queryable, rows: RoutableRow[]): Promise<void> {
  const over = rows.filter((row) => row.postponed);
  if (over.length === 0) return;
  await db.query({
    name: 'routing_end_postponed',
    text: `
delete from postponed where (notification_id, due_at) in (select * from unnest($1::uuid[], $2::timestamptz[]))`,
    values: [column(over, (row) => row.id), column(over, (row) => row.dueAt)],
  });
}
