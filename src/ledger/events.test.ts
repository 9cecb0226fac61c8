import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7, uuidv7Time } from '../lib/ids.ts';
import type { Store } from '../store/index.ts';
import { appendEvents, cancelDeliveries } from './index.ts';
import { insertDelivery, insertNotification } from './testing.ts';

interface Told {
  id: string;
  sequence: string;
  tenant_id: string;
  type: string;
  occurred_at: Date;
  channel: string | null;
  category: string | null;
  data: Record<string, unknown>;
}

describeStores('events', (getStore) => {
  const store = (): Store => getStore();
  let tenantId: string;

  beforeEach(async () => {
    tenantId = await makeTenant();
  });

  async function makeTenant(): Promise<string> {
    const id = uuidv7(store().clock.now());
    await store().engine.query(
      'insert into tenants (id, slug, name, created_at) values ($1::text::uuid, $1, $1, $2)',
      [id, new Date()],
    );
    return id;
  }

  async function subscribe(types: string[], columns: { enabled?: boolean; environments?: string[] } = {}) {
    const id = uuidv7(store().clock.now());
    await store().engine.query(
      `insert into webhook_endpoints (tenant_id, id, key, url, types, channels, categories, environments, enabled,
        secrets, version, created_at, updated_at)
       values ($1, $2, $2::text::uuid, 'https://example.com', $3, '{}', '{}', $4, $5, '{}', 1, now(), now())`,
      [tenantId, id, types, columns.environments ?? [], columns.enabled ?? true],
    );
  }

  async function told(): Promise<Told[]> {
    const { rows } = await store().engine.query<Told>(
      'select * from events where tenant_id = $1 order by sequence',
      [tenantId],
    );
    return rows;
  }

  function happens(type: 'device.inactive' | 'delivery.sent' | 'contact.suppressed', live = true) {
    return {
      tenantId,
      live,
      type,
      at: new Date(1_700_000_000_123),
      data: { text: 'a "quoted", {odd} \\ text' },
    };
  }

  it('are written for tenants only who have an endpoint that wants the type', async () => {
    await appendEvents(store().engine, [happens('device.inactive')]);
    assert.deepEqual(await told(), []);
    await subscribe(['contact.*', 'delivery.sent']);
    await subscribe(['*'], { enabled: false });
    await appendEvents(store().engine, [
      happens('device.inactive'),
      happens('contact.suppressed'),
      { ...happens('delivery.sent'), channel: 'email', category: 'otp' },
    ]);
    const events = await told();
    assert.deepEqual(
      events.map(({ type, channel, category }) => ({ type, channel, category })),
      [
        { type: 'contact.suppressed', channel: null, category: null },
        { type: 'delivery.sent', channel: 'email', category: 'otp' },
      ],
    );
    assert.deepEqual(events[0]!.data, { text: 'a "quoted", {odd} \\ text' });
    assert.equal(events[0]!.occurred_at.getTime(), 1_700_000_000_123);
  });

  it('have a UUIDv7 of the moment', async () => {
    await subscribe(['*']);
    await appendEvents(store().engine, [happens('device.inactive')]);
    const [{ id }] = (await told()) as [Told];
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(uuidv7Time(id), 1_700_000_000_123);
  });

  it('of the other environment are left out', async () => {
    await subscribe(['*'], { environments: ['test'] });
    await appendEvents(store().engine, [
      happens('delivery.sent', true),
      happens('contact.suppressed', false),
    ]);
    assert.deepEqual(
      (await told()).map(({ type }) => type),
      ['contact.suppressed'],
    );
  });

  it('are gone when the change they tell of is rolled back', async () => {
    await subscribe(['*']);
    await assert.rejects(
      store().transaction(async (db) => {
        await appendEvents(db, [happens('device.inactive')]);
        throw new Error('it did not happen');
      }),
      /did not happen/,
    );
    assert.deepEqual(await told(), []);
  });

  it('tell of a delivery that changes its state, under the rights of its tenant too', async () => {
    await subscribe(['delivery.cancelled']);
    const notification = await insertNotification(store(), tenantId);
    const queued = await insertDelivery(store(), tenantId, { notification_id: notification });
    await insertDelivery(store(), tenantId, { notification_id: notification, state: 'sending' });
    const now = new Date(1_700_000_000_000);
    await store().scoped(tenantId, (db) => cancelDeliveries(db, tenantId, notification, now));
    const [event, ...more] = await told();
    assert.deepEqual(more, []);
    assert.equal(event!.type, 'delivery.cancelled');
    assert.equal(event!.occurred_at.getTime(), now.getTime());
    assert.deepEqual(event!.data, {
      deliveryId: queued,
      notificationId: notification,
      channel: 'sms',
      state: 'cancelled',
      reason: 'cancelled',
      code: null,
      provider: 'twilio',
      connection: 'texts',
      attempt: 0,
    });
  });
});
