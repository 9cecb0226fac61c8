import type { Queryable } from '../store/index.ts';
import type { OtpChannel } from './settings.ts';
import type { Autofill } from './text.ts';
import type { Whose } from './whose.ts';

export type StoredStatus = 'pending' | 'approved' | 'cancelled';

/** How its messages are made, each time one is sent. */
export interface Asked extends Autofill {
  channels: OtpChannel[];
  waitSeconds: number;
  /** What ends the round of channels, besides an approval. */
  until: 'approved' | 'delivered';
  purpose: string | null;
  locale: string | null;
  codeLength: number;
  alphabet: 'digits' | 'letters';
  expiresInSeconds: number;
  maxSends: number;
  /** Keyed hash (hex) of the address of the net that asked for it. */
  ip: string | null;
}

export interface OtpRow {
  tenant_id: string;
  id: string;
  live: boolean;
  /** The caller's id of the user, or that of the internal one. */
  user_id: string;
  /** Of its latest message. */
  notification_id: string;
  status: StoredStatus;
  code_hash: Buffer;
  key_version: number;
  code_length: number;
  session_hash: Buffer | null;
  /** Of the idempotency key that it was asked for with, and of that request. */
  key_hash: Buffer | null;
  fingerprint: Buffer | null;
  attempts: number;
  max_attempts: number;
  sends: number;
  asked: Asked;
  country: string | null;
  prefix: string | null;
  created_at: Date;
  sent_at: Date;
  resend_at: Date;
  expires_at: Date;
  ended_at: Date | null;
}

export interface OtpKey {
  tenantId: string;
  live: boolean;
  id: string;
}

