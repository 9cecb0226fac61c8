import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { queueDeliveries, TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { insertDelivery, readDelivery } from '../ledger/testing.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { createPostgresQueue } from '../queue/index.ts';
import { Recorder } from './recorder.ts';
import type { Settlement } from './settle.ts';

describeStores('an answer that comes after a receipt', (store) => {
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
    providerMessageId: 'from-the-answer',
    effect: null,
    choice: null,
  };

  it('leaves the id of the vendor and nothing else, beside an answer that came in time', async () => {
    await queueDeliveries(store(), 2);
    const queue = createPostgresQueue(store().engine, store().clock);
    const turns = [{ tenantId: TENANT, connection: 'hook', count: 2 }];
    const { deliveries } = await queue.claim('webhook.normal', uuidv7(1), turns);
    const [early, late] = deliveries;
    // What a receipt writes that names no id of the vendor.
    await store().engine.query(
      "update deliveries set state = 'failed', problem = 'failed', reason = 'recipient_unreachable', finished_at = $2 where id = $1",
      [late!.id, new Date(1)],
    );
    const before = await readDelivery(store(), late!.id);
    const recorder = new Recorder({ store: store(), clock: store().clock, logger: silentLogger });
    const written = await Promise.all(
      [early!, late!].map((claimed) =>
        recorder.record({
          claimed,
          settlement,
          outcome: 'accepted',
          detail: null,
          startedAt: 1,
          latencyMs: 1,
          finishedAt: 2,
        }),
      ),
    );
    assert.deepEqual(written, [true, false]);
    assert.deepEqual(await readDelivery(store(), late!.id), {
      ...before,
      provider_message_id: 'from-the-answer',
    });
    const { state, provider_message_id } = await readDelivery(store(), early!.id);
    assert.deepEqual([state, provider_message_id], ['sent', 'from-the-answer']);
  });

  it('does not rename what another attempt was called', async () => {
    const id = await insertDelivery(store(), TENANT, {
      notification_id: uuidv7(1),
      state: 'sent',
      attempt: 2,
      provider_message_id: 'of-the-second',
    });
    const recorder = new Recorder({ store: store(), clock: store().clock, logger: silentLogger });
    const claimed = { id, tenantId: TENANT, attempt: 1, connection: 'texts', provider: 'twilio' } as never;
    const late = { claimed, settlement, outcome: 'accepted', detail: null };
    assert.equal(await recorder.record({ ...late, startedAt: 1, latencyMs: 1, finishedAt: 2 }), false);
    assert.equal((await readDelivery(store(), id)).provider_message_id, 'of-the-second');
  });
});
