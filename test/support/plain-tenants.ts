import type { DeliveryOptions } from '../../src/delivery/engine.ts';
import type { RouterOptions } from '../../src/routing/index.ts';
import { BUILT_IN } from '../../src/rules/index.ts';

/** What an engine asks of tenants who have no hooks or categories of their own and leave every flag as it is. */
export const plainTenants: Pick<DeliveryOptions, 'hooks' | 'flags' | 'categories'> &
  Pick<RouterOptions, 'rules'> = {
  rules: {
    forUsers: async () => ({
      refusal: () => null,
      quietUntil: () => null,
      frequencyOf: () => null,
      zoneOf: () => 'UTC',
      places: () => [],
    }),
  },
  categories: { forTenants: async (_db, tenantIds) => new Map(tenantIds.map((id) => [id, BUILT_IN])) },
  hooks: { forTenants: async () => new Map() },
  flags: {
    forTenants: async (_db, tenantIds) =>
      new Map(tenantIds.map((id) => [id, { isOn: () => true, isOnForAll: () => true }])),
  },
};
