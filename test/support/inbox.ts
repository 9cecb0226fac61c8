import { createServer, type Server } from '../../src/http/index.ts';
import {
  inboxTopic,
  type NewInboxItem,
  registerInboxRoutes,
  registerStreamRoute,
  registerTokenRoutes,
  Streams,
  storeInboxItems,
} from '../../src/inbox/index.ts';
import { FakeClock } from '../../src/lib/clock.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { Wake } from '../../src/queue/index.ts';
import { registerPreferenceRoutes } from '../../src/rules/index.ts';
import type { Store } from '../../src/store/index.ts';
import type { Metrics } from '../../src/telemetry/index.ts';
import {
  createAllowedOrigins,
  createAuthenticator,
  createUserTokens,
  looksLikeUserToken,
  type MasterKeys,
  registerBrowserOriginRoutes,
} from '../../src/tenants/index.ts';
import { makeKey, makeMasterKeys, makeTenant } from '../../src/tenants/testing.ts';
import { registerUserRoutes } from '../../src/users/index.ts';

/** What processes of one installation have in common, or bring with them. */
interface Shared {
  clock?: FakeClock;
  wake?: Wake;
  masterKeys?: MasterKeys;
  metrics?: Metrics;
}

/** For tests: the inbox with real keys and tokens on a port, on a clock that the test moves. */
export async function serveInbox(
  store: Store,
  { clock = new FakeClock(), wake = new Wake(), masterKeys = makeMasterKeys(), metrics }: Shared = {},
) {
  const logs: string[] = [];
  const logger = createLogger('debug', { write: (line) => logs.push(line) });
  const authenticator = createAuthenticator({ store, clock });
  const tokens = createUserTokens({ store, clock, masterKeys });
  const streams = new Streams({ store, clock, logger, wake, metrics, random: () => 0 });
  const app: Server = await createServer({
    authenticate: (token) => (looksLikeUserToken(token) ? tokens.authenticate(token) : authenticator(token)),
    allowedOrigins: createAllowedOrigins({ store, clock }),
    clock,
    logger,
    version: '0.0.0',
    bodyLimit: 262_144,
    requestsPerSecondPerKey: 0,
    authFailuresPerSecondPerAddress: 0,
    trustProxy: false,
  });
  registerUserRoutes(app, { store, clock });
  registerPreferenceRoutes(app, { store, clock });
  registerInboxRoutes(app, { store, clock, wake });
  registerStreamRoute(app, { store, streams });
  registerTokenRoutes(app, { store, clock, tokens, failuresPerSecondPerAddress: 3 });
  registerBrowserOriginRoutes(app, { store, clock });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  const call = async (
    token: string | null,
    request: string,
    { body, headers }: { body?: unknown; headers?: Record<string, string> } = {},
  ) => {
    const [method, path] = request.split(' ') as [string, string];
    const response = await fetch(origin + path, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
  const newTenant = async () => {
    const tenantId = await makeTenant(store, clock.now());
    const key = (await makeKey(store, clock, { tenantId })).key.reveal();
    return { tenantId, key };
  };
  /** A user and a token of his. */
  const newUser = async ({ tenantId, key }: { tenantId: string; key: string }, externalId: string) => {
    const { id } = (await call(key, `PUT /v1/users/${externalId}`, { body: {} })).body;
    const { token } = (await call(key, `POST /v1/users/${externalId}/tokens`, { body: {} })).body;
    return { tenantId, userId: id as string, token: token as string };
  };
  /** Stores items as a process that delivers does, in one transaction. */
  const add = async (
    { tenantId, userId }: { tenantId: string; userId: string },
    ...changes: Partial<NewInboxItem>[]
  ) => {
    const items = changes.map((change) => ({
      tenantId,
      userId,
      id: uuidv7(clock.now()),
      live: true,
      notificationId: uuidv7(clock.now()),
      category: 'transactional',
      item: { title: 'Hello', body: 'World', actions: [], data: {} },
      createdAt: clock.now(),
      expiresAt: null,
      ...change,
    }));
    await store.transaction((db) => storeInboxItems(db, items));
    wake.signal(inboxTopic(userId));
    return items.map(({ id }) => id);
  };
  return {
    app,
    origin,
    clock,
    wake,
    streams,
    tokens,
    logs,
    call,
    newTenant,
    newUser,
    add,
    close: () => app.close(),
  };
}

export interface Heard {
  id: string | undefined;
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of many shapes
  data: any;
}

/** Listens as a reader on top of `fetch` does. `next` waits for an event, `pings` counts signs of life. */
export async function listen(url: string, token: string | null, headers: Record<string, string> = {}) {
  const abort = new AbortController();
  const response = await fetch(url, {
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers },
    signal: abort.signal,
  });
  const heard: Heard[] = [];
  const waiting: ((event: Heard) => void)[] = [];
  let pings = 0;
  const pinged: (() => void)[] = [];
  const take = (block: string) => {
    if (block.startsWith(':')) {
      pings++;
      for (const resolve of pinged.splice(0)) resolve();
    }
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    const event = field('event');
    if (!event) return;
    const whole = { id: field('id'), event, data: JSON.parse(field('data')!) };
    const waiter = waiting.shift();
    if (waiter) waiter(whole);
    else heard.push(whole);
  };
  const ended = (async () => {
    let text = '';
    try {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        for (const block of blocks) take(block);
      }
      return 'ended';
    } catch {
      return 'broken';
    }
  })();
  return {
    status: response.status,
    headers: response.headers,
    next: (): Promise<Heard> => {
      const known = heard.shift();
      return known ? Promise.resolve(known) : new Promise((resolve) => waiting.push(resolve));
    },
    pings: () => pings,
    ping: () => new Promise<void>((resolve) => pinged.push(resolve)),
    /** How the stream came to its end. */
    ended,
    close: () => abort.abort(),
  };
}
