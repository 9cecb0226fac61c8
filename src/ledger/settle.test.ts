import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { uuidv7 } from '../lib/ids.ts';
import { registerLedgerRoutes } from './index.ts';
import { loadActor } from './problem-store.ts';
import { DELIVERY_STATES, type DeliveryState } from './states.ts';
import { insertDelivery, insertNotification, readDelivery } from './testing.ts';

describeStores('settling by hand', (store) => {
  let api: TwoTenants;
  let notification: string;
  const woken: string[] = [];
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) =>
      registerLedgerRoutes(app, { ...deps, wake: { signal: (topic) => void woken.push(topic) } }),
    );
    notification = await insertNotification(store(), api.tenantId);
  });
  after(() => api.close());
  beforeEach(() => {
    woken.length = 0;
  });
  const deliver = (state: DeliveryState = 'unknown', columns: object = {}) =>
    insertDelivery(store(), api.tenantId, {
      notification_id: notification,
      state,
      reason: 'timeout',
      ...columns,
    });

  it('gives an unknown delivery the outcome that was found out', async () => {
    for (const as of ['sent', 'failed'] as const) {
      const id = await deliver();
      const { status, body } = await api.call('POST', `/v1/deliveries/${id}/settle`, { as });
      assert.deepEqual([status, body], [200, { id, state: as }]);
      const row = await readDelivery(store(), id);
      assert.deepEqual(
        [row.state, row.reason, row.problem, row.decide_at, row.due_at, row.finished_at.getTime()],
        [as, 'settled_by_operator', as === 'failed' ? 'failed' : null, null, null, api.clock.now()],
      );
    }
    assert.deepEqual(woken, []);
  });

  it('sends again over the same connection, with a fresh budget and time enough', async () => {
    const id = await deliver('unknown', { retries: 4, attempt: 5, expires_at: new Date(1), decide_at: null });
    await api.call('POST', `/v1/deliveries/${id}/settle`, { as: 'queued' });
    const row = await readDelivery(store(), id);
    assert.deepEqual(
      [row.state, row.problem, row.retries, row.attempt, row.connection, row.decide_at, row.finished_at],
      ['queued', null, 0, 5, 'texts', null, null],
    );
    assert.equal(row.due_at.getTime(), api.clock.now());
    assert.equal(row.expires_at.getTime(), api.clock.now() + 86_400_000);
    assert.deepEqual(woken, ['sms.normal']);
  });

  it('is told with the delivery: who, when, as what and why', async () => {
    const id = await deliver();
    const note = 'the vendor’s console shows it';
    assert.equal((await api.call('POST', `/v1/deliveries/${id}/settle`, { as: 'sent', note })).status, 200);
    const view = (await api.call('GET', `/v1/deliveries/${id}`)).body;
    assert.deepEqual(view.interventions, [
      {
        at: new Date(api.clock.now()).toISOString(),
        action: 'settle',
        was: 'unknown',
        because: 'timeout',
        as: 'sent',
        by: { key: 'live', name: null },
        note,
      },
    ]);
    const whole = (await api.call('GET', `/v1/notifications/${notification}`)).body;
    assert.deepEqual(
      whole.deliveries.find((each: { id: string }) => each.id === id),
      view,
    );
  });

  it('keeps the name of the key that asked, and none of another tenant', async () => {
    const keyId = uuidv7(1);
    await store().engine.query(
      "insert into api_keys (id, tenant_id, name, live, hash, hint, scopes, created_at) values ($1, $2, 'night shift', true, $3, '', '{}', $4)",
      [keyId, api.tenantId, Buffer.from(keyId), new Date(1)],
    );
    const name = (tenantId: string) =>
      store().scoped(tenantId, async (db) => (await loadActor(db, tenantId, keyId)).name);
    assert.deepEqual([await name(api.tenantId), await name(api.otherTenantId)], ['night shift', null]);
  });

  it('is refused for any other state, by another tenant, in the other mode, and as anything else', async () => {
    for (const state of DELIVERY_STATES.filter((each) => each !== 'unknown')) {
      const id = await deliver(state);
      const { status, body } = await api.call('POST', `/v1/deliveries/${id}/settle`, { as: 'sent' });
      assert.deepEqual([status, body.code], [409, 'delivery.not_settleable'], state);
      assert.equal((await readDelivery(store(), id)).state, state);
    }
    const id = await deliver();
    for (const call of [api.callAsOther, api.callAsTest])
      assert.equal((await call('POST', `/v1/deliveries/${id}/settle`, { as: 'sent' })).status, 404);
    for (const body of [{ as: 'dead' }, {}, { as: 'sent', ids: [id] }, { as: 'sent', note: '' }])
      assert.equal((await api.call('POST', `/v1/deliveries/${id}/settle`, body)).status, 400);
    assert.equal((await readDelivery(store(), id)).state, 'unknown');
  });

  it('happens once, whoever is first', async () => {
    const id = await deliver();
    const answers = await Promise.all(
      (['sent', 'failed', 'queued'] as const).map((as) =>
        api.call('POST', `/v1/deliveries/${id}/settle`, { as }),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409]);
    assert.equal((await readDelivery(store(), id)).interventions.length, 1);
  });

  it('of many says which were, and why the others were not', async () => {
    const [one, two, sent] = [await deliver(), await deliver(), await deliver('sent')];
    const missing = uuidv7(1);
    const { status, body } = await api.call('POST', '/v1/deliveries/settle', {
      ids: [one, two, sent, missing],
      as: 'failed',
    });
    assert.equal(status, 200);
    assert.deepEqual(body.settled.toSorted(), [one, two].toSorted());
    assert.deepEqual(body.refused, [
      { id: sent, reason: 'wrong_state', state: 'sent' },
      { id: missing, reason: 'not_found' },
    ]);
  });

  it('of a filter goes on until there is no more', async () => {
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push(await deliver('unknown', { code: 'bulk' }));
    const untouched = await deliver('unknown', { code: 'other' });
    const settled: string[] = [];
    for (let more = true, calls = 0; more; calls++) {
      assert.ok(calls < 4);
      const { status, body } = await api.call('POST', '/v1/deliveries/settle', {
        filter: { code: 'bulk' },
        as: 'sent',
        limit: 2,
      });
      assert.equal(status, 200);
      settled.push(...body.settled);
      more = body.more;
    }
    assert.deepEqual(settled.toSorted(), ids.toSorted());
    assert.equal((await readDelivery(store(), untouched)).state, 'unknown');
  });

  it('of many wants either ids or a filter', async () => {
    const settle = async (body: object) => (await api.call('POST', '/v1/deliveries/settle', body)).status;
    assert.equal(await settle({ as: 'sent' }), 400);
    assert.equal(await settle({ as: 'sent', ids: [uuidv7(1)], filter: {} }), 400);
    assert.equal(await settle({ as: 'sent', filter: { state: 'unknown' } }), 400);
  });
});
