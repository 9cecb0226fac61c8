import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { useWebhooks } from '../../test/support/webhooks.ts';
import { createHttpTransport } from '../delivery/transport/index.ts';
import { say, sayNothing, verifiedBy } from '../hooks/testing.ts';
import { createEgressGuard } from '../lib/egress.ts';
import { DELAYS_MS } from './schedule.ts';
import { KEPT_MS } from './webhook-loop.ts';

describeStores('telling webhooks', (store) => {
  const scene = useWebhooks(store);

  it('signs what happened, under the id of the event', async () => {
    const secret = await scene.put('all', { url: scene.peer.url });
    await scene.happen(scene.event());
    await scene.run();
    const [{ id, sequence }] = await scene.rows('select id, sequence from events');
    const [call, ...more] = scene.peer.calls;
    assert.deepEqual(more, []);
    assert.equal(verifiedBy(call!, secret), 0);
    assert.equal(call!.headers['webhook-id'], id);
    assert.equal(call!.headers['webhook-timestamp'], String(scene.clock.now() / 1_000));
    assert.deepEqual(call!.event, {
      type: 'delivery.sent',
      version: 1,
      timestamp: new Date(scene.clock.now()).toISOString(),
      data: { deliveryId: 'd', live: true, sequence: Number(sequence) },
    });
    const [{ state, status, due_at }] = await scene.deliveries();
    assert.deepEqual([state, status, due_at], ['delivered', 200, null]);
  });

  it('tells nobody twice of what was told', async () => {
    await scene.put('all', { url: scene.peer.url });
    await scene.happen(scene.event());
    await scene.run();
    scene.clock.advance(86_400_000);
    await scene.run();
    assert.equal(scene.peer.calls.length, 1);
  });

  it('tries again under the same id, and logs every try', async () => {
    const secret = await scene.put('all', { url: scene.peer.url });
    scene.peer.answer = say('not today', 500);
    await scene.happen(scene.event());
    await scene.run();
    scene.clock.advance(DELAYS_MS[0] - 1);
    await scene.run();
    assert.equal(scene.peer.calls.length, 1, 'not before its time');
    scene.clock.advance(1);
    scene.peer.answer = say({});
    await scene.run();
    const [first, second] = scene.peer.calls;
    assert.equal(second!.headers['webhook-id'], first!.headers['webhook-id']);
    assert.notEqual(second!.headers['webhook-timestamp'], first!.headers['webhook-timestamp']);
    assert.equal(verifiedBy(second!, secret), 0);
    assert.deepEqual(
      (await scene.attempts()).map(({ n, outcome, status, answer }) => ({ n, outcome, status, answer })),
      [
        { n: 1, outcome: 'refused', status: 500, answer: 'not today' },
        { n: 2, outcome: 'delivered', status: 200, answer: '{}' },
      ],
    );
    assert.deepEqual(await scene.rows('select * from webhook_troubles'), [], 'it is well again');
  });

  it('gives up after the last try', async () => {
    await scene.put('all', { url: scene.peer.url });
    scene.peer.answer = say('no', 404);
    await scene.happen(scene.event());
    for (const delay of [...DELAYS_MS, 0]) {
      await scene.run();
      scene.clock.advance(delay);
    }
    scene.clock.advance(86_400_000);
    await scene.run();
    assert.equal(scene.peer.calls.length, DELAYS_MS.length + 1);
    const [{ state, reason, due_at, failed_at }] = await scene.deliveries();
    assert.deepEqual([state, reason, due_at], ['failed', 'refused', null]);
    assert.ok(failed_at);
  });

  it('never follows a redirect', async () => {
    await scene.put('all', { url: scene.peer.url });
    scene.peer.answer = (response) => response.writeHead(307, { location: scene.other.url }).end();
    await scene.happen(scene.event());
    await scene.run();
    assert.equal(scene.other.calls.length, 0);
    const [{ state, reason, status }] = await scene.deliveries();
    assert.deepEqual([state, reason, status], ['pending', 'redirected', 307]);
  });

  it('calls no address that may not be called, however it came into the table', async () => {
    await scene.put('all', { url: scene.peer.url });
    const guarded = createHttpTransport({ guard: createEgressGuard({ allow: [] }) });
    scene.loop = scene.startLoop({ transport: guarded });
    await scene.happen(scene.event());
    await scene.run();
    await guarded.close();
    assert.equal(scene.peer.calls.length, 0);
    const [{ state, reason }] = await scene.deliveries();
    assert.deepEqual([state, reason], ['pending', 'egress_refused']);
  });

  it('breaks off calls when it stops, which costs no try', async () => {
    await scene.put('all', { url: scene.peer.url });
    scene.peer.answer = sayNothing;
    await scene.happen(scene.event());
    await scene.loop.step();
    await scene.peer.called(1);
    await scene.loop.stop(0);
    const [{ state, tries }] = await scene.deliveries();
    assert.deepEqual([state, tries], ['pending', 0]);
    assert.deepEqual(await scene.rows('select * from webhook_troubles'), []);
    scene.loop = scene.startLoop();
    scene.peer.answer = say({});
    await scene.run();
    assert.equal((await scene.deliveries())[0].state, 'delivered');
  });

  it('forgets what is older than a month, and nothing that still waits', async () => {
    await scene.put('all', { url: scene.peer.url });
    await scene.happen(scene.event({ data: { name: 'told' } }));
    await scene.run();
    scene.peer.answer = say('no', 500);
    await scene.happen(scene.event({ data: { name: 'waits' } }));
    await scene.run();
    scene.clock.advance(KEPT_MS + 1_000);
    scene.loop = scene.startLoop();
    scene.peer.answer = sayNothing;
    scene.loop.start();
    await scene.peer.called(3);
    const events = await scene.rows("select data->>'name' as name from events");
    assert.deepEqual(events, [{ name: 'waits' }]);
    assert.equal((await scene.attempts()).length, 1);
    await scene.loop.stop(0);
  });
});
