import { tellRows } from '../ledger/index.ts';
import type { Platform } from '../providers/contract.ts';
import { LAST_ID, type Queryable } from '../store/index.ts';

export interface DeviceRow {
  id: string;
  app: string;
  platform: Platform;
  token: string;
  app_version: string | null;
  registered_at: Date;
  last_active_at: Date;
  inactive_at: Date | null;
  inactive_reason: string | null;
}

const COLUMNS =
  'd.id, d.app, d.platform, d.token, d.app_version, d.registered_at, d.last_active_at, d.inactive_at, d.inactive_reason';

export interface Registration {
  tenantId: string;
  externalId: string;
  /** Taken when the token is new. */
  id: string;
  app: string;
  platform: Platform;
  token: string;
  tokenHash: Buffer;
  keys: Record<string, string> | null;
  appVersion: string | null;
  now: Date;
}

/**
 * Registers a token for a user: a new one gets a row, a known one is renewed, becomes active again and moves here
 * if it was another user's. Null when the user does not exist. The share lock keeps the user until the commit.
 */
export async function upsertDevice(db: Queryable, device: Registration): Promise<DeviceRow | null> {
  const { rows } = await db.query(
    `insert into devices as d
      (tenant_id, id, user_id, app, platform, token, token_hash, keys, app_version, registered_at, last_active_at)
    select $1, $2, u.id, $4, $5, $6, $7, $8, $9, $10, $10
    from users u where u.tenant_id = $1 and u.external_id = $3
    for key share
    on conflict (tenant_id, app, token_hash) do update set
      user_id = excluded.user_id, platform = excluded.platform, keys = excluded.keys,
      app_version = coalesce(excluded.app_version, d.app_version),
      registered_at = excluded.registered_at, last_active_at = excluded.last_active_at,
      inactive_at = null, inactive_reason = null
    returning ${COLUMNS}`,
    [
      device.tenantId,
      device.id,
      device.externalId,
      device.app,
      device.platform,
      device.token,
      device.tokenHash,
      device.keys,
      device.appVersion,
      device.now,
    ],
  );
  return rows[0] ?? null;
}

/** A user's devices, active or not, newest first; the page starts behind the id `after`. */
export async function listDevices(
  db: Queryable,
  query: { tenantId: string; userId: string; after: string | null; limit: number },
): Promise<DeviceRow[]> {
  const { rows } = await db.query(
    `select ${COLUMNS} from devices d
    where d.tenant_id = $1 and d.user_id = $2 and d.id < $3
    order by d.id desc
    limit $4`,
    [query.tenantId, query.userId, query.after ?? LAST_ID, query.limit],
  );
  return rows;
}

export interface DeviceKey {
  tenantId: string;
  userId: string;
  id: string;
}

export async function findDevice(db: Queryable, key: DeviceKey): Promise<DeviceRow | null> {
  const { rows } = await db.query(
    `select ${COLUMNS} from devices d where d.tenant_id = $1 and d.user_id = $2 and d.id = $3`,
    [key.tenantId, key.userId, key.id],
  );
  return rows[0] ?? null;
}

/** Notes that the app was used, and its version unless that is undefined. */
export async function touchDevice(
  db: Queryable,
  key: DeviceKey,
  seen: { now: Date; appVersion: string | null | undefined },
): Promise<DeviceRow | null> {
  const { rows } = await db.query(
    `update devices d set last_active_at = greatest(d.last_active_at, $4),
      app_version = case when $5 then $6 else d.app_version end
    where d.tenant_id = $1 and d.user_id = $2 and d.id = $3
    returning ${COLUMNS}`,
    [key.tenantId, key.userId, key.id, seen.now, seen.appVersion !== undefined, seen.appVersion ?? null],
  );
  return rows[0] ?? null;
}

/** False when there is no such device. One that is inactive already keeps its date and reason. */
export async function deactivateDevice(
  db: Queryable,
  key: DeviceKey,
  end: { now: Date; reason: string },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update devices set inactive_at = coalesce(inactive_at, $4), inactive_reason = coalesce(inactive_reason, $5)
    where tenant_id = $1 and user_id = $2 and id = $3`,
    [key.tenantId, key.userId, key.id, end.now, end.reason],
  );
  return rowCount === 1;
}

export interface Prune {
  tenantId: string;
  deviceId: string;
  /** Milliseconds since the epoch: only a device registered before that moment is meant; null means any. */
  invalidSince: number | null;
  reason: string;
}

const TELL_PRUNED = tellRows(`(
  select pruned.tenant_id, true as live, 'device.inactive' as type, $5::timestamptz as at, 'push' as channel,
    null::text as category, null::uuid as notification_id, jsonb_build_object('deviceId', pruned.id, 'userId', u.external_id, 'app', app,
      'platform', platform, 'reason', inactive_reason) as data
  from pruned cross join lateral (
    select external_id from users where tenant_id = pruned.tenant_id and id = pruned.user_id limit 1) u)`);

/**
 * Marks devices whose tokens a provider called dead as inactive, and returns the ids of those it marked. They are
 * locked in the order of their keys, so batches cannot deadlock.
 */
export async function pruneDevices(db: Queryable, now: number, prunes: Prune[]): Promise<string[]> {
  if (prunes.length === 0) return [];
  const { rows } = await db.query({
    name: 'prune devices',
    text: `with dead as materialized (
        select d.tenant_id, d.id, prune.reason
        from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[]) as prune (tenant_id, id, invalid_since, reason)
        join devices d on d.tenant_id = prune.tenant_id and d.id = prune.id
        where d.inactive_at is null and (prune.invalid_since is null or d.registered_at < prune.invalid_since)
        order by d.tenant_id, d.id
        for update of d
      )
, pruned as (
      update devices d set inactive_at = $5, inactive_reason = dead.reason
      from dead where d.tenant_id = dead.tenant_id and d.id = dead.id
      returning d.id, d.tenant_id, d.user_id, d.app, d.platform, d.inactive_reason
      ), told as (
        ${TELL_PRUNED}
      )
      select id from pruned`,
    values: [
      prunes.map((prune) => prune.tenantId),
      prunes.map((prune) => prune.deviceId),
      prunes.map((prune) => (prune.invalidSince === null ? null : new Date(prune.invalidSince))),
      prunes.map((prune) => prune.reason),
      new Date(now),
    ],
  });
  return rows.map((row) => row.id);
}
