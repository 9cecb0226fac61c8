import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants } from '../../test/support/two-tenants.ts';
import { registerLedgerRoutes } from '../ledger/index.ts';
import { insertDelivery, insertNotification } from '../ledger/testing.ts';
import { createCategories } from '../rules/index.ts';
import { policiesOf } from './unknown-policy.ts';

describeStores('an unknown delivery', (store) => {
  it('tells what its category will make of it, and when, wherever it is shown', async () => {
    const api = await serveTwoTenants(store(), (app, deps) =>
      registerLedgerRoutes(app, {
        ...deps,
        wake: { signal() {} },
        loadPolicy: policiesOf(createCategories(deps.clock)),
      }),
    );
    for (const [category, decideAt, words] of [
      ['transactional', new Date(store().clock.now() + 10_000), /^sent again over the same connection at 2/],
      ['marketing', new Date(store().clock.now() + 10_000), /^ends as failed \(unknown_not_repeated\) at 2/],
      ['marketing', null, /^waits for a person$/],
    ] as const) {
      const notification = await insertNotification(store(), api.tenantId, { category });
      const id = await insertDelivery(store(), api.tenantId, {
        notification_id: notification,
        state: 'unknown',
        decide_at: decideAt,
      });
      const one = (await api.call('GET', `/v1/deliveries/${id}`)).body;
      assert.match(one.next, words);
      assert.equal(one.decidedAt, decideAt?.toISOString());
      const whole = (await api.call('GET', `/v1/notifications/${notification}`)).body;
      assert.equal(whole.deliveries[0].next, one.next);
      const list = (await api.call('GET', `/v1/deliveries?state=unknown&notificationId=${notification}`))
        .body;
      assert.equal(list.items[0].next, one.next);
    }
    await api.close();
  });
});
