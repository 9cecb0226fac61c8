import { FIRST_ID, type Queryable } from '../store/index.ts';
import { below } from './topic.ts';

export interface Topic {
  tenantId: string;
  topic: string;
}

/** Subscribes users by their callers' ids. Returns how many were not subscribed before. */
export async function subscribeUsers(
  db: Queryable,
  { tenantId, topic }: Topic,
  { externalIds, now }: { externalIds: readonly string[]; now: Date },
): Promise<number> {
  const { rowCount } = await db.query(
    `insert into topic_subscriptions (tenant_id, topic, user_id, created_at)
     select $1, $2, u.id, $4 from unnest($3::text[]) as wanted (external_id)
       cross join lateral (
         select id from users where tenant_id = $1 and external_id = wanted.external_id limit 1
       ) u
       order by u.id
     on conflict do nothing`,
    [tenantId, topic, externalIds, now],
  );
  return rowCount ?? 0;
}

/** From exactly this topic: what lies below it stays. Returns how many were subscribed. */
export async function unsubscribeUsers(
  db: Queryable,
  { tenantId, topic }: Topic,
  externalIds: readonly string[],
): Promise<number> {
  const { rowCount } = await db.query(
    `delete from topic_subscriptions s using (
       select u.id from unnest($3::text[]) as wanted (external_id)
         cross join lateral (
           select id from users where tenant_id = $1 and external_id = wanted.external_id limit 1
         ) u
     ) u
     where s.tenant_id = $1 and s.topic = $2 and s.user_id = u.id`,
    [tenantId, topic, externalIds],
  );
  return rowCount ?? 0;
}

/** Those among callers' ids that are no users. */
export async function unknownUsers(
  db: Queryable,
  tenantId: string,
  externalIds: readonly string[],
): Promise<string[]> {
  const { rows } = await db.query<{ external_id: string }>(
    `select wanted.external_id from unnest($2::text[]) with ordinality as wanted (external_id, n)
      where not exists (select 1 from users u where u.tenant_id = $1 and u.external_id = wanted.external_id)
      order by n`,
    [tenantId, externalIds],
  );
  return rows.map((row) => row.external_id);
}

/** A place in a list of subscribers. */
export interface SubscriberRow {
  topic: string;
  user_id: string;
  external_id: string;
}

/**
 * Who is subscribed to a topic or to anything below it, each user once: where the first of his topics stands. In the
 * order of (topic, our id); the page starts behind `after`.
 */
export async function listSubscribers(
  db: Queryable,
  { tenantId, topic }: Topic,
  { after, limit }: { after: Pick<SubscriberRow, 'topic' | 'user_id'> | null; limit: number },
): Promise<SubscriberRow[]> {
  const [from, to] = below(topic);
  const start = after ?? { topic: '', user_id: FIRST_ID };
  // Two ranges of one index, the topic before what is below it.
  const { rows } = await db.query<SubscriberRow>(
    `select s.topic, s.user_id, u.external_id from (
       (select topic, user_id from topic_subscriptions
         where tenant_id = $1 and topic = $2 and (topic, user_id) > ($5::text collate "C", $6::uuid)
         order by topic, user_id limit $7)
       union all
       (select topic, user_id from topic_subscriptions s
         where tenant_id = $1 and topic >= $3 and topic < $4 and (topic, user_id) > ($5::text collate "C", $6::uuid)
           and not exists (select 1 from topic_subscriptions t where t.tenant_id = $1 and t.user_id = s.user_id
             and (t.topic = $2 or (t.topic >= $3 and t.topic < s.topic)))
         order by topic, user_id limit $7)
     ) s
     cross join lateral (select external_id from users where tenant_id = $1 and id = s.user_id limit 1) u
     order by s.topic, s.user_id limit $7`,
    [tenantId, topic, from, to, start.topic, start.user_id, limit],
  );
  return rows;
}

/** The topics of a user, in the order of their names; the page starts behind `after`. */
export async function listTopicsOfUser(
  db: Queryable,
  query: { tenantId: string; userId: string; after: string | null; limit: number },
): Promise<{ topic: string; created_at: Date }[]> {
  const { rows } = await db.query<{ topic: string; created_at: Date }>(
    `select topic, created_at from topic_subscriptions
      where tenant_id = $1 and user_id = $2 and topic > $3 order by topic limit $4`,
    [query.tenantId, query.userId, query.after ?? '', query.limit],
  );
  return rows;
}

/** Topics that anybody is subscribed to, those below `under` when it is given: a jump through the index for each. */
export async function listTopics(
  db: Queryable,
  query: { tenantId: string; under: string | null; after: string | null; limit: number },
): Promise<string[]> {
  // U+10FFFF, a noncharacter, sorts behind every topic.
  const [from, to] = query.under === null ? ['', '\u{10ffff}'] : below(query.under);
  const { rows } = await db.query<{ topic: string }>(
    `with recursive found (topic) as (
       (select topic from topic_subscriptions
         where tenant_id = $1 and topic > $2 and topic < $3 order by topic limit 1)
       union all
       select (select s.topic from topic_subscriptions s
         where s.tenant_id = $1 and s.topic > found.topic and s.topic < $3 order by s.topic limit 1)
       from found where found.topic is not null
     )
     select topic from found where topic is not null limit $4`,
    [query.tenantId, query.after ?? from, to, query.limit],
  );
  return rows.map((row) => row.topic);
}
