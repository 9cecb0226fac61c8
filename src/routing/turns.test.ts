import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { type Laddered, serveLaddered } from '../../test/support/laddered.ts';
import { describeStores } from '../../test/support/stores.ts';

const HOUR_MS = 3_600_000;
const NEWS = { message: { title: 'Hello', body: 'World' }, channels: ['email', 'sms'], category: 'news' };

// The clock of these tests starts at 12:00 UTC.
describeStores('the turns of one notification', (store) => {
  let bench: Laddered;
  before(async () => {
    bench = await serveLaddered(store());
    await bench.call('PUT', '/v1/categories/news', { quietHours: 'defer' });
  });
  beforeEach(async () => {
    await bench.clear();
    await bench.call('DELETE', '/v1/users/ada/quiet-hours');
    bench.clock.advance(-bench.clock.now() + Date.UTC(2026, 10, 21, 12));
  });
  after(() => bench.close());

  const quiet = async (...windows: object[]) => {
    const { status } = await bench.call('PUT', '/v1/users/ada/quiet-hours', { windows });
    assert.equal(status, 200);
  };

  it('that are put off to the same moment at the same time become one', async () => {
    await quiet(
      { from: '12:00', to: '13:00', channels: ['email'] },
      { from: '12:00', to: '14:00', channels: ['sms'] },
    );
    const id = await bench.notify(NEWS);
    await bench.route();
    assert.equal((await bench.see(id)).waiting.length, 2);
    await quiet({ from: '12:00', to: '18:00' });
    bench.clock.advance(3 * HOUR_MS);
    await bench.route();
    const { waiting } = await bench.see(id);
    assert.deepEqual(
      waiting.map(({ channels, until }: { channels: string[]; until: string }) => [channels.sort(), until]),
      [[['email', 'sms'], '2026-11-21T18:00:00.000Z']],
    );
    bench.clock.advance(3 * HOUR_MS);
    await bench.route();
    assert.deepEqual((await bench.story(id)).sort(), [' email queued', ' sms queued']);
    assert.deepEqual(await bench.findings(), []);
  });

  it('are over once when it is cancelled in the very millisecond in which it was accepted', async () => {
    await quiet({ from: '12:00', to: '13:00', channels: ['email'] });
    const { id } = (await bench.call('POST', '/v1/notifications', { userId: 'ada', ...NEWS })).body;
    await bench.route();
    const cancel = () => bench.call('POST', `/v1/notifications/${id}/cancel`);
    assert.deepEqual((await cancel()).body, { cancelled: 2, beingSent: 0 });
    assert.equal((await bench.see(id)).status, 'processing');
    const change = await bench.call('PATCH', `/v1/notifications/${id}`, { priority: 'low' });
    assert.equal(change.status, 409);
    await cancel();
    bench.clock.advance(1);
    await bench.route();
    assert.deepEqual((await bench.story(id)).sort(), [
      ' email cancelled cancelled',
      ' sms cancelled cancelled',
    ]);
    assert.deepEqual(await bench.findings(), []);
  });

  it('come to an end though its window meets quiet hours at the moment that is its own', async () => {
    await quiet({ from: '15:00', to: '08:00' });
    const ids: string[] = [];
    for (let i = 0; i < 20; i++)
      ids.push(await bench.notify({ ...NEWS, window: { from: '13:00', to: '20:00', spreadMinutes: 420 } }));
    for (let quarter = 0; quarter < 56 * 4; quarter++) {
      await bench.route();
      bench.clock.advance(HOUR_MS / 4);
    }
    for (const id of ids) assert.deepEqual(await bench.story(id), [' email queued', ' sms queued']);
    assert.deepEqual(await bench.findings(), []);
  });

  it('end as skipped when its window lies wholly within quiet hours', async () => {
    await quiet({ from: '15:00', to: '08:00' });
    const id = await bench.notify({ ...NEWS, channels: ['email'], window: { from: '20:00', to: '22:00' } });
    await bench.route();
    bench.clock.advance(8 * HOUR_MS);
    await bench.route();
    assert.deepEqual(await bench.story(id), [' email skipped quiet_hours']);
  });

  it('follow the user to another zone, by whose clock its window opens later', async () => {
    const zone = (timezone: string | null) => bench.call('PUT', '/v1/users/ada', { timezone });
    const id = await bench.notify({ ...NEWS, window: { from: '13:00', to: '20:00' }, priority: 'high' });
    await bench.route();
    await zone('America/New_York');
    bench.clock.advance(HOUR_MS);
    await bench.route();
    const [{ until, reason }] = (await bench.see(id)).waiting;
    assert.deepEqual([until, reason], ['2026-11-21T18:00:00.000Z', 'window']);
    bench.clock.advance(5 * HOUR_MS);
    await bench.route();
    assert.deepEqual(await bench.story(id), [' email queued', ' sms queued']);
    await zone(null);
    assert.deepEqual(await bench.findings(), []);
  });

  it('of a ladder begin with its window, and its age with its first message', async () => {
    const hour = { quietHours: 'defer', expiresAfterSeconds: 3_600 };
    await bench.call('PUT', '/v1/categories/brief', hour);
    const id = await bench.notify({
      category: 'brief',
      window: { from: '15:00', to: '20:00' },
      ladder: {
        steps: [
          { channels: ['email'], waitSeconds: 60 },
          { channels: ['sms'], waitSeconds: 3_600 },
          { channels: ['webhook'] },
        ],
        until: 'seen',
      },
    });
    await bench.route();
    for (const ms of [3 * HOUR_MS, 60_000, HOUR_MS]) {
      bench.clock.advance(ms);
      await bench.route();
    }
    const expected = ['0 email queued', '1 sms queued', '2 webhook expired expired'];
    assert.deepEqual(await bench.story(id), expected);
    assert.deepEqual(await bench.findings(), []);
  });

  it('of a ladder go on from what waits of a step, when caps left nothing else of it', async () => {
    const caps = [{ limit: 1, per: 'day', channel: 'email' }];
    await bench.call('PUT', '/v1/categories/rare', { quietHours: 'defer', caps });
    await bench.notify({ category: 'rare', channels: ['email'] });
    await bench.route();
    await quiet({ from: '12:00', to: '14:00', channels: ['sms'] });
    const steps = [{ channels: ['email', 'sms'], waitSeconds: 60 }, { channels: ['webhook'] }];
    const id = await bench.notify({ category: 'rare', ladder: { steps, until: 'seen' } });
    await bench.route();
    bench.clock.advance(1_000);
    await bench.route();
    assert.deepEqual(await bench.story(id), ['0 email skipped capped']);
    const [waiting] = (await bench.see(id)).waiting;
    assert.deepEqual([waiting.channels, waiting.step], [['sms'], 0]);
    for (const ms of [2 * HOUR_MS, 60_000]) {
      bench.clock.advance(ms);
      await bench.route();
    }
    assert.deepEqual(await bench.story(id), ['0 email skipped capped', '0 sms queued', '1 webhook queued']);
    assert.deepEqual(await bench.findings(), []);
  });
});
