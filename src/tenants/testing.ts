import { randomBytes } from 'node:crypto';
import { createServer, type Scope, type Server } from '../http/index.ts';
import type { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { createLogger } from '../lib/logger.ts';
import type { Secret } from '../lib/secret.ts';
import type { Store } from '../store/index.ts';
import { type Authenticator, createAuthenticator } from './authenticator.ts';
import { putConnection } from './connection-changes.ts';
import { createKey } from './keys.ts';
import { type MasterKeys, toMasterKey } from './master-key.ts';
import { insertTenant } from './tenant-store.ts';

/** For tests: a server with the real authentication, on a clock that the test moves. */
export interface TestApi {
  app: Server;
  authenticator: Authenticator;
  /** Everything that was logged. */
  logs: string[];
  // biome-ignore lint/suspicious/noExplicitAny: tests know what they asked for
  call(key: string | Secret, request: string, body?: unknown): Promise<{ status: number; body: any }>;
  close(): Promise<void>;
}

export async function startTestApi(
  store: Store,
  clock: FakeClock,
  register: (app: Server, authenticator: Authenticator) => void,
  bootstrapKey?: string,
): Promise<TestApi> {
  const logs: string[] = [];
  const logger = createLogger('debug', { write: (line) => logs.push(line) });
  const authenticator = createAuthenticator({ store, clock, logger, bootstrapKey });
  const app = await createServer({
    authenticate: authenticator,
    clock,
    logger,
    version: '0.0.0',
    bodyLimit: 262_144,
    requestsPerSecondPerKey: 0,
    authFailuresPerSecondPerAddress: 0,
    trustProxy: false,
  });
  register(app, authenticator);
  await app.ready();
  return {
    app,
    authenticator,
    logs,
    async call(key, request, body) {
      const [method, url] = request.split(' ') as ['GET', string];
      const token = typeof key === 'string' ? key : key.reveal();
      const headers = { authorization: `Bearer ${token}` };
      const payload = body === undefined ? {} : { payload: body as object };
      const response = await app.inject({ method, url, headers, ...payload });
      return { status: response.statusCode, body: response.body ? response.json() : undefined };
    },
    close: () => app.close(),
  };
}

export async function makeTenant(store: Store, now: number): Promise<string> {
  const id = uuidv7(now);
  await insertTenant(store.engine, { id, slug: `t-${id}`, name: 'Test', createdAt: new Date(now) });
  return id;
}

export async function makeKey(
  store: Store,
  clock: FakeClock,
  key: { tenantId: string; live?: boolean; scopes?: Scope[]; expiresAt?: number },
) {
  return createKey({ store, clock }, { name: 'k', live: true, scopes: ['owner'], expiresAt: null, ...key });
}

export function makeMasterKeys(): MasterKeys {
  return { current: toMasterKey(randomBytes(32)), previous: [] };
}

/** An SMTP connection with this password. */
export async function putMail(
  options: { store: Store; clock: FakeClock; masterKeys: MasterKeys },
  { tenantId, id = 'mail', ...rest }: { tenantId: string; id?: string; password: string; enabled?: boolean },
) {
  const { password, enabled } = rest;
  const config = { host: 'smtp.example.com', from: 'a@example.com', username: 'u', password };
  return putConnection(options, { tenantId, id, request: { provider: 'smtp', enabled, config } });
}

/** Every row of every table as one text, bytes both as hex and as they are. */
export async function dumpTables(store: Store): Promise<string> {
  const { rows: tables } = await store.engine.query<{ name: string }>(
    "select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1",
  );
  const parts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await store.engine.query(`select * from ${name}`);
    for (const row of rows) {
      parts.push(JSON.stringify(row));
      for (const value of Object.values(row)) {
        if (Buffer.isBuffer(value)) parts.push(value.toString('latin1'), value.toString('base64'));
      }
    }
  }
  return parts.join('\n');
}
