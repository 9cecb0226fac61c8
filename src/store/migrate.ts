import { readdirSync, readFileSync } from 'node:fs';
import type { Pool, PoolClient } from 'pg';

const FOLDER = new URL('./migrations/', import.meta.url);
// Any number that no other program uses; the lock is held by the transaction, so a pooler in between does no harm.
const LOCK_ID = 7_261_885_001;
export const API_ROLE = 'bellhop_api';
export const ENGINE_ROLE = 'bellhop_engine';

export interface Migration {
  number: number;
  name: string;
  sql: string;
}

export function listMigrations(): Migration[] {
  return readdirSync(FOLDER)
    .filter((file) => /^\d{4}_.+\.sql$/.test(file))
    .sort()
    .map((file) => ({
      number: Number(file.slice(0, 4)),
      name: file.slice(5, -4),
      sql: readFileSync(new URL(file, FOLDER), 'utf8'),
    }));
}

/** Brings the schema to this build's version. Each migration is one transaction; two processes may call it at once. */
export async function migrate(pool: Pool): Promise<Migration[]> {
  const client = await pool.connect();
  const done: Migration[] = [];
  try {
    await client.query(
      'create table if not exists schema_migrations (number integer primary key, name text not null)',
    );
    for (const migration of listMigrations()) {
      if (await apply(client, migration)) done.push(migration);
    }
    return done;
  } finally {
    client.release();
  }
}

/** The migrations this build has and the database has not. */
export async function pendingMigrations(pool: Pool): Promise<Migration[]> {
  const exists = await pool.query("select to_regclass('schema_migrations') is not null as exists");
  if (!exists.rows[0].exists) return listMigrations();
  const { rows } = await pool.query('select number from schema_migrations');
  const applied = new Set(rows.map((row) => row.number));
  return listMigrations().filter((migration) => !applied.has(migration.number));
}

async function apply(client: PoolClient, migration: Migration): Promise<boolean> {
  await client.query('begin');
  try {
    await client.query('select pg_advisory_xact_lock($1)', [LOCK_ID]);
    const seen = await client.query('select 1 from schema_migrations where number = $1', [migration.number]);
    if (seen.rowCount) {
      await client.query('commit');
      return false;
    }
    if (migration.number === 1) await createRoles(client);
    await client.query(migration.sql);
    await client.query('insert into schema_migrations (number, name) values ($1, $2)', [
      migration.number,
      migration.name,
    ]);
    await client.query('commit');
    return true;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw new Error(`migration ${migration.number} (${migration.name}) failed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * Roles belong to the whole cluster, so they may exist already (another database, or made by an administrator).
 * The login role inherits the engine's rights, and may only *switch* to the API role: GRANT … WITH INHERIT, SET
 * came with PostgreSQL 16; on 15 a plain GRANT gives the same for us, since the engine's policy allows all anyway.
 */
async function createRoles(client: PoolClient): Promise<void> {
  const { rows } = await client.query(
    `select current_user as login, current_setting('server_version_num')::int as version, r.rolsuper as super,
            r.rolsuper or r.rolcreaterole as may_create,
            (select array_agg(rolname::text) from pg_roles where rolname in ($1, $2)) as existing
       from pg_roles r where r.rolname = current_user`,
    [API_ROLE, ENGINE_ROLE],
  );
  const { login, version, may_create: mayCreate, existing } = rows[0];
  for (const role of [API_ROLE, ENGINE_ROLE]) {
    const quotedLogin = client.escapeIdentifier(login);
    const options = version >= 160000 ? ` with inherit ${role === ENGINE_ROLE}, set true` : '';
    const grant = `grant ${role} to ${quotedLogin}${options}`;
    if (!existing?.includes(role)) {
      if (!mayCreate) throw missingRole(role, login, grant);
      await client.query(`create role ${role} nologin`);
    }
    const member = await client.query("select pg_has_role(current_user, $1, 'member') as member", [role]);
    if (mayCreate) await client.query(grant);
    else if (!member.rows[0].member) throw missingRole(role, login, grant);
  }
}

function missingRole(role: string, login: string, grant: string): Error {
  return new Error(
    `Bellhop needs the database role "${role}" and "${login}" may not create roles. ` +
      `Ask an administrator to run: create role ${role} nologin; ${grant};`,
  );
}
