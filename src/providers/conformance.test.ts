import { conformance } from './conformance.ts';
import { listProviders } from './index.ts';

// Over the registry, so that no provider is forgotten; golden requests stand in the provider's own test.
for (const provider of listProviders()) conformance(provider);
