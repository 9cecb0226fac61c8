import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { uuidv7 } from '../src/lib/ids.ts';

/** A token that no user of an audience has: the null provider reports each push to one that begins like this. */
export const PROBE_TOKEN = 'f'.repeat(56);

/** The user who is told with high priority while others get a campaign. */
export const PROBE_USER = 'probe';

/**
 * Gives a tenant users with an iOS device each by two statements, and one user whose token is a probe's. Ids are
 * UUIDv7s of this moment, as registering one by one would make them.
 */
export async function buildAudience(databaseUrl: string, tenantId: string, users: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const now = new Date();
  await client.query(
    `insert into users (tenant_id, id, external_id, attributes, created_at, updated_at)
     select $1, uuidv7(), 'user-' || lpad(n::text, 8, '0'), '{}', $2, $2 from generate_series(1, $3::int) n`,
    [tenantId, now, users],
  );
  await client.query(
    `insert into devices (tenant_id, id, user_id, app, platform, token, token_hash, registered_at, last_active_at)
     select tenant_id, uuidv7(), id, 'default', 'ios', encode(sha256(id::text::bytea), 'hex'),
       sha256(encode(sha256(id::text::bytea), 'hex')::bytea), $2, $2 from users where tenant_id = $1`,
    [tenantId, now],
  );
  await insertProbe(client, tenantId, now);
  await client.query('vacuum analyze users, devices');
  await client.end();
}

async function insertProbe(client: pg.Client, tenantId: string, now: Date): Promise<void> {
  const id = uuidv7(now.getTime());
  await client.query(
    `insert into users (tenant_id, id, external_id, attributes, created_at, updated_at)
     values ($1, $2, $3, '{}', $4, $4)`,
    [tenantId, id, PROBE_USER, now],
  );
  await client.query(
    `insert into devices (tenant_id, id, user_id, app, platform, token, token_hash, registered_at, last_active_at)
     values ($1, $2, $3, 'default', 'ios', $4, sha256($4::text::bytea), $5, $5)`,
    [tenantId, uuidv7(now.getTime()), id, PROBE_TOKEN + randomBytes(4).toString('hex'), now],
  );
}
