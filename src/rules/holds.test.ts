import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTestDatabase, stopOwnCluster } from '../../test/support/stores.ts';
import { insertDelivery, insertNotification } from '../ledger/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { openStore, type Store } from '../store/index.ts';
import type { CappedPlace } from './cap.ts';
import type { DueHold } from './hold-store.ts';
import { endOf, holdPlaces, tidyCaps } from './holds.ts';
import { reservePlaces } from './reserve.ts';

const HOUR_MS = 3_600_000;

describe('what a message holds', () => {
  const hold = (states: DueHold['states'], expiresAt = 2_000) => {
    return endOf({ tenantId: 't', live: true, deliveryIds: ['d'], places: [], states, expiresAt }, 1_000);
  };

  it('is used up when one of its deliveries was sent, whatever became of the others', () => {
    assert.equal(hold(['sent']), 'used');
    assert.equal(hold(['queued', 'sent', 'failed']), 'used');
  });

  it('is given back when all ended and none was sent', () => {
    for (const state of ['failed', 'dead', 'expired', 'cancelled', 'skipped'] as const)
      assert.equal(hold([state, 'failed']), 'back');
  });

  it('stays as long as it may still go out', () => {
    for (const state of ['queued', 'sending', 'unknown'] as const)
      assert.equal(hold([state, 'failed']), 'open');
  });

  it('is of no interest when its windows are over or the ledger has forgotten it', () => {
    assert.equal(hold(['queued'], 1_000), 'used');
    assert.equal(hold([]), 'used');
  });
});

// Two processes on one database; nothing but the database stands between them.
describe('two sweepers on PostgreSQL', () => {
  const TENANT = uuidv7(1);
  let stores: Store[];
  let clock: FakeClock;
  before(async () => {
    const databaseUrl = await createTestDatabase();
    stores = [await openStore({ databaseUrl, poolSize: 2 }), await openStore({ databaseUrl, poolSize: 2 })];
    clock = new FakeClock(stores[0]!.clock.now());
  });
  after(async () => {
    for (const store of stores) await store.close();
    await stopOwnCluster();
  });

  it('give each place back exactly once', async () => {
    const store = stores[0]!;
    const now = clock.now();
    const shared = { tenantId: TENANT, live: true, userId: TENANT, limit: 500 };
    const places: CappedPlace[] = [
      { ...shared, rule: 'c:*:day', startsAt: 1_000, endsAt: now + HOUR_MS },
      { ...shared, rule: 'c:*:day:sliding', startsAt: 0, endsAt: now + HOUR_MS },
    ];
    const count = 120;
    const notification_id = await insertNotification(store, TENANT);
    const ids: string[] = [];
    for (let i = 0; i < count; i++) {
      const state = (['sent', 'failed', 'queued'] as const)[i % 3]!;
      ids.push(await insertDelivery(store, TENANT, { notification_id, state }));
    }
    await store.transaction(async (db) => {
      const refusals = await reservePlaces(db, new Array(count).fill({ places }), now);
      assert.ok(refusals.every((refusal) => refusal === null));
      const holds = ids.map((id) => ({ tenantId: TENANT, live: true, deliveryIds: [id], places }));
      await holdPlaces(db, holds, now);
    });
    const used = async () =>
      (await store.engine.query('select used from cap_uses order by rule')).rows.map((row) => row.used);
    const looks = async () =>
      Promise.all([...stores, ...stores].map((each) => tidyCaps({ store: each, clock })));
    await looks();
    assert.deepEqual(await used(), [count, count], 'nobody looks yet');
    clock.advance(10_000);
    const looked = (await looks()).reduce((sum, each) => sum + each);
    assert.equal(looked, count);
    assert.deepEqual(await used(), [80, 80]);
    const { rows } = await store.engine.query('select look_at from cap_holds');
    assert.equal(rows.length, 40, 'what is under way is kept');
    assert.ok(rows.every(({ look_at }) => look_at.getTime() === now + 20_000));
    await store.engine.query("update deliveries set state = 'cancelled' where state = 'queued'");
    clock.advance(10_000);
    await looks();
    assert.deepEqual(await used(), [40, 40], 'what was sent');
    assert.deepEqual((await store.engine.query('select 1 from cap_holds')).rows, []);
  });
});
