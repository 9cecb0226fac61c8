import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';
import { makeTenant } from '../tenants/testing.ts';
import { markLooked } from './index.ts';
import { insertDelivery, insertNotification } from './testing.ts';

const AT = Date.UTC(2026, 10, 21, 12);

describeStores('what a user did with a message that reached him', (store) => {
  async function setUp() {
    const tenantId = await makeTenant(store(), AT);
    const user = uuidv7(AT);
    await store().engine.query("insert into users values ($1, $2, 'ada', null, null, '{}', $3, $3)", [
      tenantId,
      user,
      new Date(AT),
    ]);
    const notification_id = await insertNotification(store(), tenantId);
    const id = await insertDelivery(store(), tenantId, { notification_id, user_id: user, state: 'sent' });
    const look = (clicked: boolean, now: number) =>
      store().transaction((db) => markLooked(db, { tenantId, ids: [id], clicked, now: new Date(now) }));
    const rows = async (sql: string) => (await store().engine.query(sql, [tenantId])).rows;
    return { tenantId, id, look, rows };
  }

  it('is told to webhooks, each of it once', async () => {
    const { tenantId, id, look, rows } = await setUp();
    const told = async () =>
      (await rows('select type, data from events where tenant_id = $1 order by sequence')).map(
        ({ type, data }) => [type, data.deliveryId],
      );
    await look(false, AT);
    assert.deepEqual(await told(), [], 'nobody wants to hear of it');
    await store().engine.query(
      `insert into webhook_endpoints values ($1, 'w', $2, 'https://a.example', null, '{delivery.*}', '{}', '{}', '{}', true,
        null, null, '{}', null, 1, $3, $3)`,
      [tenantId, uuidv7(AT), new Date(AT)],
    );
    await look(true, AT + 1_000);
    await look(true, AT + 2_000);
    assert.deepEqual(await told(), [['delivery.clicked', id]], 'it was opened before');
  });

  it('counts for segments that ask who opened or clicked', async () => {
    const { look, rows } = await setUp();
    await look(true, AT);
    assert.deepEqual(await rows('select opened_at, clicked_at from engagements where tenant_id = $1'), [
      { opened_at: new Date(AT), clicked_at: new Date(AT) },
    ]);
  });
});
