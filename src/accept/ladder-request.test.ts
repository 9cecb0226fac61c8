import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { iso, type Laddered, ladder, serveLaddered } from '../../test/support/laddered.ts';
import { describeStores } from '../../test/support/stores.ts';

const MINUTE_MS = 60_000;

describeStores('a request with a ladder', (store) => {
  let to: Laddered;
  before(async () => {
    to = await serveLaddered(store());
  });
  after(() => to.close());

  it('is explained step by step before it is sent', async () => {
    const body = {
      userId: 'ada',
      message: { title: 'a', body: 'b' },
      ladder: ladder('seen', ['push'], ['email'], ['sms']),
    };
    const { body: answer } = await to.call('POST', '/v1/notifications/explain', body);
    assert.deepEqual(
      answer.plans.map(({ step, channel, verdict, at }: Record<string, string>) => [
        step,
        channel,
        verdict,
        at,
      ]),
      [
        [0, 'push', 'skip', iso(to, 0)],
        [1, 'email', 'deliver', iso(to, 0)],
        [2, 'sms', 'deliver', iso(to, MINUTE_MS)],
      ],
    );
    assert.match(answer.plans[2].why, /^If not seen by 2026-.*: Goes to the user's phone over /);
  });

  it('is refused when it makes no sense, with the field', async () => {
    const two = [{ channels: ['email'], waitSeconds: 5 }, { channels: ['sms'] }];
    for (const [field, given] of [
      ['/ladder/steps', { ladder: { steps: two.slice(1), until: 'seen' } }],
      ['/ladder/steps', { ladder: { steps: Array(11).fill(two[0]), until: 'seen' } }],
      ['/ladder/until', { ladder: { steps: two, until: 'bored' } }],
      ['/ladder/until', { ladder: { steps: two } }],
      ['/ladder/steps/0/waitSeconds', { ladder: { steps: [two[1], two[1]], until: 'seen' } }],
      ['/ladder/steps/1/waitSeconds', { ladder: { steps: [two[0], two[0]], until: 'seen' } }],
      [
        '/ladder/steps/0/waitSeconds',
        { ladder: { steps: [{ channels: ['email'], waitSeconds: 0 }, two[1]], until: 'seen' } },
      ],
      [
        '/ladder/steps/0/channels/0',
        { ladder: { steps: [{ channels: ['pigeon'], waitSeconds: 5 }, two[1]], until: 'seen' } },
      ],
      ['/ladder', { ladder: { steps: two, until: 'seen' }, channels: ['email'] }],
    ] as const) {
      const message = { title: 'Hello', body: 'World' };
      const { status, body } = await to.call('POST', '/v1/notifications', {
        userId: 'ada',
        message,
        ...given,
      });
      assert.deepEqual([status, body.errors?.[0].field], [400, field], JSON.stringify(body));
    }
  });
});
