import type { Channel } from '../providers/index.ts';
import type { Digest } from '../rules/index.ts';
import { column, type Queryable } from '../store/index.ts';

export type DigestResult = 'sent' | 'single' | 'empty';

export interface DigestRow {
  tenantId: string;
  id: string;
  live: boolean;
  /** The caller's. */
  userId: string;
  category: string;
  key: string;
  settings: Pick<Digest, 'template' | 'singleAsDigest'>;
  closedAt: Date | null;
  result: DigestResult | null;
  notificationId: string | null;
}

/** When to look next; null when nothing is collected. */
export async function loadNextAt(db: Queryable): Promise<Date | null> {
  const { rows } = await db.query<{ closes_at: Date }>({
    name: 'digests_next',
    text: 'select closes_at from digests where finished_at is null order by closes_at limit 1',
  });
  return rows[0]?.closes_at ?? null;
}

/** More events than that are not counted where somebody only looks. */
export const MAX_COUNTED = 1_000;

export interface OpenDigestRow {
  id: string;
  category: string;
  key: string;
  events: number;
  openedAt: Date;
  closesAt: Date;
}

/** The digests of a user that are open, the next to end first. */
export async function listOpen(
  db: Queryable,
  query: { tenantId: string; live: boolean; userId: string; limit: number },
): Promise<OpenDigestRow[]> {
  const { rows } = await db.query<OpenDigestRow>(
    `select d.id, d.category, d.key, counted.events, d.opened_at as "openedAt", d.closes_at as "closesAt"
      from (
        select * from digests where tenant_id = $1 and live = $2 and user_id = $3 and closed_at is null
        order by closes_at, id limit $4
      ) d
      cross join lateral (
        select count(*)::int as events from (
          select 1 from digest_events where digest_id = d.id and tenant_id = d.tenant_id limit ${MAX_COUNTED}) held
      ) counted
      order by d.closes_at, d.id`,
    [query.tenantId, query.live, query.userId, query.limit],
  );
  return rows;
}

export interface ClaimOptions {
  now: Date;
  limit: number;
  /** Waits for those that others hold, instead of passing them over. */
  patient?: boolean;
}

/** Locks digests whose time has come, or whose events wait for their ends. */
export async function claimDue(
  db: Queryable,
  { now, limit, patient = false }: ClaimOptions,
): Promise<DigestRow[]> {
  const { rows } = await db.query<DigestRow>({
    name: patient ? 'digests_claim_patiently' : 'digests_claim',
    text: `select tenant_id as "tenantId", id, live, user_id as "userId", category, key, settings, closed_at as "closedAt",
        result, notification_id as "notificationId"
      from digests where finished_at is null and closes_at <= $1
      order by closes_at limit $2 for update ${patient ? '' : 'skip locked'}`,
    values: [now, limit],
  });
  return rows;
}

/** A notification that a digest shows. */
export interface ShownEvent {
  id: string;
  /** RFC 3339. */
  createdAt: string;
  /** That were decided about when it was collected. */
  channels: Channel[];
  request: unknown;
}

/** What a digest has to tell. */
export interface Contents {
  /** Those that have not expired. */
  events: number;
  /** The most urgent of them: 1 normal, 2 low. */
  priority: number | null;
  /** When the last of them expires; null when one of them never does. */
  expiresAt: Date | null;
  /** The newest ones, oldest first. */
  shown: ShownEvent[];
}

/** By the digest's id: how much it collected, and the newest of it, at most `shown` notifications and `bytes`, but one always. */
export async function loadContents(
  db: Queryable,
  digests: DigestRow[],
  most: { now: Date; shown: number; bytes: number },
): Promise<Map<string, Contents>> {
  const { rows } = await db.query<Contents & { id: string }>({
    name: 'digests_contents',
    text: `
select d.id, total.events, total.priority, total.expires_at as "expiresAt", coalesce(newest.shown, '[]') as shown
from unnest($1::uuid[], $2::uuid[]) as d (tenant_id, id)
cross join lateral (
  select count(*)::int as events, min(priority) as priority,
      case when bool_and(expires_at is not null) then max(expires_at) end as expires_at from digest_events
    where digest_id = d.id and tenant_id = d.tenant_id and (expires_at is null or expires_at > $3)
) total
cross join lateral (
  select jsonb_agg(jsonb_build_object('id', notification_id, 'createdAt', created_at, 'channels', channels, 'request', request)
    order by notification_id) as shown
  from (
    select *, row_number() over newest_first as nth, sum(octet_length(request::text)) over newest_first as bytes
    from (
      select e.notification_id, e.channels, n.created_at, coalesce(n.request, (select s.request from shared_requests s
        where s.tenant_id = n.tenant_id and s.id = n.shared_request_id)) as request
      from digest_events e
      cross join lateral (select * from notifications where id = e.notification_id and tenant_id = d.tenant_id limit 1) n
      where e.digest_id = d.id and e.tenant_id = d.tenant_id and (e.expires_at is null or e.expires_at > $3)
      order by e.notification_id desc limit $4
    ) newest window newest_first as (order by notification_id desc)
  ) sized where nth = 1 or bytes <= $5
) newest`,
    values: [
      column(digests, ({ tenantId }) => tenantId),
      column(digests, ({ id }) => id),
      most.now,
      most.shown,
      most.bytes,
    ],
  });
  return new Map(rows.map(({ id, ...contents }) => [id, contents]));
}

