import assert from 'node:assert/strict';
import { it } from 'node:test';
import { TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { loadNotification, reconcile } from '../ledger/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import { createPostgresQueue, insertSharedRequest } from '../queue/index.ts';
import { createCategories, createRules } from '../rules/index.ts';
import { createMetrics } from '../telemetry/index.ts';
import { routePage } from './page.ts';
import { Router } from './router.ts';

const USERS = ['ada', 'bob', 'nobody'];
const request = { channels: ['inbox'], message: { title: 'Sale', body: 'Today' } };

describeStores('a page of users', (store) => {
  it('is routed like single notifications, with one copy of what they are told', async () => {
    const { engine, clock } = store();
    const now = clock.now();
    await engine.query("insert into tenants values ($1, 'a', 'a', $2) on conflict do nothing", [
      TENANT,
      new Date(now),
    ]);
    for (const name of ['ada', 'bob']) {
      await engine.query("insert into users values ($1, $2, $3, null, null, '{}', $4, $4)", [
        TENANT,
        uuidv7(now),
        name,
        new Date(now),
      ]);
    }
    const metrics = createMetrics();
    const router = new Router({
      store: store(),
      clock,
      logger: { error: assert.fail } as never,
      templates: { compiled: async () => new Map() },
      connections: { forTenants: async () => new Map() },
      categories: createCategories(clock),
      rules: createRules(clock),
      metrics,
    });
    const sharedRequestId = uuidv7(now);
    const routed = await store().transaction(async (db) => {
      await insertSharedRequest(db, { tenantId: TENANT, id: sharedRequestId, request, now: new Date(now) });
      return routePage(
        db,
        router,
        {
          tenantId: TENANT,
          live: true,
          sharedRequestId,
          request,
          category: 'marketing',
          priority: 2,
          expiresAt: null,
          userIds: USERS,
        },
        now,
      );
    });
    assert.deepEqual([routed.count, [...routed.lanes]], [3, ['inbox.low']]);
    router.tell(routed);
    assert.match(await metrics.render(), /notifications_routed_total\{priority="low",kind="live"\} 3\n/);
    const queue = createPostgresQueue(engine, clock);
    const turn = { tenantId: TENANT, connection: 'inbox', count: 10 };
    const { deliveries } = await queue.claim('inbox.low', uuidv7(1), [turn]);
    assert.deepEqual(
      deliveries.map(({ user, request: asked, category }) => [user.externalId, asked, category]).sort(),
      [
        ['ada', request, 'marketing'],
        ['bob', request, 'marketing'],
      ],
    );
    const { rows } = await engine.query("select id, request from notifications where user_id = 'nobody'");
    assert.equal(rows[0].request, null, 'no copy');
    const shown = await loadNotification(engine, TENANT, true, rows[0].id);
    assert.deepEqual([shown?.state, shown?.request], ['routed', request]);
    const { findings } = await reconcile(engine, new Date(0));
    // The claim above belongs to a worker that does not exist.
    assert.deepEqual(
      findings.map(({ rule }) => rule),
      ['a delivery that is being sent is on record with a worker'],
    );
  });
});
