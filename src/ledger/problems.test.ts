import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { uuidv7 } from '../lib/ids.ts';
import { registerLedgerRoutes } from './index.ts';
import { searchProblems } from './problem-store.ts';
import { insertDelivery, insertNotification } from './testing.ts';

describeStores('the search among problems', (store) => {
  let api: TwoTenants;
  let notification: string;
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) =>
      registerLedgerRoutes(app, { ...deps, wake: { signal() {} } }),
    );
    notification = await insertNotification(store(), api.tenantId);
  });
  after(() => api.close());
  const deliver = (columns: object = {}) =>
    insertDelivery(store(), api.tenantId, { notification_id: notification, state: 'dead', ...columns });
  const list = async (query: Record<string, string>) => {
    const answer = await api.call(
      'GET',
      `/v1/deliveries?${new URLSearchParams({ state: 'dead', limit: '100', ...query })}`,
    );
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body.items.map(({ id }: { id: string }) => id);
  };

  it('takes every filter alone and all of them together', async () => {
    const user = uuidv7(api.clock.now());
    await store().engine.query(
      "insert into users (tenant_id, id, external_id, attributes, created_at, updated_at) values ($1, $2, 'eve', '{}', $3, $3)",
      [api.tenantId, user, new Date(api.clock.now())],
    );
    const other = await insertNotification(store(), api.tenantId);
    const columns = {
      reason: 'provider_error',
      code: '503',
      provider: 'smtp',
      connection: 'mail-2',
      channel: 'email',
      user_id: user,
      notification_id: other,
    };
    const filters: Record<string, string> = {
      reason: 'provider_error',
      code: '503',
      provider: 'smtp',
      connection: 'mail-2',
      channel: 'email',
      userId: 'eve',
      notificationId: other,
    };
    const wanted = await deliver(columns);
    const plain = await deliver();
    for (const [name, value] of Object.entries(filters)) {
      assert.deepEqual(await list({ [name]: value }), [wanted], name);
    }
    assert.deepEqual(await list(filters), [wanted]);
    assert.deepEqual(await list({ ...filters, code: '504' }), []);
    assert.deepEqual(await list({ userId: 'nobody' }), []);
    assert.deepEqual(await list({}), [plain, wanted]);
  });

  it('takes the time at which deliveries were made, the end excluded', async () => {
    const start = store().clock.now();
    const [first, second, third] = await Promise.all(
      [0, 1_000, 2_000].map((ms) => deliver({ id: uuidv7(start + 60_000 + ms), code: 'timed' })),
    );
    const at = (ms: number) => new Date(Math.floor(start) + 60_000 + ms).toISOString();
    assert.deepEqual(await list({ code: 'timed', from: at(1_000) }), [third, second]);
    assert.deepEqual(await list({ code: 'timed', to: at(2_000) }), [second, first]);
    assert.deepEqual(await list({ code: 'timed', from: at(1_000), to: at(2_000) }), [second]);
    for (const query of [`from=${at(1)}&to=${at(1)}`, 'from=yesterday', 'notificationId=7', 'nope=1']) {
      const { status } = await api.call('GET', `/v1/deliveries?state=dead&${query}`);
      assert.equal(status, 400, query);
    }
  });

  it('looks at a bounded number of problems and says where it stopped, so that nothing is left out', async () => {
    const wanted: string[] = [];
    for (let i = 0; i < 20; i++) {
      const id = await deliver({ channel: 'bounded', code: i % 7 === 0 ? 'rare' : 'common' });
      if (i % 7 === 0) wanted.push(id);
    }
    for (const order of ['oldest', 'newest'] as const) {
      const seen: string[] = [];
      let after: string | null = null;
      let pages = 0;
      do {
        const found: Awaited<ReturnType<typeof searchProblems>> = await searchProblems(store().engine, {
          tenantId: api.tenantId,
          live: true,
          filter: { state: 'dead', channel: 'bounded', code: 'rare' },
          order,
          after,
          limit: 2,
          scan: 4,
        });
        assert.ok(found.rows.length <= 2);
        seen.push(...found.rows.map(({ id }) => id));
        after = found.next;
        pages++;
      } while (after && pages < 50);
      assert.deepEqual(seen, order === 'oldest' ? wanted : wanted.toReversed());
      assert.ok(pages > 4, `${pages} pages`);
    }
  });
});
