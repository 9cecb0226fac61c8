import type { Queryable } from '../store/index.ts';
import type { Pause, RateScope, ScopeKey } from './limits.ts';
import type { Whose } from './whose.ts';

/** Of these countries and prefixes, also those that are over. */
export async function loadPauses(
  db: Queryable,
  { tenantId, live }: Whose,
  keys: readonly ScopeKey[],
): Promise<Pause[]> {
  const { rows } = await db.query<PauseRow>({
    name: 'otp_pauses_of',
    text: `select p.* from unnest($3::text[], $4::text[]) as wanted (scope, key)
      cross join lateral (
        select * from otp_pauses where tenant_id = $1 and live = $2 and scope = wanted.scope and key = wanted.key limit 1
      ) p`,
    values: [tenantId, live, keys.map(({ scope }) => scope), keys.map(({ key }) => key)],
  });
  return rows.map(toPause);
}

interface PauseRow {
  scope: RateScope;
  key: string;
  paused_at: Date;
  until: Date;
  sent: number;
  approved: number;
}

function toPause({ paused_at, until, scope, key, sent, approved }: PauseRow): Pause {
  return { scope, key, sent, approved, pausedAt: paused_at.getTime(), until: until.getTime() };
}

export async function savePause(db: Queryable, { tenantId, live }: Whose, pause: Pause): Promise<void> {
  await db.query(
    `insert into otp_pauses (tenant_id, live, scope, key, paused_at, until, sent, approved) values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (tenant_id, live, scope, key) do update set
       paused_at = excluded.paused_at, until = excluded.until, sent = excluded.sent, approved = excluded.approved`,
    [
      tenantId,
      live,
      pause.scope,
      pause.key,
      new Date(pause.pausedAt),
      new Date(pause.until),
      pause.sent,
      pause.approved,
    ],
  );
}

/** What is paused at `now`, at most a hundred of them. */
export async function listPauses(db: Queryable, { tenantId, live }: Whose, now: Date): Promise<Pause[]> {
  const { rows } = await db.query<PauseRow>(
    'select * from otp_pauses where tenant_id = $1 and live = $2 and until > $3 order by scope, key limit 100',
    [tenantId, live, now],
  );
  return rows.map(toPause);
}

/** Ends a pause now; false when there is none. */
export async function endPause(
  db: Queryable,
  { tenantId, live }: Whose,
  { scope, key, now }: ScopeKey & { now: Date },
): Promise<boolean> {
  const { rowCount } = await db.query(
    'update otp_pauses set until = $5 where tenant_id = $1 and live = $2 and scope = $3 and key = $4 and until > $5',
    [tenantId, live, scope, key, now],
  );
  return rowCount === 1;
}