/** What became of a digest that the caller has locked. */
export interface Ending {
  digest: DigestRow;
  result: DigestResult;
  events: number;
  notificationId: string | null;
}

/** From now on the next event opens another digest. */
export async function saveEndings(db: Queryable, endings: Ending[], now: Date): Promise<void> {
  await db.query({
    name: 'digests_close',
    text: `update digests d set closed_at = $1, result = t.result, events = t.events, notification_id = t.notification_id
      from unnest($2::uuid[], $3::uuid[], $4::text[], $5::int[], $6::uuid[])
        as t (tenant_id, id, result, events, notification_id)
      where d.tenant_id = t.tenant_id and d.id = t.id`,
    values: [
      now,
      column(endings, ({ digest }) => digest.tenantId),
      column(endings, ({ digest }) => digest.id),
      column(endings, ({ result }) => result),
      column(endings, ({ events }) => events),
      column(endings, ({ notificationId }) => notificationId),
    ],
  });
}

/** A notification that is no digest's any more. */
export interface TakenEvent {
  digestId: string;
  notificationId: string;
  priority: number;
  channels: Channel[];
  expiresAt: Date | null;
}

const TAKEN = `digest_id as "digestId", notification_id as "notificationId", priority, channels, expires_at as "expiresAt"`;

/** Takes these notifications out of the digests that the caller has locked. */
export async function takeSingles(
  db: Queryable,
  singles: { digest: DigestRow; notificationId: string }[],
): Promise<TakenEvent[]> {
  const { rows } = await db.query<TakenEvent>({
    name: 'digests_take_singles',
    text: `delete from digest_events where (tenant_id, digest_id, notification_id) in (
        select * from unnest($1::uuid[], $2::uuid[], $3::uuid[])) returning ${TAKEN}`,
    values: [
      column(singles, ({ digest }) => digest.tenantId),
      column(singles, ({ digest }) => digest.id),
      column(singles, ({ notificationId }) => notificationId),
    ],
  });
  return rows;
}

/** Takes up to `limit` notifications out of digests that the caller has locked. */
export async function takeEvents(db: Queryable, digests: DigestRow[], limit: number): Promise<TakenEvent[]> {
  const { rows } = await db.query<TakenEvent>({
    name: 'digests_take',
    text: `delete from digest_events where (digest_id, notification_id) in (
        select e.digest_id, e.notification_id from unnest($1::uuid[], $2::uuid[]) as d (tenant_id, id)
        cross join lateral (
          select digest_id, notification_id from digest_events where digest_id = d.id and tenant_id = d.tenant_id
            order by notification_id limit $3
        ) e limit $3)
      returning ${TAKEN}`,
    values: [column(digests, ({ tenantId }) => tenantId), column(digests, ({ id }) => id), limit],
  });
  return rows;
}

/** Ends the closed ones of these that hold no event any more. */
export async function finishDigests(db: Queryable, digests: DigestRow[], now: Date): Promise<void> {
  await db.query({
    name: 'digests_finish',
    text: `update digests set finished_at = $1
      where (tenant_id, id) in (select * from unnest($2::uuid[], $3::uuid[])) and closed_at is not null
        and not exists (select from digest_events e where e.digest_id = digests.id)`,
    values: [now, column(digests, ({ tenantId }) => tenantId), column(digests, ({ id }) => id)],
  });
}

/** Looks at a digest again later. */
export async function putOff(db: Queryable, digest: DigestRow, until: Date): Promise<void> {
  await db.query('update digests set closes_at = $3 where tenant_id = $1 and id = $2', [
    digest.tenantId,
    digest.id,
    until,
  ]);
}

/** Forgets digests that ended before a time, at most `limit` of them. Returns how many. */
export async function purgeDigests(db: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `delete from digests where (tenant_id, id) in (
       select tenant_id, id from digests where finished_at <= $1 order by finished_at limit $2)`,
    [before, limit],
  );
  return rowCount ?? 0;
}
