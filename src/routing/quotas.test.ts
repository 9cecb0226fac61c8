import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { type Capped, serveCapped } from '../../test/support/capped.ts';
import { describeStores } from '../../test/support/stores.ts';

const email = { channels: ['email'] };

describeStores('daily quotas', (store) => {
  let capped: Capped;
  before(async () => {
    capped = await serveCapped(store());
  });
  beforeEach(() => capped.clear());
  after(() => capped.close());

  it('count all users together, by category and over all', async () => {
    const quotas = { perDay: { offers: 2, '*': 3 }, timezone: 'Europe/Berlin' };
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

  it('are refused when they make no sense, with the field', async () => {
    for (const [body, field] of [
      [{ perDay: {} }, '/perDay'],
      [{ perDay: { offers: 0 } }, '/perDay/offers'],
      [{ perDay: { offers: 1 }, timezone: 'Mars/Olympus' }, '/timezone'],
    ] as const) {
      const answer = await capped.call('PUT', '/v1/quotas', body);
      assert.deepEqual([answer.status, answer.body.errors[0].field], [400, field]);
    }
    assert.equal((await capped.call('PUT', '/v1/quotas', { perDay: { 'No Slug': 1 } })).status, 400);
  });
});
