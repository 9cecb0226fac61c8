import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { makeWorld } from '../../test/support/webhooks.ts';
import { insertDelivery, insertNotification } from '../ledger/testing.ts';
import { uuidv7, uuidv7Time } from '../lib/ids.ts';
import type { Receipt } from '../providers/index.ts';
import { failNotifications } from '../routing/store.ts';
import { savePreferences } from '../rules/index.ts';
import { makeTenant } from '../tenants/testing.ts';
import { applyReceipts } from '../tracking/apply.ts';
import { listOptOuts, pruneDevices, suppressContacts } from '../users/index.ts';

describeStores('what other rooms tell webhooks', (store) => {
  const now = Date.UTC(2026, 10, 21, 12);
  let tenantId: string;
  let stranger: string;
  let userId: string;
  beforeEach(async () => {
    const world = await makeWorld(store());
    tenantId = world.tenantId;
    stranger = await makeTenant(store(), now);
    await world.put('all', { url: 'http://127.0.0.1:9/' });
    await world.close();
    userId = uuidv7(now);
    for (const tenant of [tenantId, stranger])
      await store().engine.query("insert into users values ($1, $2, 'ada', null, null, '{}', $3, $3)", [
        tenant,
        userId,
        new Date(now),
      ]);
  });

  async function told() {
    const { rows } = await store().engine.query(
      'select * from events where tenant_id = any($1) order by sequence',
      [[tenantId, stranger]],
    );
    assert.ok(rows.every((row) => row.tenant_id === tenantId));
    return rows;
  }
  const types = async () => (await told()).map(({ type }) => type);

  it('addresses that are suppressed, once', async () => {
    const entry = { kind: 'email', address: 'Ada@mail.example', reason: 'bounced', source: 'mail' };
    const both = [tenantId, stranger].map((tenant) => ({ tenantId: tenant, ...entry }));
    await suppressContacts(store().engine, now, both);
    await suppressContacts(store().engine, now, both);
    const [{ type, data, occurred_at }, ...more] = await told();
    assert.deepEqual(more, []);
    assert.equal(type, 'contact.suppressed');
    assert.deepEqual(data, { ...entry, address: 'ada@mail.example' });
    assert.equal(occurred_at.getTime(), now);
    await listOptOuts(store().engine, now, {
      kind: 'phone',
      owners: ['+491', '+492'].map((address) => ({ tenantId, address })),
      source: 'stop',
    });
    assert.deepEqual(
      (await told()).slice(1).map((row) => row.data.address),
      ['+491', '+492'],
    );
  });

  it('devices whose tokens a provider called dead, once', async () => {
    const id = uuidv7(now);
    await store().engine.query(
      "insert into devices values ($1, $2, $3, 'shop', 'ios', 't', 'h', null, null, $4, $4)",
      [tenantId, id, userId, new Date(now - 1_000)],
    );
    const prune = { tenantId, deviceId: id, invalidSince: null, reason: 'device_unregistered' };
    assert.deepEqual(await pruneDevices(store().engine, now, [prune]), [id]);
    assert.deepEqual(await pruneDevices(store().engine, now, [prune]), []);
    const [{ type, channel, data }, ...more] = await told();
    assert.deepEqual(more, []);
    assert.deepEqual([type, channel], ['device.inactive', 'push']);
    assert.deepEqual(data, {
      deviceId: id,
      userId: 'ada',
      app: 'shop',
      platform: 'ios',
      reason: 'device_unregistered',
    });
  });

  it('preferences that users stated', async () => {
    const changes = [{ category: 'news', channel: 'email' as const, choice: 'out' as const }];
    for (const tenant of [tenantId, stranger])
      await savePreferences(
        store().engine,
        { tenantId: tenant, id: userId },
        { changes, source: 'page', now: new Date(now) },
      );
    const [{ type, data }, ...more] = await told();
    assert.deepEqual(more, []);
    assert.equal(type, 'preference.changed');
    assert.deepEqual(data, { userId: 'ada', changes, source: 'page' });
  });

  it('notifications that routing could not turn into deliveries, once', async () => {
    const id = await insertNotification(store(), tenantId, { state: 'accepted' });
    for (let n = 0; n < 2; n++)
      await failNotifications(store().engine, [{ id, reason: 'request_invalid' }], new Date(now));
    const [{ type, notification_id, data }, ...more] = await told();
    assert.deepEqual(more, []);
    assert.deepEqual([type, notification_id], ['notification.failed', id]);
    assert.deepEqual(data, { notificationId: id, state: 'failed', reason: 'request_invalid' });
  });

  it('receipts from vendors, once, and what they make of a delivery', async () => {
    const notification_id = await insertNotification(store(), tenantId, { category: 'offers' });
    const columns = { notification_id, state: 'sent' as const, connection: 'mail', channel: 'email' };
    const id = await insertDelivery(store(), tenantId, columns);
    const receipt = (event: Receipt['event'], at: number | null = null): Receipt => ({
      deliveryId: id,
      event,
      at,
      eventKey: event,
      providerMessageId: null,
    });
    const long = Date.UTC(1999, 0, 1);
    const from = { tenantId, connection: 'mail', now };
    const apply = (...receipts: Receipt[]) => store().transaction((db) => applyReceipts(db, from, receipts));
    await apply(receipt('sent'), receipt('delivered', long), receipt('opened'));
    await apply(receipt('delivered', long), receipt('opened'));
    assert.deepEqual((await types()).toSorted(), ['delivery.delivered', 'delivery.opened']);
    const delivered = (await told()).find(({ type }) => type === 'delivery.delivered')!;
    assert.equal(delivered.occurred_at.getTime(), long);
    assert.ok(uuidv7Time(delivered.id) >= now - 1, 'its id is from when we learned of it');
    assert.deepEqual([delivered.channel, delivered.notification_id], ['email', notification_id]);
    assert.equal(delivered.data.deliveryId, id);
    await apply(receipt('bounced'));
    assert.deepEqual((await types()).slice(2).toSorted(), ['delivery.bounced', 'delivery.failed']);
  });
});
