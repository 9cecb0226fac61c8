import type { Queryable } from '../store/index.ts';

/** What one tenant's deliveries of one day add up to, by the rows themselves and by the counters. */
export interface Account {
  tenantId: string;
  live: boolean;
  /** ISO date on which the deliveries were made (UTC). */
  day: string;
  accepted: number;
  sent: number;
  failed: number;
  skipped: number;
  expired: number;
  cancelled: number;
  dead: number;
  unknown: number;
  pending: number;
}

/** Something that must never be; `count` rows of it, with one as example. */
export interface Finding {
  rule: string;
  count: number;
  example: string;
}

export interface Reconciliation {
  accounts: Account[];
  /** Notifications that wait to be routed: pending, and not in the accounts yet. */
  unrouted: number;
  findings: Finding[];
}

const STATES = ['sent', 'failed', 'skipped', 'expired', 'cancelled', 'dead', 'unknown'] as const;

/**
 * Proves that nothing is lost and nothing counted twice: every notification is waiting, ended, or has deliveries; every
 * delivery is counted where it stands; nothing waits that nobody would find. Reads every row made since `since`, in one
 * snapshot: run it in a REPEATABLE READ transaction. Partitions that retention dropped are not looked at.
 */
export async function reconcile(db: Queryable, since: Date): Promise<Reconciliation> {
  const accounts = await loadAccounts(db, since);
  const { rows } = await db.query('select count(*) as n from unrouted');
  const findings = [await loadMiscounts(db, since)];
  for (const [rule, from] of RULES) {
    const result = await db.query(`select count(*) as n, min(x.id::text) as example from (${from}) x`, [
      since,
    ]);
    findings.push({ rule, count: result.rows[0].n, example: result.rows[0].example });
  }
  return { accounts, unrouted: rows[0].n, findings: findings.filter(({ count }) => count > 0) };
}

async function loadAccounts(db: Queryable, since: Date): Promise<Account[]> {
  const columns = STATES.map((state) => `count(*) filter (where state = '${state}') as ${state}`);
  const { rows } = await db.query<Account>(
    `select tenant_id as "tenantId", live, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD') as day,
        count(*) as accepted, ${columns}, count(*) filter (where state in ('queued', 'sending')) as pending
       from deliveries where created_at >= $1 group by 1, 2, 3 order by 3, 1, 2`,
    [since],
  );
  return rows;
}

/** Compares the counters with the rows, by tenant, day, channel and state. */
async function loadMiscounts(db: Queryable, since: Date): Promise<Finding> {
  const { rows } = await db.query(
    `with counted as (
       select tenant_id, live, day, channel, state, sum(n) as n from counters
        where day >= ($1::timestamptz at time zone 'UTC')::date group by 1, 2, 3, 4, 5
     ), stands as (
       select tenant_id, live, (created_at at time zone 'UTC')::date as day, channel, s.state, count(*) as n
         from deliveries, lateral (values ('accepted'), (deliveries.state)) as s (state)
        where created_at >= ($1::timestamptz at time zone 'UTC')::date and s.state not in ('queued', 'sending')
        group by 1, 2, 3, 4, 5
     )
     select count(*) as n,
        min(tenant_id::text || ' ' || day || ' ' || channel || ' ' || state || ': counted ' || coalesce(c.n, 0) || ', there are ' || coalesce(s.n, 0)) as example
       from counted c full join stands s using (tenant_id, live, day, channel, state)
      where coalesce(c.n, 0) <> coalesce(s.n, 0)`,
    [since],
  );
  return { rule: 'counters and rows agree', count: rows[0].n, example: rows[0].example };
}

const RULES: [rule: string, rows: string][] = [
  [
    'an accepted notification waits to be routed, was collected by a digest, or has deliveries',
    `select n.id from notifications n where n.created_at >= $1 and n.state = 'accepted'
      and not exists (select from unrouted u where u.id = n.id)
      and not exists (select from deliveries d where d.notification_id = n.id)
      and not exists (select from digest_events e where e.notification_id = n.id)`,
  ],
  [
    'what a digest collected is an accepted notification that waits for nothing else',
    `select e.notification_id as id from digest_events e left join notifications n on n.id = e.notification_id
      where $1::timestamptz is not null and (n.state is distinct from 'accepted'
        or exists (select from unrouted u where u.id = e.notification_id)
        or exists (select from deliveries d where d.notification_id = e.notification_id))`,
  ],
  [
    'a digest that collects has not ended',
    `select e.digest_id as id from digest_events e
      left join digests d on d.tenant_id = e.tenant_id and d.id = e.digest_id
      where $1::timestamptz is not null and (d.id is null or d.finished_at is not null)`,
  ],
  [
    'a digest that was sent names a notification',
    `select d.id from digests d where d.closed_at >= $1 and d.result <> 'empty'
      and not exists (select from notifications n where n.id = d.notification_id)`,
  ],
  [
    'what waits to be routed is an accepted notification, whole or a postponed part of it',
    `select u.id from unrouted u left join notifications n on n.id = u.id where $1::timestamptz is not null
      and (n.state is distinct from 'accepted' or (exists (select from deliveries d where d.notification_id = u.id)
        and not exists (select from postponed p where p.notification_id = u.id and p.due_at = u.due_at)))`,
  ],
  [
    'what is postponed has a turn',
    `select p.notification_id as id from postponed p where $1::timestamptz is not null
      and not exists (select from unrouted u where u.id = p.notification_id and u.due_at = p.due_at)`,
  ],
  [
    'a delivery has a due time exactly while it is queued',
    `select id from deliveries where created_at >= $1 and (state = 'queued') <> (due_at is not null)`,
  ],
  [
    'a delivery that is being sent is on record with a worker',
    `select d.id from deliveries d where d.created_at >= $1 and d.state = 'sending' and not exists (
      select from claims c join workers w on w.id = c.worker_id where d.id = any (c.delivery_ids))`,
  ],
  [
    'a delivery is listed as a problem exactly while it is one',
    `select id from deliveries where created_at >= $1
      and problem is distinct from case when state in ('dead', 'failed', 'unknown') then state end`,
  ],
  [
    'a delivery that ended says when',
    `select id from deliveries where created_at >= $1
      and state not in ('queued', 'sending', 'unknown') and finished_at is null`,
  ],
];
