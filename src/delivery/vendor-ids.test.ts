import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { queueDeliveries, TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { type Claimed, createPostgresQueue } from '../queue/index.ts';
import { Recorder } from './recorder.ts';
import type { Settlement } from './settle.ts';
import { purgeVendorIds } from './vendor-ids.ts';

const DAY_MS = 86_400_000;

describeStores('the ids of a vendor that carries none of ours', (store) => {
  beforeEach(() =>
    store().engine.query('truncate deliveries, notifications, claims, attempts, provider_messages'),
  );
  const settlement: Settlement = {
    state: 'sent',
    reason: null,
    code: null,
    dueAt: null,
    decideAt: null,
    retries: 0,
    moveTo: null,
    providerMessageId: '9122821270554876574',
    effect: null,
    choice: null,
  };
  const kept = async () =>
    (
      await store().engine.query(
        'select tenant_id, connection, provider_message_id, delivery_id from provider_messages',
      )
    ).rows;

  const record = (...changes: Partial<Claimed>[]) => recordAs(settlement.providerMessageId!, changes);
  async function recordAs(providerMessageId: string, changes: Partial<Claimed>[]): Promise<string[]> {
    await queueDeliveries(store(), changes.length);
    const queue = createPostgresQueue(store().engine, store().clock);
    const turns = [{ tenantId: TENANT, connection: 'hook', count: changes.length }];
    const { deliveries } = await queue.claim('webhook.normal', uuidv7(1), turns);
    const recorder = new Recorder({ store: store(), clock: store().clock, logger: silentLogger });
    const facts = {
      settlement: { ...settlement, providerMessageId },
      outcome: 'accepted',
      detail: null,
      startedAt: 1,
      latencyMs: 1,
      finishedAt: 2,
    };
    const written = await Promise.all(
      deliveries.map((claimed, i) => recorder.record({ ...facts, claimed: { ...claimed, ...changes[i] } })),
    );
    assert.ok(written.every((one) => one));
    return deliveries.map(({ id }) => id);
  }

  it('are kept with what was sent, for seven days', async () => {
    const [id] = await record({ provider: 'termii', connection: 'texts', live: true });
    const now = store().clock.now();
    assert.deepEqual(await kept(), [
      {
        tenant_id: TENANT,
        connection: 'texts',
        provider_message_id: settlement.providerMessageId,
        delivery_id: id,
      },
    ]);
    assert.equal(await purgeVendorIds(store().engine, new Date(now + 6 * DAY_MS), 10), 0);
    assert.equal(await purgeVendorIds(store().engine, new Date(now + 8 * DAY_MS), 10), 1);
    assert.deepEqual(await kept(), []);
  });

  it('belong to the delivery that had them first', async () => {
    const termii = { provider: 'termii', connection: 'texts', live: true };
    const ids = await record(termii, termii);
    const rows = await kept();
    assert.equal(rows.length, 1);
    assert.ok(ids.includes(rows[0].delivery_id));
  });

  it('are not kept when they are too long for an index, and the result is written all the same', async () => {
    const long = Array.from({ length: 2_000 }, (_, n) => n.toString(36)).join('');
    await recordAs(long, [{ provider: 'termii', connection: 'texts', live: true }]);
    assert.deepEqual(await kept(), []);
  });

  it('are not kept for vendors that hand back ours, nor of the simulator', async () => {
    await record(
      { provider: 'twilio', connection: 'texts', live: true },
      { provider: 'termii', connection: 'texts', live: false },
    );
    assert.deepEqual(await kept(), []);
  });
});
