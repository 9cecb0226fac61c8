import { column, jsonColumn, type Queryable } from '../store/index.ts';
import type { Collected, OpenDigest } from './collect.ts';

/** By these a digest is known while it is open. */
export type DigestKey = Pick<OpenDigest, 'tenantId' | 'live' | 'userId' | 'category' | 'key'>;

/**
 * For each of these the id of the digest that is open, or of the one that is opened now. Its row is locked until the
 * commit, so that it is not closed meanwhile; whoever waits here for one that is being closed opens the next. Each may be
 * named once, in the order in which everybody locks them.
 */
export async function openDigests(
  db: Queryable,
  digests: OpenDigest[],
  now: Date,
): Promise<(DigestKey & { id: string })[]> {
  const { rows } = await db.query({
    name: 'digests_open',
    text: `
insert into digests as d (tenant_id, id, live, user_id, category, key, settings, quiet_seconds, closes_by, opened_at, closes_at)
select tenant_id, id, live, user_id, category, key, settings::jsonb, quiet_seconds, closes_by, $10, closes_at
  from unnest($1::uuid[], $2::uuid[], $3::bool[], $4::text[], $5::text[], $6::text[], string_to_array($7, chr(30)), $8::int[],
    $9::timestamptz[], $11::timestamptz[])
    as t (tenant_id, id, live, user_id, category, key, settings, quiet_seconds, closes_by, closes_at)
on conflict (tenant_id, live, user_id, category, key) where closed_at is null do update
  set closes_at = case when d.quiet_seconds is null or d.closes_at <= $10 then d.closes_at
    else least(d.closes_by, $10 + d.quiet_seconds * interval '1 second') end
returning id, tenant_id as "tenantId", live, user_id as "userId", category, key`,
    values: [
      column(digests, (digest) => digest.tenantId),
      column(digests, (digest) => digest.id),
      column(digests, (digest) => digest.live),
      column(digests, (digest) => digest.userId),
      column(digests, (digest) => digest.category),
      column(digests, (digest) => digest.key),
      jsonColumn(digests, (digest) => JSON.stringify(digest.settings)),
      column(digests, (digest) => digest.quietSeconds),
      column(digests, (digest) => digest.closesBy),
      now,
      column(digests, (digest) => digest.closesAt),
    ],
  });
  return rows;
}

/** Puts notifications into digests that the caller has locked; one that is in a digest already stays there. */
export async function insertCollected(db: Queryable, rows: (Collected & { digestId: string })[]) {
  await db.query({
    name: 'digests_collect',
    text: `
insert into digest_events (tenant_id, digest_id, notification_id, priority, channels, expires_at)
select tenant_id, digest_id, notification_id, priority, string_to_array(channels, ' '), expires_at
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::text[], $6::timestamptz[])
    as t (tenant_id, digest_id, notification_id, priority, channels, expires_at)
on conflict (notification_id) do nothing`,
    values: [
      column(rows, (row) => row.digest.tenantId),
      column(rows, (row) => row.digestId),
      column(rows, (row) => row.notificationId),
      column(rows, (row) => row.priority),
      column(rows, (row) => row.channels.join(' ')),
      column(rows, (row) => row.expiresAt),
    ],
  });
}
