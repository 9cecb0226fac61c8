import { type Channel, listProviders, type Provider } from '../providers/index.ts';
import type { Countries } from '../tenants/index.ts';
import { contactKind } from '../users/index.ts';
import type { Standing } from './choose.ts';
import type { Candidate } from './decide.ts';

/** Connection ids that no tenant can choose (a slug has no dot): `test.<provider>` reaches the simulator only. */
export const TEST_PREFIX = 'test.';

interface ConfiguredConnection {
  tenantId: string;
  id: string;
  updatedAt: number;
  providerId: string;
  channel: Channel;
  priority: number;
  weight: number;
  app: string | null;
  countries: Countries | null;
  contactKind?: string;
}

/** Tells how the connections are doing; built by the room that sends. */
export interface Standings {
  standing(connection: { tenantId: string; id: string; updatedAt: number }): Standing;
  /** A probe was routed there: until it is heard of, no other one is. */
  takeProbe(connection: { tenantId: string; id: string; updatedAt: number }): void;
}

const LAST = 1_000_000;
const PLAIN = { weight: 1, app: null, countries: null, standing: null };

/** The inbox needs no account anywhere, so it needs no connection. */
function builtIn(providers: Provider[]): Candidate[] {
  return providers
    .filter((provider) => provider.transport === 'inbox')
    .map((provider) => toCandidate(provider, { ...PLAIN, id: provider.id, priority: LAST }));
}

/** The ways a tenant's live notifications can take, with how they are doing now. */
export function liveCandidates(connections: ConfiguredConnection[], standings?: Standings): Candidate[] {
  const providers = listProviders();
  const byId = new Map(providers.map((provider) => [provider.id, provider]));
  const configured = connections.flatMap((connection) => {
    const provider = byId.get(connection.providerId);
    const standing = standings?.standing(connection) ?? null;
    return provider ? [toCandidate(provider, { ...connection, standing })] : [];
  });
  return [...configured, ...builtIn(providers)];
}

/**
 * The ways test notifications can take: the same providers as live if the tenant has connections, else one
 * default provider for each channel and platform. No account is needed, since only the simulator is reached.
 */
export function testCandidates(connections: ConfiguredConnection[]): Candidate[] {
  const providers = listProviders();
  const configured = new Map(
    connections.map(({ providerId, priority, contactKind }) => [providerId, { priority, contactKind }]),
  );
  const simulated = (provider: Provider) =>
    toCandidate(provider, {
      ...PLAIN,
      id: `${TEST_PREFIX}${provider.id}`,
      priority: LAST,
      ...configured.get(provider.id),
    });
  return [
    ...providers
      .filter((provider) => provider.transport !== 'inbox')
      .filter((provider) => configured.has(provider.id) || provider.testDefault)
      .map(simulated),
    ...builtIn(providers),
  ];
}

function toCandidate(
  provider: Provider,
  how: Pick<Candidate, 'id' | 'priority' | 'weight' | 'app' | 'countries' | 'standing'> & {
    contactKind?: string;
  },
): Candidate {
  return {
    id: how.id,
    providerId: provider.id,
    channel: provider.channel,
    priority: how.priority,
    weight: how.weight,
    app: how.app,
    countries: how.countries,
    standing: how.standing,
    reaches: provider.reaches,
    contactKind: how.contactKind ?? provider.contactKind ?? contactKind(provider.channel),
    platforms: provider.supports.platforms ?? null,
  };
}
