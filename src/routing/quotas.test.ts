import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { type Capped, serveCapped } from '../../test/support/capped.ts';
import { describeStores } from '../../test/support/stores.ts';
import { refreshPage } from '../audiences/refresh.ts';

const email = { channels: ['email'] };

describeStores('daily quotas', (store) => {
  let capped: Capped;
  before(async () => {
    capped = await serveCapped(store());
  });
  beforeEach(() => capped.clear());
  after(() => capped.close());

  it('count all users together, by category and over all', async () => {
    const quotas = { perDay: { offers: 2, '*': 3 }, segments: {}, timezone: 'Europe/Berlin' };
    assert.deepEqual((await capped.call('PUT', '/v1/quotas', quotas)).body, quotas);
    const { today, ...declared } = (await capped.call('GET', '/v1/quotas')).body;
    assert.deepEqual([declared, today.used], [quotas, { offers: 0, '*': 0 }]);
    assert.match(today.until, /T23:00:00/);
    const { body: others } = await capped.callAsOther('GET', '/v1/quotas');
    assert.deepEqual([others.perDay, others.timezone, others.today.used], [{}, null, {}]);
    await capped.send(1, email);
    await capped.send(2, email, { user_id: 'bob' });
    await capped.send(2, email, { category: 'news' });
    assert.deepEqual(await capped.outcomes(), {
      'email queued': 3,
      'email capped by quota:offers': 1,
      'email capped by quota:*': 1,
    });
    const { body: after } = await capped.callAsTest('GET', '/v1/quotas');
    assert.deepEqual(after.today.used, { offers: 2, '*': 3 });
    const { rows } = await store().engine.query('select distinct user_id, window_start from cap_uses');
    assert.equal(rows.length, 1);
    assert.match(rows[0].window_start.toISOString(), /T23:00:00/);
    assert.equal((await capped.call('DELETE', '/v1/quotas')).status, 204);
    await capped.send(1, email);
    assert.equal((await capped.outcomes())['email queued'], 4);
  });

  it('of segments count for the users who are in them, on top of the others', async () => {
    const rule = { timezone: 'Asia/Tokyo' };
    assert.equal((await capped.call('PUT', '/v1/segments/tokyo', { rule })).status, 201);
    while (await refreshPage(store(), capped.clock.now()));
    const quotas = { perDay: { '*': 5 }, segments: { tokyo: 2, nobody: 1 } };
    assert.equal((await capped.call('PUT', '/v1/quotas', quotas)).status, 200);
    await capped.send(3, email);
    await capped.send(2, email, { user_id: 'bob' });
    assert.deepEqual(await capped.outcomes(), {
      'email queued': 4,
      'email capped by quota:segment:tokyo': 1,
    });
    const { body } = await capped.callAsTest('GET', '/v1/quotas');
    assert.deepEqual([body.today.used, body.today.usedBySegment], [{ '*': 4 }, { tokyo: 2, nobody: 0 }]);
    await capped.call('DELETE', '/v1/quotas');
  });

  it('are refused when they make no sense, with the field', async () => {
    for (const [body, field] of [
      [{ perDay: {} }, '/perDay'],
      [{ segments: {} }, '/perDay'],
      [{ segments: { vip: 0 } }, '/segments/vip'],
      [{ perDay: { offers: 0 } }, '/perDay/offers'],
      [{ perDay: { offers: 1 }, timezone: 'Mars/Olympus' }, '/timezone'],
    ] as const) {
      const answer = await capped.call('PUT', '/v1/quotas', body);
      assert.deepEqual([answer.status, answer.body.errors[0].field], [400, field]);
    }
    assert.equal((await capped.call('PUT', '/v1/quotas', { perDay: { 'No Slug': 1 } })).status, 400);
  });
});
