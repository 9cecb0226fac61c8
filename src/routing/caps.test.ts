import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { type Capped, serveCapped } from '../../test/support/capped.ts';
import { describeStores } from '../../test/support/stores.ts';
import { heedCaps } from './heed-caps.ts';

const HOUR_MS = 3_600_000;
const email = { channels: ['email'] };

describeStores('caps', (store) => {
  let capped: Capped;
  before(async () => {
    capped = await serveCapped(store());
  });
  beforeEach(() => capped.clear());
  after(() => capped.close());

  it('let as many through as there are places, and say which rule had none for the rest', async () => {
    await capped.declare({
      caps: [
        { limit: 3, per: 'day' },
        { limit: 1, per: 'hour', sliding: true, channel: 'sms' },
      ],
    });
    await capped.send(2, { channels: ['sms'] });
    assert.deepEqual(await capped.outcomes(), {
      'sms queued': 1,
      'sms capped by offers:sms:hour:sliding': 1,
    });
    await capped.send(3, email);
    assert.deepEqual(await capped.outcomes(), {
      'sms queued': 1,
      'sms capped by offers:sms:hour:sliding': 1,
      'email queued': 2,
      'email capped by offers:*:day': 1,
    });
  });

  it("begin anew with the day on the user's own clock", async () => {
    await capped.declare({ caps: [{ limit: 1, per: 'day' }] });
    for (const hours of [0, 2, 1]) {
      capped.clock.advance(hours * HOUR_MS);
      await capped.send(1, email);
      await capped.send(1, email, { user_id: 'bob' });
    }
    // It is midnight in Tokyo now, and ten in the morning in New York.
    const byUser = await store().engine.query(
      `select user_id, count(*) filter (where state = 'queued') as sent from deliveries group by 1 order by sent desc`,
    );
    assert.deepEqual(
      byUser.rows.map(({ sent }) => sent),
      [2, 1],
    );
  });

  it("go by the tenant's clock for users who have none", async () => {
    await capped.declare({ caps: [{ limit: 1, per: 'day' }] });
    const asleep = { windows: [{ from: '03:00', to: '04:00', channels: ['sms'] }], timezone: 'Asia/Kolkata' };
    await capped.call('PUT', '/v1/quiet-hours', asleep);
    await capped.call('PUT', '/v1/users/dan', { contacts: { email: 'dan@mail.example' } });
    await capped.send(1, email, { user_id: 'dan' });
    const { rows } = await store().engine.query('select window_start from cap_uses');
    assert.match(rows[0].window_start.toISOString(), /T18:30:00/);
    await capped.call('DELETE', '/v1/quiet-hours');
    await capped.send(1, email, { user_id: 'dan' });
    assert.deepEqual(await capped.outcomes(), { 'email queued': 2 }, 'the day of UTC is another one');
  });

  it('count a message to several devices once, and skip it with one row', async () => {
    await capped.declare({ caps: [{ limit: 1, per: 'week' }] });
    for (const letter of ['a', 'b'])
      await capped.call('POST', '/v1/users/bob/devices', { platform: 'android', token: letter.repeat(140) });
    await capped.send(1, { channels: ['push'] }, { user_id: 'bob' });
    assert.deepEqual(await capped.outcomes(), { 'push queued': 2 });
    await capped.send(1, { channels: ['push'] }, { user_id: 'bob' });
    assert.deepEqual(await capped.outcomes(), { 'push queued': 2, 'push capped by offers:*:week': 1 });
    await capped.end('failed', 'device_id = (select min(device_id::text)::uuid from deliveries)');
    await capped.tidy();
    await capped.send(1, email, { user_id: 'bob' });
    assert.equal(
      (await capped.outcomes())['email capped by offers:*:week'],
      1,
      'the other device may still get it',
    );
    await capped.end('failed');
    await capped.tidy();
    await capped.send(1, email, { user_id: 'bob' });
    assert.equal((await capped.outcomes())['email queued'], 1);
  });

  it('are told also of channels that nobody asked for', async () => {
    await capped.declare({ caps: [{ limit: 1, per: 'month', channel: 'email' }] });
    await capped.send(2, {});
    assert.deepEqual(await capped.outcomes(), {
      'email queued': 1,
      'inbox queued': 2,
      'email capped by offers:email:month': 1,
    });
  });

  it('get the place back of what did not go out, and not of what was sent', async () => {
    await capped.declare({
      caps: [
        { limit: 1, per: 'day' },
        { limit: 1, per: 'day', sliding: true },
      ],
    });
    for (const state of ['cancelled', 'failed', 'expired', 'dead', 'sent']) {
      await capped.send(1, email);
      assert.equal((await capped.outcomes())['email queued'], 1, state);
      await capped.tidy();
      await capped.end(state);
      capped.clock.advance(10_000);
      await capped.tidy();
    }
    await capped.send(1, email);
    assert.equal((await capped.outcomes())['email capped by offers:*:day'], 1);
    assert.deepEqual((await store().engine.query('select 1 from cap_holds')).rows, []);
  });

  it('count what is postponed on the day on which it is sent', async () => {
    await capped.declare({ quietHours: 'defer', caps: [{ limit: 1, per: 'day' }] });
    const now = new Date(capped.clock.now());
    const hour = (add: number) => `${String((now.getUTCHours() + add) % 24).padStart(2, '0')}:00`;
    await capped.call('PUT', '/v1/users/cyd', { contacts: { email: 'cyd@mail.example' }, timezone: 'UTC' });
    await capped.call('PUT', '/v1/quiet-hours', {
      windows: [{ from: hour(0), to: hour(1), channels: ['email'] }],
    });
    await capped.send(2, email, { user_id: 'cyd' });
    assert.deepEqual(await capped.outcomes(), {});
    assert.deepEqual((await store().engine.query('select 1 from cap_uses')).rows, []);
    capped.clock.advance(HOUR_MS);
    await capped.route();
    assert.deepEqual(await capped.outcomes(), { 'email queued': 1, 'email capped by offers:*:day': 1 });
    await capped.call('DELETE', '/v1/quiet-hours');
  });

  it('cost a category without them nothing', async () => {
    await capped.send(2, email, { category: 'news' });
    for (const table of ['cap_uses', 'cap_holds'])
      assert.deepEqual((await store().engine.query(`select 1 from ${table}`)).rows, []);
    const plan = { deliveries: [], postponed: [], asks: [] };
    assert.deepEqual(await heedCaps({ query: assert.fail } as never, [plan], 0), {
      deliveries: [],
      holds: [],
    });
  });
});
