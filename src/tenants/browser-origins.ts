import { Type } from 'typebox';
import { type AllowedOrigins, Exact, invalidField, responses, type Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import { Lru } from '../lib/lru.ts';
import type { Store } from '../store/index.ts';
import { loadOrigins, saveOrigins, selectTenantsOfOrigin } from './browser-origin-store.ts';

export interface BrowserOriginOptions {
  store: Store;
  clock: Clock;
}

/** A change works in all processes after this time at the latest. */
const FRESH_MS = 2_000;
const MAX_REMEMBERED = 1_000;
const MAX_ORIGINS = 50;
const MAX_LENGTH = 255;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;
const NOBODY: ReadonlySet<string> = new Set();

/** Who lets pages of an origin call, as the database said two seconds ago at most. */
export function createAllowedOrigins({ store, clock }: BrowserOriginOptions): AllowedOrigins {
  const known = new Lru<{ tenants: ReadonlySet<string>; readAt: number }>(MAX_REMEMBERED);
  return (origin) => {
    if (origin.length > MAX_LENGTH || parseOrigin(origin) !== origin) return NOBODY;
    const entry = known.get(origin);
    const readAt = clock.now();
    if (entry && readAt - entry.readAt < FRESH_MS) return entry.tenants;
    return selectTenantsOfOrigin(store.api, origin).then((ids) => {
      const tenants = new Set(ids);
      known.set(origin, { tenants, readAt });
      return tenants;
    });
  };
}

const Origins = Exact({
  origins: Type.Array(Type.String({ minLength: 1, maxLength: MAX_LENGTH }), {
    maxItems: MAX_ORIGINS,
    description: '`https://app.example`, without a path; http on localhost only',
  }),
});

const url = '/v1/browser-origins';
const about = (summary: string, description?: string) => ({
  tags: ['User tokens'],
  summary,
  description,
});

/** From which web pages a tenant's users may call. */
export function registerBrowserOriginRoutes(app: Server, { store, clock }: BrowserOriginOptions): void {
  app.get(
    url,
    {
      config: { scope: 'keys:write' },
      schema: {
        ...about('The web pages that may call for your users'),
        response: responses({ 200: Origins }),
      },
    },
    ({ credential: { tenantId } }) =>
      store.scoped(tenantId, async (db) => ({ origins: await loadOrigins(db, tenantId) })),
  );
  const schema = {
    ...about(
      'Let web pages call for your users (CORS)',
      'In place of those before; none by default. Pages need a token of their user. Works within two seconds.',
    ),
    body: Origins,
    response: responses({ 200: Origins }),
  };
  app.put(url, { config: { scope: 'keys:write' }, schema }, ({ credential: { tenantId }, body }) => {
    const wrong = body.origins.findIndex((origin) => parseOrigin(origin) !== origin);
    if (wrong >= 0)
      throw invalidField(
        `/origins/${wrong}`,
        'must be an https origin as browsers write it: no path, no slash at its end',
      );
    const now = new Date(clock.now());
    return store.scoped(tenantId, async (db) => {
      await saveOrigins(db, { tenantId, origins: [...new Set(body.origins)], now });
      return { origins: await loadOrigins(db, tenantId) };
    });
  });
}

/** As a browser writes it in the header; null for what no tenant may allow (plain http, and `null` of sandboxes). */
function parseOrigin(text: string): string | null {
  const parsed = URL.parse(text);
  if (!parsed || parsed.hostname.includes('*')) return null;
  const isSafe =
    parsed.protocol === 'https:' || (parsed.protocol === 'http:' && LOOPBACK.test(parsed.hostname));
  return isSafe ? parsed.origin : null;
}
