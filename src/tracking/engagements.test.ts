import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { insertDelivery, insertNotification } from '../ledger/testing.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { ReceiptEvent } from '../providers/index.ts';
import { makeTenant } from '../tenants/testing.ts';
import { applyReceipts } from './index.ts';

const MINUTE_MS = 60_000;

// What segments know of opens and clicks, whoever reports them.
describeStores('when users opened and clicked last', (store) => {
  let tenantId: string;
  let notification_id: string;
  let ada: string;
  let now: number;
  before(async () => {
    now = store().clock.now();
    tenantId = await makeTenant(store(), now);
    notification_id = await insertNotification(store(), tenantId);
  });
  beforeEach(async () => {
    ada = uuidv7(now);
    const values = [tenantId, ada, `user ${ada}`, new Date(now)];
    await store().engine.query("insert into users values ($1, $2, $3, null, null, '{}', $4, $4)", values);
  });

  const report = async (event: ReceiptEvent, minutes: number, columns: object = {}) => {
    const whole = { notification_id, state: 'sent', user_id: ada, ...columns } as const;
    const deliveryId = await insertDelivery(store(), tenantId, whole);
    const at = now + minutes * MINUTE_MS;
    const receipt = { event, deliveryId, providerMessageId: null, at, eventKey: event };
    await store().transaction((db) =>
      applyReceipts(db, { tenantId, connection: 'texts', now: at }, [receipt]),
    );
  };
  /** Minutes from the start of the tests. */
  const known = async () => {
    const { rows } = await store().engine.query(
      'select opened_at, clicked_at from engagements where tenant_id = $1 and user_id = $2',
      [tenantId, ada],
    );
    const minutesOf = (at: Date | null) => at && (at.getTime() - now) / MINUTE_MS;
    return rows.map((row) => [minutesOf(row.opened_at), minutesOf(row.clicked_at)]);
  };

  it('is the last time, to the hour', async () => {
    await report('opened', 10);
    assert.deepEqual(await known(), [[10, null]]);
    await report('opened', 69);
    assert.deepEqual(await known(), [[10, null]], 'not worth a look at all segments');
    await report('clicked', 70);
    assert.deepEqual(await known(), [[10, 70]]);
    await report('opened', 200);
    await report('opened', 5);
    assert.deepEqual(await known(), [[200, 70]], 'what comes late takes nothing back');
  });

  it('is not told by what merely arrived, by tests, or of users that are gone', async () => {
    await report('delivered', 1);
    await report('opened', 1, { live: false });
    await report('opened', 1, { user_id: uuidv7(now) });
    await report('opened', 1, { user_id: null });
    assert.deepEqual(await known(), []);
  });
});
