import assert from 'node:assert/strict';
import { it } from 'node:test';
import { queueDeliveries, TENANT } from '../../test/support/ledger.ts';
import { plainTenants } from '../../test/support/plain-tenants.ts';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { createPostgresQueue, Wake } from '../queue/index.ts';
import type { AttemptFact, Tracer } from '../telemetry/index.ts';
import { saveHeartbeat } from './store.ts';
import { Sweep } from './sweep.ts';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';

describeStores('a trace of a worker that died', (store) => {
  it('tells of each attempt that it had under way, in the trace of its notification', async () => {
    const { clock } = store();
    const facts: AttemptFact[] = [];
    const ids = await queueDeliveries(store(), 2);
    await store().engine.query(
      `update notifications set request = request || jsonb_build_object('trace', $2::text, 'traceState', 'a=1')
        where id = (select notification_id from deliveries where id = $1)`,
      [ids[0], TRACE],
    );
    const worker = uuidv7(1);
    const now = new Date(clock.now());
    await saveHeartbeat(store().engine, { id: worker, host: 'h', startedAt: now }, { now, aliveSince: now });
    const turns = [{ tenantId: TENANT, connection: 'hook', count: 10 }];
    const { deliveries } = await createPostgresQueue(store().engine, clock).claim(
      'webhook.normal',
      worker,
      turns,
    );
    const sweep = new Sweep({
      store: store(),
      clock,
      wake: new Wake(),
      logger: silentLogger,
      housekeeping: async () => {},
      categories: plainTenants.categories,
      tracer: { attempted: (fact: AttemptFact) => facts.push(fact) } as unknown as Tracer,
    });
    await sweep.takeOverAll();
    facts.sort((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1));
    assert.deepEqual(
      facts.map((fact) => [fact.deliveryId, fact.trace, fact.traceState]),
      [
        [ids[0], TRACE, 'a=1'],
        [ids[1], undefined, undefined],
      ],
    );
    const claimed = deliveries.find((delivery) => delivery.id === ids[0])!;
    const { startedAt, endedAt, deliveryId: _, ...rest } = facts[0]!;
    assert.ok(startedAt >= now.getTime() && endedAt >= startedAt);
    assert.deepEqual(rest, {
      tenantId: TENANT,
      live: true,
      notificationId: claimed.notificationId,
      urgent: false,
      trace: TRACE,
      traceState: 'a=1',
      attempt: 1,
      channel: 'webhook',
      provider: 'webhook',
      connection: 'hook',
      deviceId: null,
      platform: null,
      routedAt: claimed.createdAt,
      outcome: 'unknown',
      state: 'unknown',
      reason: 'worker_lost',
      code: null,
    });
  });
});
