import type { InjectOptions } from 'fastify';
import { createServer, type Server } from '../../src/http/index.ts';
import { FakeClock } from '../../src/lib/clock.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import type { Store } from '../../src/store/index.ts';

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
  body: any;
}

/** One request with one API key; a string is sent as it is, anything else as JSON. */
export type Call = (method: string, url: string, payload?: unknown) => Promise<Answer>;

export interface TwoTenants {
  tenantId: string;
  otherTenantId: string;
  clock: FakeClock;
  /** A live and a test key of the first tenant, and a live key of the other. */
  call: Call;
  callAsTest: Call;
  callAsOther: Call;
  close(): Promise<void>;
}

/** Makes two tenants in the store and serves a room's routes to them, without a socket. */
export async function serveTwoTenants(
  store: Store,
  register: (app: Server, deps: { store: Store; clock: FakeClock }) => void,
): Promise<TwoTenants> {
  const clock = new FakeClock();
  const [tenantId, otherTenantId] = [uuidv7(clock.now()), uuidv7(clock.now())];
  for (const id of [tenantId, otherTenantId]) {
    await store.engine.query('insert into tenants (id, slug, name, created_at) values ($1, $2, $3, $4)', [
      id,
      id,
      'Tenant',
      new Date(clock.now()),
    ]);
  }
  const keys = new Map([
    ['live', { tenantId, live: true }],
    ['test', { tenantId, live: false }],
    ['other', { tenantId: otherTenantId, live: true }],
  ]);
  const app = await createServer({
    authenticate: (token) => {
      const key = keys.get(token);
      return key ? { ...key, keyId: token, scopes: ['owner'] } : null;
    },
    clock,
    logger: silentLogger,
    version: '0.0.0',
    bodyLimit: 1_048_576,
    requestsPerSecondPerKey: 0,
    authFailuresPerSecondPerAddress: 0,
    trustProxy: false,
  });
  register(app, { store, clock });
  await app.ready();
  const callAs =
    (token: string): Call =>
    async (method, url, payload) => {
      const { statusCode, body } = await app.inject({
        method: method as 'GET',
        url,
        headers: {
          authorization: `Bearer ${token}`,
          ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        },
        payload: (typeof payload === 'object'
          ? JSON.stringify(payload)
          : payload) as InjectOptions['payload'],
      });
      return { status: statusCode, body: body === '' ? null : JSON.parse(body) };
    };
  return {
    tenantId,
    otherTenantId,
    clock,
    call: callAs('live'),
    callAsTest: callAs('test'),
    callAsOther: callAs('other'),
    close: () => app.close(),
  };
}
