import { rmSync } from 'node:fs';
import { type Bellhop, startBellhop } from '../../src/app.ts';
import { parseConfig } from '../../src/config/index.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { createKey } from '../../src/tenants/index.ts';
import { insertTenant } from '../../src/tenants/tenant-store.ts';
import { temporaryFolder } from '../support/process.ts';
import { createTestDatabase, stopOwnCluster } from '../support/stores.ts';

export interface Party {
  tenantId: string;
  key: string;
}

export interface Answer {
  status: number;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  body: any;
}

/** A whole Bellhop in this process on a PostgreSQL of its own, with a tenant and somebody else. */
export interface Instance {
  url: string;
  store: Store;
  logs: string[];
  owner: Party;
  stranger: Party;
  call(party: Party, method: string, path: string, body?: unknown): Promise<Answer>;
  stop(): Promise<void>;
}

export async function startInstance(env: Record<string, string> = {}): Promise<Instance> {
  const databaseUrl = await createTestDatabase();
  const dataDir = temporaryFolder();
  const logs: string[] = [];
  const config = parseConfig({
    DATABASE_URL: databaseUrl,
    BELLHOP_PORT: '0',
    BELLHOP_DATA_DIR: dataDir,
    BELLHOP_LOG_LEVEL: 'debug',
    BELLHOP_DATABASE_POOL: '2',
    ...env,
  });
  const logger = createLogger('debug', { write: (line) => logs.push(line) });
  const bellhop: Bellhop = await startBellhop(config, logger, '0.0.0');
  const store = await openStore({ databaseUrl, poolSize: 1, migrate: false });
  const [owner, stranger] = [await makeParty(store, 'owner'), await makeParty(store, 'stranger')];
  return {
    url: bellhop.url!,
    store,
    logs,
    owner,
    stranger,
    async call({ key }, method, path, body) {
      const response = await fetch(`${bellhop.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': typeOf(path) }),
        },
        body: typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
      return { status: response.status, text, body: isJson ? JSON.parse(text) : null };
    },
    async stop() {
      await bellhop.stop();
      await store.close();
      await stopOwnCluster();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Files of users are the only bodies that are not JSON. */
function typeOf(path: string): string {
  return path.startsWith('/v1/imports') ? 'text/csv' : 'application/json';
}

async function makeParty(store: Store, slug: string): Promise<Party> {
  const tenantId = uuidv7(store.clock.now());
  await insertTenant(store.engine, {
    id: tenantId,
    slug,
    name: slug,
    createdAt: new Date(store.clock.now()),
  });
  const request = { tenantId, name: slug, live: true, scopes: ['owner'] as const, expiresAt: null };
  const { key } = await createKey({ store, clock: store.clock }, request);
  return { tenantId, key: key.reveal() };
}
