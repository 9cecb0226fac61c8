import type { DeliveryOptions } from '../../src/delivery/engine.ts';

/** What an engine asks of tenants who have no hooks and leave every flag as it is. */
export const plainTenants: Pick<DeliveryOptions, 'hooks' | 'flags'> = {
  hooks: { forTenants: async () => new Map() },
  flags: {
    forTenants: async (_db, tenantIds) =>
      new Map(tenantIds.map((id) => [id, { isOn: () => true, isOnForAll: () => true }])),
  },
};
