import { getProvider, type Provider } from '../providers/index.ts';
import type { Claimed } from '../queue/index.ts';
import { TEST_PREFIX } from '../routing/index.ts';
import type { Connection, HeldTemplates } from '../tenants/index.ts';

/** How an attempt travels: the provider, its configuration, and where it is sent to. */
export interface Route {
  /** Tells pools, gates and tokens of different connections (and versions of one) apart. */
  key: string;
  connection: string;
  provider: Provider;
  // biome-ignore lint/suspicious/noExplicitAny: each provider types its own configuration
  config: any;
  baseUrl: string;
  /** Texts that the vendor keeps and does not deliver now. */
  heldTemplates?: HeldTemplates;
  /** Of the connection, where it differs from the provider's. */
  maxInFlight?: number;
  /** Test attempts reach the simulator and nothing else. */
  simulated: boolean;
}

/** The route of a claimed delivery, or null when its connection is gone or disabled. */
export function routeOf(claimed: Claimed, connections: Connection[]): Route | null {
  if (claimed.connection.startsWith(TEST_PREFIX)) return testRoute(claimed);
  const configured = connections.find((connection) => connection.id === claimed.connection);
  if (configured) return liveRoute(configured);
  const provider = getProvider(claimed.connection);
  if (provider?.transport !== 'inbox') return null;
  return {
    key: `${claimed.tenantId}/${provider.id}`,
    connection: provider.id,
    provider,
    config: {},
    baseUrl: '',
    simulated: false,
  };
}

function liveRoute(connection: Connection): Route | null {
  const provider = getProvider(connection.providerId);
  if (!provider) return null;
  return {
    key: `${connection.tenantId}/${connection.id}/${connection.updatedAt}`,
    connection: connection.id,
    provider,
    config: connection.config,
    baseUrl: connection.baseUrl ?? defaultBaseUrl(provider),
    maxInFlight: connection.limits.maxInFlight,
    heldTemplates: connection.heldTemplates,
    simulated: false,
  };
}

const testConfigs = new Map<string, unknown>();

function testRoute(claimed: Claimed): Route | null {
  const provider = getProvider(claimed.connection.slice(TEST_PREFIX.length));
  if (!provider) return null;
  let config = testConfigs.get(provider.id);
  if (config === undefined) {
    config = provider.testConfig();
    testConfigs.set(provider.id, config);
  }
  return {
    key: `${claimed.tenantId}/${claimed.connection}`,
    connection: claimed.connection,
    provider,
    config,
    baseUrl: defaultBaseUrl(provider),
    simulated: true,
  };
}

function defaultBaseUrl(provider: Provider): string {
  return provider.transport === 'http' || provider.transport === 'http2' ? provider.baseUrl : '';
}
