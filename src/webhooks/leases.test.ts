import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { useWebhooks } from '../../test/support/webhooks.ts';
import { say, verifiedBy } from '../hooks/testing.ts';
import type { Store } from '../store/index.ts';
import { DEADLINE_MS } from './call.ts';
import { claimCalls } from './store.ts';

describeStores('calls that somebody else may have made', (store) => {
  const scene = useWebhooks(store);

  it('are made again when nobody recorded them, and the one who lost them writes nothing', async () => {
    const secret = await scene.put('all', { url: scene.peer.url });
    scene.peer.answer = say('no', 500);
    await scene.happen(scene.event());
    // A process that stops between the answer and its record, and wakes up when it was given up for dead.
    const frozen = Promise.withResolvers<void>();
    const slow: Store = {
      ...store(),
      transaction: (work) => frozen.promise.then(() => store().transaction(work)),
    };
    const zombie = scene.startLoop({ store: slow });
    await zombie.step();
    await scene.peer.called(1);
    await scene.run();
    assert.equal(scene.peer.calls.length, 1, 'while the lease lasts it is his');
    scene.clock.advance(DEADLINE_MS + 45_000);
    scene.peer.answer = say({});
    await scene.run();
    const [first, second, ...more] = scene.peer.calls;
    assert.deepEqual(more, []);
    assert.equal(first!.headers['webhook-id'], second!.headers['webhook-id']);
    for (const call of [first!, second!]) assert.equal(verifiedBy(call, secret), 0);
    const before = await scene.deliveries();
    assert.deepEqual(
      before.map(({ state, attempt }) => ({ state, attempt })),
      [{ state: 'delivered', attempt: 2 }],
    );
    frozen.resolve();
    await zombie.settled();
    assert.deepEqual(await scene.deliveries(), before);
    assert.deepEqual(
      (await scene.attempts()).map(({ n, outcome }) => ({ n, outcome })),
      [{ n: 2, outcome: 'delivered' }],
    );
    assert.deepEqual(await scene.rows('select * from webhook_troubles'), []);
  });

  it('are claimed by one of those who ask', async () => {
    await scene.put('all', { url: scene.peer.url });
    await scene.happen(scene.event());
    const never = { send: () => new Promise<never>(() => {}) };
    await scene.startLoop({ transport: never }).step();
    const [{ endpoint_key: key }] = await scene.deliveries();
    const now = new Date(scene.clock.now());
    const lease = new Date(scene.clock.now() + 1_000);
    assert.deepEqual(await claimCalls(store().engine, [{ key, limit: 5 }], { now, lease }), []);
  });
});
