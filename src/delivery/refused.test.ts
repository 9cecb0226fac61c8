import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { queueDeliveries, TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { readDelivery } from '../ledger/testing.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { createPostgresQueue } from '../queue/index.ts';
import { Recorder } from './recorder.ts';
import type { Settlement } from './settle.ts';
import type { Result } from './store.ts';

describeStores('a result that the database refuses', (store) => {
  beforeEach(() => store().engine.query('truncate deliveries, notifications, claims, attempts, inbox_items'));
  const settlement: Settlement = {
    state: 'sent',
    reason: null,
    code: null,
    dueAt: null,
    decideAt: null,
    retries: 0,
    moveTo: null,
    providerMessageId: null,
    effect: null,
    choice: null,
  };

  async function record(
    extras: Partial<Result>[],
    userId: string | null = null,
  ): Promise<(string | null)[][]> {
    await queueDeliveries(store(), extras.length, { userId });
    const queue = createPostgresQueue(store().engine, store().clock);
    const turns = [{ tenantId: TENANT, connection: 'hook', count: extras.length }];
    const { deliveries } = await queue.claim('webhook.normal', uuidv7(1), turns);
    const recorder = new Recorder({ store: store(), clock: store().clock, logger: silentLogger });
    const times = { startedAt: 1, latencyMs: 1, finishedAt: 2 };
    const written = await Promise.all(
      extras.map((extra, i) =>
        recorder.record({
          claimed: deliveries[i]!,
          settlement,
          outcome: 'accepted',
          detail: null,
          ...times,
          ...extra,
        }),
      ),
    );
    assert.deepEqual(
      written,
      extras.map(() => true),
    );
    const rows = await Promise.all(deliveries.map(({ id }) => readDelivery(store(), id)));
    return rows.map(({ state, reason, code }) => [state, reason, code]);
  }

  it('ends without the value, and its neighbours as they are', async () => {
    const refused = { settlement: { ...settlement, providerMessageId: 'a\u0000b' } };
    const rows = await record([{}, refused, {}]);
    assert.deepEqual(rows, [
      ['sent', null, null],
      ['sent', null, 'result_refused'],
      ['sent', null, null],
    ]);
  });

  it('does not hold up the others when it cannot even be put into words', async () => {
    const rows = await record([{ outcome: 'retry', detail: { size: 1n } }, {}]);
    assert.deepEqual(rows, [
      ['sent', null, 'result_refused'],
      ['sent', null, null],
    ]);
  });

  it('has failed when it was an inbox item, which nobody can see', async () => {
    const { engine } = store();
    const [ada, at] = [uuidv7(1), new Date(1)];
    await engine.query("insert into tenants values ($1, 'a', 'a', $2) on conflict do nothing", [TENANT, at]);
    await engine.query("insert into users values ($1, $2, 'ada', null, null, '{}', $3, $3)", [
      TENANT,
      ada,
      at,
    ]);
    const [row] = await record([{ inboxItem: { title: 'a\u0000b' } as never }], ada);
    assert.deepEqual(row, ['failed', 'content_invalid', 'result_refused']);
    assert.equal((await engine.query('select 1 from inbox_items')).rowCount, 0);
  });
});
