import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';

/** What the routes of this room work with. */
export interface UserRoutesDeps {
  store: Pick<Store, 'scoped'>;
  clock: Clock;
}
