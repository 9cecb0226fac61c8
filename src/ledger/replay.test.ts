import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { uuidv7 } from '../lib/ids.ts';
import { registerLedgerRoutes } from './index.ts';
import { DELIVERY_STATES, type DeliveryState } from './states.ts';
import { insertDelivery, insertNotification, readDelivery } from './testing.ts';

describeStores('sending again', (store) => {
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
  const deliver = (state: DeliveryState, columns: object = {}) =>
    insertDelivery(store(), api.tenantId, { notification_id: notification, state, ...columns });

  it('queues a dead or failed delivery with a fresh retry budget and time enough', async () => {
    for (const state of ['dead', 'failed'] as const) {
      woken.length = 0;
      const id = await deliver(state, {
        retries: 9,
        attempt: 4,
        expires_at: new Date(1),
        cancel_requested: true,
      });
      const { status, body } = await api.call('POST', `/v1/deliveries/${id}/replay`);
      assert.deepEqual([status, body], [202, { replayed: [id] }]);
      const row = await readDelivery(store(), id);
      assert.deepEqual(
        [row.state, row.retries, row.attempt, row.problem, row.finished_at, row.cancel_requested],
        ['queued', 0, 4, null, null, false],
      );
      assert.equal(row.due_at.getTime(), api.clock.now());
      assert.equal(row.expires_at.getTime(), api.clock.now() + 86_400_000);
      assert.deepEqual(woken, ['sms.normal']);
      const listed = await api.call('GET', `/v1/deliveries?state=${state}`);
      assert.ok(!listed.body.items.some((item: { id: string }) => item.id === id));
    }
  });

  it('keeps an expiry that is later', async () => {
    const later = new Date(api.clock.now() + 10 * 86_400_000);
    const id = await deliver('dead', { expires_at: later });
    await api.call('POST', `/v1/deliveries/${id}/replay`);
    assert.deepEqual((await readDelivery(store(), id)).expires_at, later);
  });

  it('is refused for any other state, and the answer names the state', async () => {
    for (const state of DELIVERY_STATES.filter((each) => each !== 'dead' && each !== 'failed')) {
      const id = await deliver(state);
      const { status, body } = await api.call('POST', `/v1/deliveries/${id}/replay`);
      assert.deepEqual([status, body.code], [409, 'delivery.not_replayable']);
      assert.ok(body.detail.startsWith(`It is ${state};`), body.detail);
      assert.equal((await readDelivery(store(), id)).state, state);
    }
  });

  it('happens once however often it is asked for', async () => {
    const id = await deliver('dead');
    const answers = await Promise.all([1, 2, 3].map(() => api.call('POST', `/v1/deliveries/${id}/replay`)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 409, 409]);
    assert.equal(woken.length, 1);
  });

  it('of many takes those that can be, and says which they are', async () => {
    const [dead, failed, sent] = [await deliver('dead'), await deliver('failed'), await deliver('sent')];
    const foreign = await insertDelivery(store(), api.otherTenantId, {
      notification_id: notification,
      state: 'dead',
    });
    const ids = [dead, failed, sent, foreign, uuidv7(1), dead];
    const { status, body } = await api.call('POST', '/v1/deliveries/replay', { ids });
    assert.deepEqual([status, body.replayed.toSorted()], [202, [dead, failed].toSorted()]);
    assert.deepEqual(body.refused, [
      { id: sent, reason: 'wrong_state', state: 'sent' },
      { id: foreign, reason: 'not_found' },
      { id: ids[4], reason: 'not_found' },
    ]);
    assert.equal((await readDelivery(store(), foreign)).state, 'dead');
  });

  it('of many takes 500 at most, and no ids that are none', async () => {
    const refused = async (ids: unknown) => (await api.call('POST', '/v1/deliveries/replay', { ids })).status;
    assert.equal(await refused([]), 400);
    assert.equal(await refused(['x']), 400);
    assert.equal(await refused([`urn:uuid:${uuidv7(1)}`]), 400);
    assert.equal(await refused(Array(501).fill(uuidv7(1))), 400);
    assert.equal(await refused(Array(500).fill(uuidv7(1))), 202);
  });

  it('is kept with the delivery: who, when, and what it was before', async () => {
    const id = await deliver('dead', { reason: 'provider_error' });
    await api.call('POST', `/v1/deliveries/${id}/replay`);
    const { interventions } = (await api.call('GET', `/v1/deliveries/${id}`)).body;
    assert.deepEqual(interventions, [
      {
        at: new Date(api.clock.now()).toISOString(),
        action: 'replay',
        was: 'dead',
        because: 'provider_error',
        as: 'queued',
        by: { key: 'live', name: null },
      },
    ]);
  });

  it('leaves a trace that does not grow for ever', async () => {
    const id = await deliver('dead', { interventions: JSON.stringify(Array(50).fill({ action: 'old' })) });
    await api.call('POST', `/v1/deliveries/${id}/replay`);
    const { interventions } = await readDelivery(store(), id);
    assert.deepEqual([interventions.length, interventions.at(-1).action], [50, 'replay']);
  });

  it('can not be asked for by another tenant or in the other mode', async () => {
    const id = await deliver('dead');
    for (const call of [api.callAsOther, api.callAsTest]) {
      assert.equal((await call('POST', `/v1/deliveries/${id}/replay`)).status, 404);
      assert.deepEqual((await call('POST', '/v1/deliveries/replay', { ids: [id] })).body, {
        replayed: [],
        refused: [{ id, reason: 'not_found' }],
      });
    }
    assert.equal((await readDelivery(store(), id)).state, 'dead');
  });
});
