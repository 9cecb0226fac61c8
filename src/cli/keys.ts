import { parseArgs } from 'node:util';
import { loadConfig } from '../config/index.ts';
import { SCOPES, type Scope } from '../http/index.ts';
import { openStore, type Store } from '../store/index.ts';
import { createKey, ensureDefaultTenant, listKeys, revokeKey } from '../tenants/index.ts';
import { UsageError } from './usage.ts';

const LIST_LIMIT = 100;

/** `bellhop keys`: API keys of the tenant `default`, directly in the database. */
export async function keys(args: string[]): Promise<number> {
  const [action, ...rest] = args;
  const { databaseUrl, dataDir } = loadConfig();
  const run = { list, create, revoke }[action ?? ''];
  if (!run) throw new UsageError('Say what to do: list, create or revoke');
  const store = await openStore({ databaseUrl, dataDir, poolSize: 1 });
  try {
    return await run(store, await ensureDefaultTenant(store, store.clock), rest);
  } finally {
    await store.close();
  }
}

async function list(store: Store, tenantId: string): Promise<number> {
  const found = await listKeys({ store }, { tenantId, limit: LIST_LIMIT });
  for (const key of found) {
    const ended = key.revokedAt ? 'revoked' : key.expiresAt ? `expires ${key.expiresAt}` : '';
    console.log(
      [key.id, key.hint, key.live ? 'live' : 'test', key.name, key.scopes.join(','), ended].join('  '),
    );
  }
  if (found.length === 0) console.log('There are no API keys yet.');
  return 0;
}

async function create(store: Store, tenantId: string, args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      name: { type: 'string' },
      test: { type: 'boolean', default: false },
      scopes: { type: 'string', default: 'owner' },
    },
  });
  if (!values.name) throw new UsageError('--name is required: what is the key for?');
  const scopes = values.scopes.split(',').map((scope) => {
    if (!SCOPES.includes(scope as Scope))
      throw new UsageError(`"${scope}" is no scope; there are ${SCOPES.join(', ')}`);
    return scope as Scope;
  });
  const made = await createKey(
    { store, clock: store.clock },
    { tenantId, name: values.name, live: !values.test, scopes, expiresAt: null },
  );
  console.log(`${made.key.reveal()}\nShown once; only its hash is stored.`);
  return 0;
}

async function revoke(store: Store, tenantId: string, args: string[]): Promise<number> {
  const [id] = args;
  if (!id) throw new UsageError('Which one? Give the id from `bellhop keys list`');
  await revokeKey({ store, clock: store.clock }, { tenantId, id });
  console.log('Revoked. Running processes notice within seconds.');
  return 0;
}
