import assert from 'node:assert/strict';
import { it } from 'node:test';
import { TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { reconcile } from '../ledger/index.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { createCategories, createRules } from '../rules/index.ts';
import { createTemplates } from '../templates/index.ts';
import { Router } from './router.ts';

const CORRUPT = [
  'null',
  '5',
  '"text"',
  '{"template": "gone"}',
  '{"template": {"id": 5}}',
  '{"template": {"id": "t", "version": 1e20}}',
  '{"channels": "sms"}',
  '{"channels": "sms", "trace": 5}',
  '{"channels": ["inbox"], "window": 5}',
  '{"channels": ["inbox"], "window": {"from": 5, "to": "10:00"}}',
  '{"channels": ["inbox"], "window": {"from": "00:00", "to": "00:00", "days": [9]}}',
  '{"ladder": {"steps": null}}',
  '{"ladder": {"steps": [null]}}',
  '{"ladder": {"steps": [{"channels": "inbox"}]}}',
  '{"ladder": {"steps": [{"channels": ["inbox"], "waitSeconds": "x"}, {"channels": ["sms"]}]}}',
  '{"ladder": {"steps": [{"channels": ["inbox"], "waitSeconds": 1e300}, {"channels": ["sms"]}]}}',
  `{"digest": {"key": "${'x'.repeat(10_000)}", "window": {"everySeconds": 5}}, "channels": ["inbox"]}`,
  '{"digest": {"template": 5, "window": {"everySeconds": 5}}, "channels": ["inbox"]}',
  '{"digest": {"window": {"quietSeconds": 1e10, "atMostSeconds": 1e10}}, "channels": ["inbox"]}',
];

describeStores('routing', (store) => {
  it('is not held up by rows that nothing of ours has written', async () => {
    const { clock, engine } = store();
    const user = [TENANT, uuidv7(clock.now()), 'ada', new Date(clock.now())];
    await engine.query("insert into tenants values ($1, 'a', 'a', $2)", [TENANT, user[3]]);
    await engine.query("insert into users values ($1, $2, $3, null, null, '{}', $4, $4)", user);
    const good = uuidv7(clock.now());
    const requests = [...CORRUPT, '{"message": {"body": "Hi"}}'];
    const ids = [...CORRUPT.map(() => uuidv7(clock.now())), good];
    await engine.query(
      `with stored as (
         insert into notifications (id, tenant_id, live, user_id, category, priority, state, request, due_at, created_at)
         select id, $3, true, 'ada', 'transactional', 1, 'accepted', request, $4, $4
           from unnest($1::uuid[], $2::jsonb[]) as t (id, request) returning id, tenant_id, priority, due_at
       )
       insert into unrouted (id, tenant_id, priority, due_at) select id, tenant_id, priority, due_at from stored`,
      [ids, requests, TENANT, new Date(clock.now())],
    );
    // One of them waits for another turn besides.
    const later = new Date(clock.now() + 60_000);
    const waits = ids[CORRUPT.indexOf('{"ladder": {"steps": [null]}}')];
    await engine.query(
      "insert into postponed (tenant_id, notification_id, due_at, channels, reason) values ($1, $2, $3, '{inbox}', 'ladder')",
      [TENANT, waits, later],
    );
    await engine.query('insert into unrouted (id, tenant_id, priority, due_at) values ($1, $2, 1, $3)', [
      waits,
      TENANT,
      later,
    ]);
    const router = new Router({
      store: store(),
      clock,
      logger: silentLogger,
      templates: createTemplates({ store: store(), clock }),
      connections: { forTenants: async () => new Map() },
      categories: createCategories(clock),
      rules: createRules(clock),
    });
    assert.equal((await router.routeBatch(1)).count, ids.length);
    const { rows } = await engine.query('select count(*)::int from unrouted');
    assert.equal(rows[0].count, 0);
    const deliveries = await engine.query(
      'select distinct state from deliveries where notification_id = $1',
      [good],
    );
    assert.deepEqual(deliveries.rows, [{ state: 'queued' }]);
    assert.deepEqual((await reconcile(engine, new Date(0))).findings, []);
  });
});
