import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { iso, type Laddered, ladder, serveLaddered } from '../../test/support/laddered.ts';
import { describeStores } from '../../test/support/stores.ts';

describeStores('a confirmation', (store) => {
  let to: Laddered;
  before(async () => {
    to = await serveLaddered(store());
  });
  after(() => to.close());
  const started = async (body: object) => {
    const id = await to.notify(body);
    await to.route();
    return id;
  };

  it('stops a ladder, and gives the same answer again and again', async () => {
    const id = await started({ ladder: ladder('confirmed', ['email'], ['sms']) });
    await to.send('email');
    const confirmedAt = iso(to, 0);
    const confirm = () => to.call('POST', `/v1/notifications/${id}/confirm`);
    const woken = await to.heard(async () => {
      assert.deepEqual(await confirm(), {
        status: 200,
        body: { id, confirmedAt, stopped: 1, beingSent: 0 },
      });
    });
    assert.deepEqual(woken, ['route']);
    to.clock.advance(1_000);
    assert.deepEqual((await confirm()).body, { id, confirmedAt, stopped: 0, beingSent: 0 });
    await to.route();
    assert.deepEqual(await to.story(id), ['0 email sent', '1 sms skipped ladder_stopped']);
    assert.equal((await to.see(id)).confirmedAt, confirmedAt);
    const other = await to.callAsOther('POST', `/v1/notifications/${id}/confirm`);
    assert.deepEqual([other.status, other.body.code], [404, 'notification.not_found']);
  });

  it('lets no ladder begin that it was there before', async () => {
    const id = await to.notify({ ladder: ladder('delivered', ['email'], ['sms']) });
    assert.equal((await to.call('POST', `/v1/notifications/${id}/confirm`)).status, 200);
    await to.route();
    assert.deepEqual(await to.story(id), ['0 email skipped ladder_stopped', '1 sms skipped ladder_stopped']);
  });

  it('without a ladder keeps the time, and what is queued goes out', async () => {
    const id = await started({ channels: ['email'] });
    const { body } = await to.call('POST', `/v1/notifications/${id}/confirm`);
    assert.deepEqual([body.stopped, body.confirmedAt], [0, iso(to, 0)]);
    assert.equal((await to.send('email')).length, 1);
  });
});
