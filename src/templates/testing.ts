import { createServer, type Scope, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Store } from '../store/index.ts';
import { registerTemplateRoutes, type TemplateRouteDeps } from './routes.ts';
import { createTemplates } from './templates.ts';

/** For tests: a server whose API keys are `<tenant>:<scope>`. */
export async function buildTemplateServer(
  store: Store,
  clock: Clock,
  deps: Partial<TemplateRouteDeps> = {},
): Promise<Server> {
  const app = await createServer({
    authenticate: (token) => {
      const [tenantId, ...scope] = token.split(':');
      return { keyId: token, tenantId: tenantId!, live: true, scopes: [scope.join(':') as Scope] };
    },
    clock,
    logger: silentLogger,
    version: 'test',
    bodyLimit: 1_000_000,
    requestsPerSecondPerKey: 0,
    authFailuresPerSecondPerAddress: 0,
    trustProxy: false,
  });
  const templates = createTemplates({ store, clock });
  registerTemplateRoutes(app, { store, clock, templates, usesOf: async () => [], ...deps });
  await app.ready();
  return app;
}

export async function addTenant(store: Store, clock: Clock): Promise<string> {
  const id = uuidv7(clock.now());
  await store.engine.query('insert into tenants values ($1, $2, $3, $4)', [
    id,
    id,
    'x',
    new Date(clock.now()),
  ]);
  return id;
}

export type Call = ReturnType<typeof callTemplates>;

/** Asks the API; `path` is below `/v1/templates`, or begins with `/v1`. */
export function callTemplates(app: Server, tenantId: string) {
  return async (
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    body?: object,
    key = `${tenantId}:owner`,
    // biome-ignore lint/suspicious/noExplicitAny: answers are what the test says they are
  ): Promise<{ status: number; body: any }> => {
    const { statusCode, payload } = await app.inject({
      method,
      url: path.startsWith('/v1/') ? path : `/v1/templates${path}`,
      headers: { authorization: `Bearer ${key}` },
      ...(body ? { payload: body } : {}),
    });
    return { status: statusCode, body: payload === '' ? null : JSON.parse(payload) };
  };
}
