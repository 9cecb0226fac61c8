import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/**
 * A library that is loaded at its first use, for what an idle process should not pay for in memory and start-up time.
 * `T` is `typeof import('name')`; the first call blocks for as long as loading takes.
 */
export function onDemand<T>(name: string): () => T {
  return () => require(name) as T;
}