export async function insertOtp(
  db: Queryable,
  row: Omit<OtpRow, 'status' | 'attempts' | 'ended_at'>,
): Promise<void> {
  await db.query({
    name: 'otp_insert',
    text: `insert into otps (tenant_id, id, live, user_id, notification_id, status, code_hash, key_version, code_length,
        session_hash, key_hash, fingerprint, attempts, max_attempts, sends, asked, country, prefix, created_at, sent_at, resend_at, expires_at)
      values ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9, $10, $11, 0, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
    values: [
      row.tenant_id,
      row.id,
      row.live,
      row.user_id,
      row.notification_id,
      row.code_hash,
      row.key_version,
      row.code_length,
      row.session_hash,
      row.key_hash,
      row.fingerprint,
      row.max_attempts,
      row.sends,
      JSON.stringify(row.asked),
      row.country,
      row.prefix,
      row.created_at,
      row.sent_at,
      row.resend_at,
      row.expires_at,
    ],
  });
}

export async function findOtp(db: Queryable, { tenantId, live, id }: OtpKey): Promise<OtpRow | null> {
  const { rows } = await db.query<OtpRow>({
    name: 'otp_find',
    text: 'select * from otps where tenant_id = $1 and live = $2 and id = $3',
    values: [tenantId, live, id],
  });
  return rows[0] ?? null;
}

/** Whoever comes with the same idempotency key waits here until the transaction ends. */
export async function lockKey(db: Queryable, { tenantId, live }: Whose, hash: Buffer): Promise<void> {
  await db.query({
    name: 'otp_lock_key',
    text: 'select pg_advisory_xact_lock(hashtextextended($1, 0))',
    values: [`otp/${tenantId}/${live}/key/${hash.toString('hex')}`],
  });
}

export async function findOtpByKey(
  db: Queryable,
  { tenantId, live }: Whose,
  hash: Buffer,
): Promise<OtpRow | null> {
  const { rows } = await db.query<OtpRow>({
    name: 'otp_find_by_key',
    text: 'select * from otps where tenant_id = $1 and live = $2 and key_hash = $3',
    values: [tenantId, live, hash],
  });
  return rows[0] ?? null;
}

/** Whoever changes an OTP by what he read of it holds this lock until his transaction ends. */
export async function lockOtp(db: Queryable, { tenantId, live, id }: OtpKey): Promise<OtpRow | null> {
  const { rows } = await db.query<OtpRow>({
    name: 'otp_lock',
    text: 'select * from otps where tenant_id = $1 and live = $2 and id = $3 for update',
    values: [tenantId, live, id],
  });
  return rows[0] ?? null;
}

/**
 * Counts an attempt if there is one left, and only then gives out what the code is judged by: whatever runs at the same
 * time, no more guesses are judged than may be. The row stays locked until the transaction ends. Null when none is left.
 */
export async function countAttempt(
  db: Queryable,
  { tenantId, live, id, now }: OtpKey & { now: Date },
): Promise<OtpRow | null> {
  const { rows } = await db.query<OtpRow>({
    name: 'otp_count_attempt',
    text: `update otps set attempts = attempts + 1
      where tenant_id = $1 and live = $2 and id = $3 and status = 'pending' and attempts < max_attempts and expires_at > $4
      returning *`,
    values: [tenantId, live, id, now],
  });
  return rows[0] ?? null;
}

/** The caller has the lock. */
export async function endOtp(
  db: Queryable,
  { tenantId, id, status, now }: { tenantId: string; id: string; status: StoredStatus; now: Date },
): Promise<void> {
  await db.query(
    `update otps set status = $3, ended_at = $4 where tenant_id = $1 and id = $2 and status = 'pending'`,
    [tenantId, id, status, now],
  );
}

/** A new code, sent by a new message, takes the place of the one before. The caller has the lock. */
export async function replaceCode(
  db: Queryable,
  row: Pick<
    OtpRow,
    | 'tenant_id'
    | 'id'
    | 'notification_id'
    | 'code_hash'
    | 'key_version'
    | 'sends'
    | 'country'
    | 'prefix'
    | 'sent_at'
    | 'resend_at'
    | 'expires_at'
  >,
): Promise<void> {
  await db.query(
    `update otps set notification_id = $3, code_hash = $4, key_version = $5, sends = $6, country = $7, prefix = $8,
       sent_at = $9, resend_at = $10, expires_at = $11 where tenant_id = $1 and id = $2`,
    [
      row.tenant_id,
      row.id,
      row.notification_id,
      row.code_hash,
      row.key_version,
      row.sends,
      row.country,
      row.prefix,
      row.sent_at,
      row.resend_at,
      row.expires_at,
    ],
  );
}

/** Forgets OTPs whose time was over before `before`, at most `limit` of them. Returns whose they were. */
export async function purgeOtps(
  db: Queryable,
  before: Date,
  limit: number,
): Promise<{ tenantId: string; externalId: string }[]> {
  const { rows } = await db.query({
    name: 'otp_purge',
    text: `delete from otps where ctid = any (array (
        select ctid from otps where expires_at < $1 order by expires_at limit $2 for update skip locked))
      returning tenant_id as "tenantId", user_id as "externalId"`,
    values: [before, limit],
  });
  return rows;
}

/** Those of them that no OTP is left of. */
export async function selectWithoutOtp(
  db: Queryable,
  users: readonly { tenantId: string; externalId: string }[],
): Promise<{ tenantId: string; externalId: string }[]> {
  const { rows } = await db.query({
    name: 'otp_users_without',
    text: `select distinct gone.tenant_id as "tenantId", gone.external_id as "externalId"
      from unnest($1::uuid[], $2::text[]) as gone (tenant_id, external_id)
      where not exists (select from otps o where o.tenant_id = gone.tenant_id and o.user_id = gone.external_id)`,
    values: [users.map(({ tenantId }) => tenantId), users.map(({ externalId }) => externalId)],
  });
  return rows;
}

/** Forgets counts that are of no use any more, at most `limit` of each kind. */
export async function purgeUses(db: Queryable, before: Date, limit: number): Promise<void> {
  await db.query({
    name: 'otp_purge_uses',
    text: `with uses as (
        delete from otp_uses where ctid = any (array (
          select ctid from otp_uses where expires_at < $1 order by expires_at limit $2 for update skip locked))
      )
      delete from otp_recipients where ctid = any (array (
        select ctid from otp_recipients where expires_at < $1 order by expires_at limit $2 for update skip locked))`,
    values: [before, limit],
  });
}

/** A pause that ended longer ago says nothing about what is judged now. */
export async function purgePauses(db: Queryable, before: Date): Promise<void> {
  await db.query('delete from otp_pauses where until < $1', [before]);
}
