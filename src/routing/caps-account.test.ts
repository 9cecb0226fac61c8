import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { type Capped, serveCapped } from '../../test/support/capped.ts';
import { describeStores } from '../../test/support/stores.ts';

describeStores('the account of caps', (store) => {
  let capped: Capped;
  before(async () => {
    capped = await serveCapped(store());
  });
  beforeEach(() => capped.clear());
  after(() => capped.close());

  it('has as many places taken as messages hold and were sent, whatever happens', async () => {
    await capped.declare({
      caps: [
        { limit: 12, per: 'month' },
        { limit: 5, per: 'month', channel: 'sms' },
      ],
    });
    const states = ['sent', 'failed', 'cancelled', 'sent', 'expired'];
    for (let round = 0; round < 12; round++) {
      await capped.send(3, { channels: ['email', 'sms'] }, { user_id: round % 2 ? 'ada' : 'bob' });
      // Every delivery ends at some time, half of them in the next round only.
      const half = `right(id::text, 1) ${round % 2 ? '<' : '>='} '8'`;
      await capped.end(states[round % states.length]!, half);
      if (round % 3 === 2) await capped.tidy();
      const { uses, limits } = await account();
      assert.deepEqual(uses.taken, uses.expected, `round ${round}`);
      assert.ok(limits);
    }
  });

  /** Both sides of the account, by user and rule: what is taken, and what is held or was sent. */
  async function account() {
    const { rows: taken } = await store().engine.query(
      'select user_id, rule, used, allowed from cap_uses order by 1, 2',
    );
    const { rows: held } = await store().engine.query(
      `select place->>0 as user_id, place->>1 as rule from cap_holds, jsonb_array_elements(places) as place`,
    );
    const { rows: sent } = await store().engine.query(
      `select user_id, channel from deliveries d where state = 'sent'
         and not exists (select 1 from cap_holds where d.id = any(delivery_ids))`,
    );
    const expected = new Map<string, number>();
    const add = (user: string, rule: string) =>
      expected.set(`${user} ${rule}`, (expected.get(`${user} ${rule}`) ?? 0) + 1);
    for (const { user_id, rule } of held) add(user_id, rule);
    for (const { user_id, channel } of sent) {
      add(user_id, 'offers:*:month');
      if (channel === 'sms') add(user_id, 'offers:sms:month');
    }
    const found = taken.map(({ user_id, rule, used }) => [`${user_id} ${rule}`, used] as const);
    return {
      uses: {
        taken: Object.fromEntries(found.filter(([, used]) => used > 0)),
        expected: Object.fromEntries([...expected].sort()),
      },
      limits: taken.every(({ used, allowed }) => used <= allowed),
    };
  }
});
