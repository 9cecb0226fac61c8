import { tellRows } from '../ledger/index.ts';
import { column, type Queryable } from '../store/index.ts';
import type { Choice, Preference } from './preference.ts';
import type { UserRef } from './quiet-store.ts';

export type PreferenceRow = Preference & {
  tenantId: string;
  userId: string;
  source: string;
  updatedAt: Date;
};

/** Everything that these users said. */
export async function selectPreferences(db: Queryable, users: readonly UserRef[]): Promise<PreferenceRow[]> {
  const { rows } = await db.query<PreferenceRow>({
    name: 'select preferences',
    text: `select p.tenant_id as "tenantId", p.user_id as "userId", p.category, p.channel, p.choice, p.source,
        p.updated_at as "updatedAt"
      from unnest($1::uuid[], $2::uuid[]) as wanted (tenant_id, user_id)
      cross join lateral (
        select * from preferences where tenant_id = wanted.tenant_id and user_id = wanted.user_id
        order by category, channel limit 1000
      ) p`,
    values: [column(users, (user) => user.tenantId), column(users, (user) => user.id)],
  });
  return rows;
}

/** Said anew; null takes it back. */
export interface PreferenceChange {
  category: string;
  channel: Preference['channel'];
  choice: Choice | null;
}

/** What a link or a page asks about: one category on one channel. */
export interface Asked {
  category: string;
  channel: Preference['channel'];
  source: string;
  now: Date;
}

/** An unconfirmed yes, where the user said nothing of exactly this before; the choice that stands now. */
export async function askToConfirm(db: Queryable, user: UserRef, asked: Asked): Promise<Choice> {
  // The update changes nothing: it lets the row that stands be returned.
  const { rows } = await db.query<{ choice: Choice }>(
    `insert into preferences as p (tenant_id, user_id, category, channel, choice, source, updated_at)
     values ($1, $2, $3, $4, 'pending', $5, $6)
     on conflict (tenant_id, user_id, category, channel) do update set choice = p.choice
     returning choice`,
    [user.tenantId, user.id, asked.category, asked.channel, asked.source, asked.now],
  );
  return rows[0]!.choice;
}

/** A confirmed yes, where anything was said of exactly this. */
export async function confirmPreference(db: Queryable, user: UserRef, asked: Asked): Promise<void> {
  await db.query(
    `update preferences set choice = 'in', source = $5, updated_at = $6
     where tenant_id = $1 and user_id = $2 and category = $3 and channel = $4`,
    [user.tenantId, user.id, asked.category, asked.channel, asked.source, asked.now],
  );
  const { category, channel, source, now } = asked;
  await tellPreferences(db, user, { changes: [{ category, channel, choice: 'in' }], source, now });
}

/** Each (category, channel) may be named once. */
export async function savePreferences(
  db: Queryable,
  user: UserRef,
  { changes, source, now }: { changes: PreferenceChange[]; source: string; now: Date },
): Promise<void> {
  const said = changes.filter(({ choice }) => choice !== null);
  const unsaid = changes.filter(({ choice }) => choice === null);
  if (unsaid.length > 0)
    await db.query(
      `delete from preferences where tenant_id = $1 and user_id = $2
         and (category, channel) in (select * from unnest($3::text[], $4::text[]))`,
      [user.tenantId, user.id, unsaid.map(({ category }) => category), unsaid.map(({ channel }) => channel)],
    );
  if (said.length > 0)
    await db.query(
      `insert into preferences (tenant_id, user_id, category, channel, choice, source, updated_at)
       select $1, $2, category, channel, choice, $6, $7
         from unnest($3::text[], $4::text[], $5::text[]) as said (category, channel, choice)
       on conflict (tenant_id, user_id, category, channel) do update set
         choice = excluded.choice, source = excluded.source, updated_at = excluded.updated_at`,
      [
        user.tenantId,
        user.id,
        said.map(({ category }) => category),
        said.map(({ channel }) => channel),
        said.map(({ choice }) => choice),
        source,
        now,
      ],
    );
  await tellPreferences(db, user, { changes, source, now });
}

async function tellPreferences(
  db: Queryable,
  user: UserRef,
  { changes, source, now }: { changes: PreferenceChange[]; source: string; now: Date },
): Promise<void> {
  if (changes.length === 0) return;
  await db.query({
    name: 'tell preferences',
    text: TELL_PREFERENCES,
    values: [user.tenantId, user.id, now, JSON.stringify(changes), source],
  });
}

const TELL_PREFERENCES = tellRows(`(
  select tenant_id, true as live, 'preference.changed' as type, $3::timestamptz as at, null::text as channel,
    null::text as category, null::uuid as notification_id,
    jsonb_build_object('userId', external_id, 'changes', $4::jsonb, 'source', $5::text) as data
  from users where tenant_id = $1 and id = $2)`);
