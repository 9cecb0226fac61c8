import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { useWebhooks } from '../../test/support/webhooks.ts';
import { say, sayNothing } from '../hooks/testing.ts';
import { createLogger } from '../lib/logger.ts';
import { createMetrics } from '../telemetry/index.ts';
import { PER_ENDPOINT } from './call.ts';
import { DELAYS_MS, FAILING_MS } from './schedule.ts';

describeStores('the lines of webhook endpoints', (store) => {
  const scene = useWebhooks(store);

  it('disables an endpoint that is gone, gives up what waits for it, and tells the others', async () => {
    await scene.put('gone', { url: scene.peer.url });
    await scene.put('watch', { url: scene.other.url, types: ['webhook.*'] });
    scene.peer.answer = say('gone', 410);
    const lines: string[] = [];
    const logger = createLogger('warn', { write: (line) => lines.push(line) });
    const metrics = createMetrics();
    scene.loop = scene.startLoop({ logger, metrics });
    await scene.happen(scene.event());
    await scene.run();
    await scene.run();
    assert.match(lines.join(''), /"webhook":"gone","reason":"gone".*was disabled/);
    const text = await metrics.render();
    assert.match(text, /bellhop_webhooks_disabled_total\{reason="gone"\} 1/);
    assert.match(text, /bellhop_webhook_calls_total\{outcome="gone"\} 1/);
    assert.match(text, /bellhop_webhook_calls_total\{outcome="delivered"\} 1/);
    const [endpoint] = await scene.rows("select * from webhook_endpoints where id = 'gone'");
    assert.deepEqual([endpoint.enabled, endpoint.disabled_reason], [false, 'gone']);
    assert.ok(endpoint.disabled_at);
    assert.deepEqual(
      scene.other.calls.map(({ event: { type, data } }) => ({
        type,
        endpointId: data.endpointId,
        reason: data.reason,
      })),
      [{ type: 'webhook.disabled', endpointId: 'gone', reason: 'gone' }],
    );
    await scene.happen(scene.event());
    await scene.run();
    assert.equal(scene.peer.calls.length, 1, 'it is left alone');
  });

  it('ends what was queued when its endpoint is disabled or deleted', async () => {
    await scene.put('all', { url: scene.peer.url });
    scene.peer.answer = say('no', 500);
    await scene.happen(scene.event(), scene.event());
    await scene.run();
    await scene.put('keep', { url: scene.other.url, types: ['device.*'] });
    await store().engine.query("delete from webhook_endpoints where id = 'all'");
    scene.clock.advance(DELAYS_MS[0]);
    await scene.run();
    assert.equal(scene.peer.calls.length, 2);
    assert.deepEqual(
      (await scene.deliveries()).map(({ state, reason }) => ({ state, reason })),
      [1, 2].map(() => ({ state: 'failed', reason: 'endpoint_disabled' })),
    );
  });

  it('holds nothing against an endpoint that was deleted while it was called', async () => {
    await scene.put('all', { url: scene.peer.url });
    scene.peer.answer = (response) => {
      const deleted = store().engine.query("delete from webhook_endpoints where id = 'all'");
      void deleted.then(() => response.writeHead(500).end());
    };
    await scene.happen(scene.event());
    await scene.run();
    assert.equal(scene.peer.calls.length, 1);
    assert.deepEqual(await scene.rows('select endpoint_key from webhook_troubles'), []);
  });

  it('disables an endpoint after five days of nothing but failures', async () => {
    await scene.put('all', { url: scene.peer.url });
    scene.peer.answer = say('no', 500);
    await scene.happen(scene.event());
    await scene.run();
    scene.clock.advance(FAILING_MS - 1);
    await scene.run();
    const enabled = async () => (await scene.rows('select enabled from webhook_endpoints'))[0].enabled;
    assert.equal(await enabled(), true);
    scene.clock.advance(1);
    await scene.happen(scene.event());
    await scene.run();
    assert.equal(await enabled(), false);
  });

  it('counts from the first failure after a success', async () => {
    await scene.put('all', { url: scene.peer.url });
    scene.peer.answer = say('no', 500);
    await scene.happen(scene.event());
    await scene.run();
    scene.clock.advance(FAILING_MS - 1);
    scene.peer.answer = say({});
    await scene.run();
    scene.peer.answer = say('no', 500);
    scene.clock.advance(1_000);
    await scene.happen(scene.event());
    await scene.run();
    assert.equal((await scene.rows('select enabled from webhook_endpoints'))[0].enabled, true);
    const [{ failing_since }] = await scene.rows('select failing_since from webhook_troubles');
    assert.equal(failing_since.getTime(), scene.clock.now());
  });

  it('leaves a line in peace that asks for it, and nobody else', async () => {
    await scene.put('busy', { url: scene.peer.url });
    await scene.put('free', { url: scene.other.url });
    scene.peer.answer = (response) => response.writeHead(429, { 'retry-after': '120' }).end();
    await scene.happen(scene.event());
    await scene.run();
    await scene.happen(scene.event(), scene.event());
    await scene.run();
    assert.deepEqual([scene.peer.calls.length, scene.other.calls.length], [1, 3]);
    scene.clock.advance(119_999);
    await scene.run();
    assert.equal(scene.peer.calls.length, 1);
    scene.clock.advance(1);
    await scene.run();
    assert.equal(scene.peer.calls.length, 2, 'one call to see whether it is better');
    scene.peer.answer = say({});
    scene.clock.advance(240_000);
    await scene.run();
    await scene.run();
    await scene.run();
    assert.ok((await scene.deliveries()).filter(({ state }) => state === 'delivered').length >= 5);
  });

  it('holds up nobody behind an endpoint that does not answer', async () => {
    await scene.put('dead', { url: scene.peer.url });
    await scene.put('alive', { url: scene.other.url });
    scene.peer.answer = sayNothing;
    const count = PER_ENDPOINT + 4;
    await scene.happen(...Array.from({ length: count }, () => scene.event()));
    await scene.loop.step();
    await scene.peer.called(PER_ENDPOINT);
    while (scene.other.calls.length < count) {
      await scene.loop.step();
      await scene.other.called(Math.min(count, scene.other.calls.length + 1));
    }
    assert.equal(scene.peer.calls.length, PER_ENDPOINT, 'so many at once and no more');
    await store().engine.query('delete from webhook_deliveries');
    await scene.loop.stop(0);
  });
});
