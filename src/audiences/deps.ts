import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';

/** Told when a segment or an import has work for the background. */
export const AUDIENCES_TOPIC = 'audiences';

/** What the routes of this room work with. */
export interface AudienceDeps {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
  wake: { signal(topic: string): void };
}
