import type { Channel, Platform, Provider } from './contract.ts';
import { PROVIDERS } from './generated/registry.ts';

export * from './contract.ts';
export { type ParsedConfig, parseConfig, showPlain, splitSecrets } from './fields.ts';

const BY_ID = new Map(PROVIDERS.map((provider) => [provider.id, provider]));
if (BY_ID.size !== PROVIDERS.length) throw new Error('two providers have the same id');

export function getProvider(id: string): Provider | undefined {
  return BY_ID.get(id);
}

export function listProviders(channel?: Channel): Provider[] {
  return channel ? PROVIDERS.filter((provider) => provider.channel === channel) : PROVIDERS;
}

/** The provider that test keys use for a channel (and platform) when the tenant has no connection for it. */
export function testProviderFor(channel: Channel, platform?: Platform): Provider | undefined {
  return PROVIDERS.find(
    (provider) =>
      provider.testDefault &&
      provider.channel === channel &&
      (!platform || provider.supports.platforms?.includes(platform)),
  );
}
