import type { Server } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';
import type { Categories } from './categories.ts';
import { registerCategoryRoutes } from './category-routes.ts';
import { registerFrequencyRoutes } from './frequency-routes.ts';
import { registerPreferenceRoutes } from './preference-routes.ts';
import { registerQuietRoutes } from './quiet-routes.ts';
import { registerQuotaRoutes } from './quota-routes.ts';
import type { Rules } from './rule-book.ts';

export interface RuleRouteOptions {
  store: Store;
  clock: Clock;
  categories: Pick<Categories, 'forget'>;
  rules: Pick<Rules, 'forget'>;
}

/** Categories, preferences, frequencies, quiet hours and quotas. */
export function registerRuleRoutes(app: Server, options: RuleRouteOptions): void {
  registerCategoryRoutes(app, options);
  registerPreferenceRoutes(app, options);
  registerFrequencyRoutes(app, options);
  registerQuietRoutes(app, options);
  registerQuotaRoutes(app, options);
}
