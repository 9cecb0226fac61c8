import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { queueDeliveries, TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { countUnknown, loadBacklog } from './index.ts';

const CAP = 10;
const OTHER = '01900000-0000-7000-8000-00000000000b';

describeStores('the backlog', (store) => {
  beforeEach(() => store().engine.query('delete from deliveries'));
  const look = (cap = CAP) => loadBacklog(store().engine, new Date(store().clock.now()), cap);
  const ago = (ms: number) => new Date(store().clock.now() - ms);

  it('is empty when nothing waits', async () => {
    assert.deepEqual(await look(), []);
  });

  it('tells for each lane how much waits and since when in each slice', async () => {
    const since = ago(60_000);
    await queueDeliveries(store(), 2, { lane: 'email.high', connection: 'mail', dueAt: since });
    await queueDeliveries(store(), 1, { lane: 'email.high', connection: 'mail', dueAt: ago(30_000) });
    await queueDeliveries(store(), 1, { lane: 'email.high', tenantId: OTHER, dueAt: ago(10_000) });
    await queueDeliveries(store(), 1, { lane: 'push.ios.low', connection: 'apple', dueAt: ago(-60_000) });
    const backlog = await look();
    assert.deepEqual(
      backlog.map(({ lane, priority, depth, due }) => [lane, priority, depth, due.length]),
      [
        ['email.high', 'high', 4, 2],
        ['push.ios.low', 'low', 1, 0],
      ],
    );
    assert.deepEqual(backlog[0]!.due[0], { tenantId: TENANT, connection: 'mail', since: since.getTime() });
  });

  it('counts up to the cap and no further', async () => {
    await queueDeliveries(store(), CAP + 5);
    assert.deepEqual(
      (await look()).map(({ depth }) => depth),
      [CAP],
    );
  });

  it('leaves out what ended', async () => {
    await queueDeliveries(store(), 3, { state: 'skipped', dueAt: null });
    assert.deepEqual(await look(), []);
  });

  it('knows how many outcomes are unknown, up to the cap', async () => {
    await queueDeliveries(store(), 3);
    assert.equal(await countUnknown(store().engine, CAP), 0);
    await store().engine.query("update deliveries set state = 'unknown', due_at = null, decide_at = $1", [
      ago(0),
    ]);
    assert.deepEqual(
      [await countUnknown(store().engine, CAP), await countUnknown(store().engine, 2)],
      [3, 2],
    );
  });
});
