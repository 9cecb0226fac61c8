import { column, type Queryable } from '../store/index.ts';
import {
  type Ask,
  DAY_MS,
  HOUR_MS,
  hourOf,
  type OnRecord,
  RATE_MS,
  rateScope,
  rateStart,
  type ScopeKey,
  scopesOf,
  type Use,
} from './limits.ts';
import { loadPauses } from './pause-store.ts';
import type { Whose } from './whose.ts';

/** Rates are judged over a day at most. */
const KEEP_MS = DAY_MS + HOUR_MS;

/**
 * Whoever counts under these keys waits here for whoever counts before him, until that one's transaction ends: what is
 * read after it is the truth. One order for all, so nobody waits in a circle. No row is made for what is refused.
 */
export async function lockCounts(db: Queryable, { tenantId, live }: Whose, ask: Ask): Promise<void> {
  const names = [
    ...scopesOf(ask).map(({ scope, key }) => `${scope}/${key}`),
    ...ask.recipients.map((recipient) => `recipient/${recipient}`),
  ];
  await db.query({
    name: 'otp_lock_counts',
    text: `select pg_advisory_xact_lock(key) from (
      select distinct hashtextextended(name, 0) as key from unnest($1::text[]) as name order by 1) keys`,
    values: [names.map((name) => `otp/${tenantId}/${live}/${name}`)],
  });
}

/** All that counts against an ask: in three statements. */
export async function loadOnRecord(db: Queryable, whose: Whose, ask: Ask, now: number): Promise<OnRecord> {
  const { country, prefix } = ask;
  const rated: ScopeKey[] = [
    ...(country === null ? [] : [{ scope: rateScope('country'), key: country }]),
    ...(prefix === null ? [] : [{ scope: rateScope('prefix'), key: prefix }]),
  ];
  return {
    recipients: await loadRecipientTimes(db, whose, ask.recipients, now),
    uses: await loadUses(db, whose, [...scopesOf(ask), ...rated], now),
    pauses: await loadPauses(db, whose, [
      ...(country === null ? [] : [{ scope: 'country', key: country }]),
      ...(prefix === null ? [] : [{ scope: 'prefix', key: prefix }]),
    ]),
  };
}

async function loadRecipientTimes(
  db: Queryable,
  { tenantId, live }: Whose,
  recipients: readonly string[],
  now: number,
): Promise<Map<string, number[]>> {
  const { rows } = await db.query<{ recipient: string; times: number[] }>({
    name: 'otp_recipient_times',
    text: `select encode(r.recipient, 'hex') as recipient, r.times
      from unnest($3::bytea[]) as wanted (recipient)
      cross join lateral (
        select recipient, (select json_agg(round(extract(epoch from at) * 1000)) from unnest(sent_at) at where at > $4) as times
        from otp_recipients where tenant_id = $1 and live = $2 and recipient = wanted.recipient limit 1
      ) r`,
    values: [tenantId, live, recipients.map((hex) => Buffer.from(hex, 'hex')), new Date(now - DAY_MS)],
  });
  return new Map(rows.map(({ recipient, times }) => [recipient, times ?? []]));
}

async function loadUses(
  db: Queryable,
  { tenantId, live }: Whose,
  keys: readonly ScopeKey[],
  now: number,
): Promise<Use[]> {
  const { rows } = await db.query({
    name: 'otp_uses',
    text: `select u.scope, u.key, u.starts_at, u.sent, u.approved, u.cost
      from unnest($3::text[], $4::text[]) as wanted (scope, key)
      cross join lateral (
        select * from otp_uses where tenant_id = $1 and live = $2 and scope = wanted.scope and key = wanted.key
          and starts_at > $5 limit 200
      ) u`,
    values: [
      tenantId,
      live,
      keys.map(({ scope }) => scope),
      keys.map(({ key }) => key),
      new Date(hourOf(now) - DAY_MS),
    ],
  });
  return rows.map(({ starts_at, ...use }) => ({ ...use, startsAt: starts_at.getTime() }));
}

