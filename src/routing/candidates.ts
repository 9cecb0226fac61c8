import { type Channel, listProviders, type Provider } from '../providers/index.ts';
import type { Candidate } from './decide.ts';

/** Connection ids that no tenant can choose (a slug has no dot): `test.<provider>` reaches the simulator only. */
export const TEST_PREFIX = 'test.';

interface ConfiguredConnection {
  id: string;
  providerId: string;
  channel: Channel;
  priority: number;
  weight: number;
  app: string | null;
}

const LAST = 1_000_000;

/** The inbox needs no account anywhere, so it needs no connection. */
function builtIn(providers: Provider[]): Candidate[] {
  return providers
    .filter((provider) => provider.transport === 'inbox')
    .map((provider) => toCandidate(provider, { id: provider.id, priority: LAST, weight: 1, app: null }));
}

/** The ways a tenant's live notifications can take. */
export function liveCandidates(connections: ConfiguredConnection[]): Candidate[] {
  const providers = listProviders();
  const byId = new Map(providers.map((provider) => [provider.id, provider]));
  const configured = connections.flatMap((connection) => {
    const provider = byId.get(connection.providerId);
    return provider ? [toCandidate(provider, connection)] : [];
  });
  return [...configured, ...builtIn(providers)];
}

/**
 * The ways test notifications can take: the same providers as live if the tenant has connections, else one
 * default provider for each channel and platform. No account is needed, since only the simulator is reached.
 */
export function testCandidates(connections: ConfiguredConnection[]): Candidate[] {
  const providers = listProviders();
  const simulated = (provider: Provider, priority: number) =>
    toCandidate(provider, { id: `${TEST_PREFIX}${provider.id}`, priority, weight: 1, app: null });
  const configured = new Map(connections.map((connection) => [connection.providerId, connection.priority]));
  return [
    ...providers
      .filter((provider) => provider.transport !== 'inbox')
      .filter((provider) => configured.has(provider.id) || provider.testDefault)
      .map((provider) => simulated(provider, configured.get(provider.id) ?? LAST)),
    ...builtIn(providers),
  ];
}

function toCandidate(
  provider: Provider,
  how: { id: string; priority: number; weight: number; app: string | null },
): Candidate {
  return {
    id: how.id,
    providerId: provider.id,
    channel: provider.channel,
    priority: how.priority,
    weight: how.weight,
    app: how.app,
    reaches: provider.reaches,
    platforms: provider.supports.platforms ?? null,
  };
}
