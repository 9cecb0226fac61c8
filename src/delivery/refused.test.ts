import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { queueDeliveries, statesOf, TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { readDelivery } from '../ledger/testing.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { type Claimed, createPostgresQueue } from '../queue/index.ts';
import { Recorder } from './recorder.ts';
import type { Settlement } from './settle.ts';
import type { Result } from './store.ts';

/** PostgreSQL stores no NUL in a text. */
const UNSTORABLE = 'a\u0000b';
const SENT: Settlement = {
  state: 'sent',
  reason: null,
  code: null,
  dueAt: null,
  decideAt: null,
  retries: 0,
  moveTo: null,
  providerMessageId: 'm1',
  effect: null,
  choice: null,
};

describeStores('a result that the database refuses', (store) => {
  beforeEach(() => store().engine.query('truncate deliveries, notifications, claims, attempts'));

  async function claim(count: number): Promise<Claimed[]> {
    await queueDeliveries(store(), count);
    const queue = createPostgresQueue(store().engine, store().clock);
    const turns = [{ tenantId: TENANT, connection: 'hook', count }];
    return (await queue.claim('webhook.normal', uuidv7(1), turns)).deliveries;
  }
  const result = (
    claimed: Claimed,
    settlement: Partial<Settlement>,
    extra: Partial<Result> = {},
  ): Result => ({
    claimed,
    settlement: { ...SENT, ...settlement },
    outcome: 'accepted',
    detail: null,
    startedAt: 1,
    latencyMs: 1,
    finishedAt: 2,
    ...extra,
  });
  const record = (results: Result[]) => {
    const recorder = new Recorder({ store: store(), clock: store().clock, logger: silentLogger });
    return Promise.all(results.map((each) => recorder.record(each)));
  };

  it('is written without what was refused, and stops no other', async () => {
    const [good, bad] = await claim(2);
    assert.deepEqual(await record([result(good!, {}), result(bad!, { providerMessageId: UNSTORABLE })]), [
      true,
      true,
    ]);
    assert.equal((await readDelivery(store(), good!.id)).provider_message_id, 'm1');
    const row = await readDelivery(store(), bad!.id);
    assert.deepEqual([row.state, row.provider_message_id], ['sent', null]);
  });

  it('keeps its retry', async () => {
    const [claimed] = await claim(1);
    const later = {
      state: 'queued',
      reason: 'provider_error',
      code: UNSTORABLE,
      dueAt: 5,
      retries: 1,
    } as const;
    assert.deepEqual(await record([result(claimed!, later, { outcome: 'retry' })]), [true]);
    const row = await readDelivery(store(), claimed!.id);
    assert.deepEqual([row.state, row.retries, row.code], ['queued', 1, null]);
  });

  it('ends as failed when what is ours is refused too, whatever the log says', async () => {
    const [claimed] = await claim(1);
    const impossible = { state: 'queued', reason: 'provider_error', dueAt: Number.NaN } as const;
    assert.deepEqual(await record([result(claimed!, impossible, { outcome: 'retry' })]), [true]);
    const row = await readDelivery(store(), claimed!.id);
    assert.deepEqual([row.state, row.reason, row.problem], ['failed', 'internal_error', 'failed']);
  });

  it('is not called sent when its inbox item could not be stored', async () => {
    const [claimed] = await claim(1);
    const known = { ...claimed!, user: { ...claimed!.user, id: uuidv7(1) } };
    await store().engine.query(
      `insert into tenants (id, slug, name, created_at) values ($1, 'a', 'a', $2) on conflict do nothing`,
      [TENANT, new Date(1)],
    );
    await store().engine.query(
      `insert into users (tenant_id, id, external_id, attributes, created_at, updated_at) values ($1, $2, 'ada', '{}', $3, $3)`,
      [TENANT, known.user.id, new Date(1)],
    );
    const inboxItem = { title: UNSTORABLE, body: 'b' } as unknown as Result['inboxItem'];
    assert.deepEqual(await record([result(known, {}, { inboxItem })]), [true]);
    assert.deepEqual(await statesOf(store(), [claimed!.id]), { failed: 1 });
    const row = await readDelivery(store(), claimed!.id);
    assert.equal(row.reason, 'internal_error');
    const { rows } = await store().engine.query('select outcome, reason from attempts');
    assert.deepEqual(rows, [{ outcome: 'rejected', reason: 'internal_error' }]);
  });
});