/** Writes down that a message goes out. The caller has the locks. */
export async function countSent(db: Queryable, whose: Whose, ask: Ask, now: number): Promise<void> {
  const pieces = piecesOf(ask, now);
  await addUses(
    db,
    whose,
    pieces.map((piece) => ({ ...piece, sent: 1, cost: piece.scope === 'tenant' ? ask.cost : 0 })),
  );
  await db.query({
    name: 'otp_count_recipients',
    text: `insert into otp_recipients as r (tenant_id, live, recipient, sent_at, expires_at)
      select $1, $2, recipient, array[$4::timestamptz], $5 from unnest($3::bytea[]) as recipient order by recipient
      on conflict (tenant_id, live, recipient) do update set expires_at = excluded.expires_at, sent_at =
        array(select at from unnest(r.sent_at) at where at > $6 order by at desc limit 100) || excluded.sent_at`,
    values: [
      whose.tenantId,
      whose.live,
      ask.recipients.map((hex) => Buffer.from(hex, 'hex')),
      new Date(now),
      new Date(now + DAY_MS),
      new Date(now - DAY_MS),
    ],
  });
}

/** Writes down that a code was entered that was sent at `sentAt`, where that was counted. */
export async function countApproved(
  db: Queryable,
  whose: Whose,
  place: Pick<Ask, 'country' | 'prefix'>,
  sentAt: number,
): Promise<void> {
  const pieces = piecesOf({ ...place, ip: null }, sentAt);
  await addUses(
    db,
    whose,
    pieces.map((piece) => ({ ...piece, approved: 1 })),
  );
}

/** Counts refusals by their reasons; nothing else is written for them. */
export async function countRefused(
  db: Queryable,
  whose: Whose,
  reasons: ReadonlyMap<string, number>,
  now: number,
): Promise<void> {
  if (reasons.size === 0) return;
  const hour = { scope: 'refused', startsAt: hourOf(now), lengthMs: HOUR_MS };
  await addUses(
    db,
    whose,
    [...reasons].map(([key, sent]) => ({ ...hour, key, sent })),
  );
}

interface Piece extends ScopeKey {
  startsAt: number;
  lengthMs: number;
}

function piecesOf(place: Pick<Ask, 'country' | 'prefix' | 'ip'>, at: number): Piece[] {
  return scopesOf(place).flatMap(({ scope, key }): Piece[] => {
    const hourly = { scope, key, startsAt: hourOf(at), lengthMs: HOUR_MS };
    if (scope !== 'country' && scope !== 'prefix') return [hourly];
    return [hourly, { scope: rateScope(scope), key, startsAt: rateStart(at), lengthMs: RATE_MS }];
  });
}

type Addition = Piece & Partial<Pick<Use, 'sent' | 'approved' | 'cost'>>;

/** In one order for all: two transactions that count the same must not wait for each other. */
async function addUses(
  db: Queryable,
  { tenantId, live }: Whose,
  additions: readonly Addition[],
): Promise<void> {
  const rows = additions.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  await db.query({
    name: 'otp_add_uses',
    text: `insert into otp_uses as u (tenant_id, live, scope, key, starts_at, sent, approved, cost, expires_at)
      select $1, $2, scope, key, starts_at, sent, approved, cost, expires_at
      from unnest($3::text[], $4::text[], $5::timestamptz[], $6::int[], $7::int[], $8::bigint[], $9::timestamptz[])
        as t (scope, key, starts_at, sent, approved, cost, expires_at)
      on conflict (tenant_id, live, scope, key, starts_at) do update set
        sent = u.sent + excluded.sent, approved = u.approved + excluded.approved, cost = u.cost + excluded.cost`,
    values: [
      tenantId,
      live,
      column(rows, ({ scope }) => scope),
      column(rows, ({ key }) => key),
      column(rows, ({ startsAt }) => new Date(startsAt)),
      column(rows, ({ sent = 0 }) => sent),
      column(rows, ({ approved = 0 }) => approved),
      column(rows, ({ cost = 0 }) => cost),
      column(rows, ({ startsAt, lengthMs }) => new Date(startsAt + lengthMs + KEEP_MS)),
    ],
  });
}

function nameOf({ scope, key, startsAt }: Piece): string {
  return `${scope}/${key}/${startsAt}`;
}

/** Sums of the last 24 clock hours: of the tenant, by country, and of refusals by reason. */
export async function sumUses(
  db: Queryable,
  { tenantId, live }: Whose,
  now: number,
): Promise<{ scope: string; key: string; sent: number; approved: number; cost: number }[]> {
  const { rows } = await db.query(
    `select scope, key, sum(sent) as sent, sum(approved) as approved, sum(cost) as cost from otp_uses
     where tenant_id = $1 and live = $2 and scope in ('tenant', 'country', 'refused') and starts_at > $3
     group by scope, key order by scope, key`,
    [tenantId, live, new Date(hourOf(now) - DAY_MS)],
  );
  return rows;
}
