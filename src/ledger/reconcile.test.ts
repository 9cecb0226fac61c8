import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { queueDeliveries, TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { insertDeliveries } from '../routing/store.ts';
import { foldCounters } from './counters.ts';
import { replayDeliveries } from './problem-store.ts';
import { reconcile } from './reconcile.ts';
import { cancelDeliveries } from './store.ts';

const LONG_AGO = new Date(0);
const DAY_MS = 86_400_000;

describeStores('reconciling', (store) => {
  beforeEach(async () => {
    await store().engine.query('truncate deliveries, notifications, unrouted, postponed, claims, counters');
  });
  const rules = async () => (await reconcile(store().engine, LONG_AGO)).findings.map(({ rule }) => rule);
  const count = async () => {
    const { rows } = await store().engine.query(
      'select state, sum(n) as n from counters group by state having sum(n) <> 0 order by state',
    );
    return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
  };

  it('finds nothing wrong in an honest ledger, and tells what it adds up to', async () => {
    const [first] = await queueDeliveries(store(), 3);
    const { rows } = await store().engine.query('select notification_id from deliveries where id = $1', [
      first,
    ]);
    await cancelDeliveries(store().engine, TENANT, rows[0].notification_id, new Date(store().clock.now()));
    const { accounts, findings, unrouted } = await reconcile(store().engine, LONG_AGO);
    assert.deepEqual([findings, unrouted], [[], 0]);
    const [{ accepted, cancelled, pending, sent }] = accounts as [(typeof accounts)[0]];
    assert.deepEqual([accepted, cancelled, pending, sent], [3, 1, 2, 0]);
    assert.deepEqual(await count(), { accepted: 3, cancelled: 1 });
  });

  it('takes a replayed delivery out of the account in which it had ended', async () => {
    const [id] = await queueDeliveries(store(), 1, { state: 'skipped', dueAt: null });
    await store().engine.query("update deliveries set state = 'dead', problem = 'dead' where id = $1", [id]);
    await store().engine.query("update counters set state = 'dead' where state = 'skipped'");
    const now = new Date(store().clock.now());
    await replayDeliveries(store().engine, TENANT, true, {
      ids: [id!],
      dueAt: [now],
      expiresAt: now,
      entry: { at: now.toISOString(), action: 'replay', as: 'queued', by: { key: 'k', name: null } },
    });
    assert.deepEqual([await count(), await rules()], [{ accepted: 1 }, []]);
  });

  it('names what is lost, stuck or miscounted', async () => {
    const [due, problem, sending, ended] = await queueDeliveries(store(), 5);
    const change = (set: string, id: string | undefined) =>
      store().engine.query(`update deliveries set ${set} where id = $1`, [id]);
    await change('due_at = null', due);
    await change("problem = 'dead'", problem);
    await change("state = 'sending', due_at = null", sending);
    await change("state = 'sent', due_at = null", ended);
    await store().engine.query(
      `insert into notifications (id, tenant_id, live, user_id, category, priority, state, request, due_at, created_at)
       select $1, tenant_id, live, user_id, category, priority, state, request, due_at, created_at from notifications limit 1`,
      [crypto.randomUUID().replace(/^.{13}/, due!.slice(0, 13))],
    );
    await store().engine.query(
      'insert into unrouted select tenant_id, priority, due_at, id from notifications n where exists (select from deliveries d where d.notification_id = n.id) limit 1',
    );
    await store().engine.query(
      "insert into postponed select tenant_id, id, due_at + interval '1 hour', '{sms}', 'quiet_hours' from notifications limit 1",
    );
    assert.deepEqual(await rules(), [
      'counters and rows agree',
      'an accepted notification waits to be routed, was collected by a digest, or has deliveries',
      'what waits to be routed is an accepted notification, whole or a postponed part of it',
      'what is postponed has a turn',
      'a delivery has a due time exactly while it is queued',
      'a delivery that is being sent is on record with a worker',
      'a delivery is listed as a problem exactly while it is one',
      'a delivery that ended says when',
    ]);
  });

  it('folds the slots of days that are over, without changing a sum', async () => {
    const now = store().clock.now();
    await queueDeliveries(store(), 2, { createdAt: new Date(now - 3 * DAY_MS) });
    await insertDeliveries(store().engine, []);
    await store().engine.query(
      'insert into counters select tenant_id, live, day, channel, state, 7, 5 from counters',
    );
    assert.equal(await foldCounters(store().engine, new Date(now)), 2);
    const { rows } = await store().engine.query('select slot, n from counters');
    assert.deepEqual(rows, [{ slot: 0, n: 7 }]);
    assert.equal(await foldCounters(store().engine, new Date(now)), 0);
  });
});
