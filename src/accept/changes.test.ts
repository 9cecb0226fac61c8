import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { publishedTemplates } from '../../test/support/templates.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { cancelDeliveries } from '../ledger/index.ts';
import { type DeliveryState, mayBecome } from '../ledger/states.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { uuidv7 } from '../lib/ids.ts';
import { ROUTE_HIGH, Wake } from '../queue/index.ts';
import { registerChangeRoutes } from './index.ts';

const templates = publishedTemplates((id) => id !== 'gone');

describeStores('second thoughts about a notification', (store) => {
  let api: TwoTenants;
  const wake = new Wake();
  const woken: string[] = [];
  wake.on((topic) => woken.push(topic));
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) =>
      registerChangeRoutes(app, { ...deps, wake, templates }),
    );
  });
  after(() => api.close());
  const notify = (columns: object = {}) => insertNotification(store(), api.tenantId, { ...columns });
  const accepted = (columns: object = {}) => notify({ state: 'accepted', ...columns });
  const deliver = (notificationId: string, state: DeliveryState, columns: object = {}) =>
    insertDelivery(store(), api.tenantId, { notification_id: notificationId, state, ...columns });
  const cancel = (id: string, call = api.call) => call('POST', `/v1/notifications/${id}/cancel`);
  const change = (id: string, body: object, call = api.call) =>
    call('PATCH', `/v1/notifications/${id}`, body);
  const read = async (id: string) =>
    (await store().engine.query('select * from notifications where id = $1', [id])).rows[0];
  const iso = (aheadMs: number) => new Date(api.clock.now() + aheadMs).toISOString();

  it('cancel it whole before it is routed', async () => {
    const id = await accepted();
    assert.deepEqual(await cancel(id), { status: 200, body: { cancelled: 1, beingSent: 0 } });
    const row = await read(id);
    assert.deepEqual([row.state, row.reason], ['cancelled', 'cancelled']);
    assert.equal((await cancel(id)).status, 409);
  });

  it('cancel what is queued, and flag what is being sent or unknown', async () => {
    const id = await notify();
    const queued = await deliver(id, 'queued');
    const sending = await deliver(id, 'sending');
    const unknown = await deliver(id, 'unknown');
    const sent = await deliver(id, 'sent');
    assert.deepEqual((await cancel(id)).body, { cancelled: 1, beingSent: 2 });
    const states = await Promise.all(
      [queued, sending, unknown, sent].map(async (each) => {
        const { state, cancel_requested, due_at } = await readDelivery(store(), each);
        return [state, cancel_requested, due_at];
      }),
    );
    assert.deepEqual(states, [
      ['cancelled', true, null],
      ['sending', true, null],
      ['unknown', true, null],
      ['sent', false, null],
    ]);
    assert.equal((await readDelivery(store(), queued)).finished_at.getTime(), api.clock.now());
    assert.ok(mayBecome('queued', 'cancelled'));
  });

  it('come too late when nothing waits any more', async () => {
    const id = await notify();
    for (const state of ['sent', 'failed', 'dead', 'skipped', 'expired', 'cancelled'] as const)
      await deliver(id, state);
    const { status, body } = await cancel(id);
    assert.deepEqual([status, body.code], [409, 'notification.not_changeable']);
  });

  it('change what is to be said, when, and how urgently, until it is routed', async () => {
    const id = await accepted({ request: { channels: ['email'], template: { id: 'old' } } });
    woken.length = 0;
    const body = {
      message: { title: 'New', body: 'Text' },
      priority: 'high',
      sendAt: iso(5_000),
      expiresAt: iso(9_000),
    };
    assert.deepEqual(await change(id, body), { status: 200, body: { id, status: 'accepted' } });
    const row = await read(id);
    assert.deepEqual(row.request, { channels: ['email'], message: body.message });
    assert.deepEqual([row.priority, row.state], [0, 'accepted']);
    assert.deepEqual(
      [row.send_at, row.due_at, row.expires_at].map((time) => time.getTime() - api.clock.now()),
      [5_000, 5_000, 9_000],
    );
    assert.deepEqual(woken, [ROUTE_HIGH]);
    await change(id, { template: { id: 'welcome', variables: { a: 1 } } });
    assert.deepEqual((await read(id)).request, {
      channels: ['email'],
      template: { id: 'welcome', variables: { a: 1 } },
    });
    assert.equal((await read(id)).priority, 0);
  });

  it('make it due at once when the new time has passed', async () => {
    const id = await accepted();
    await change(id, { sendAt: iso(-60_000) });
    assert.equal((await read(id)).due_at.getTime(), api.clock.now());
  });

  it('come too late when it is routed or over', async () => {
    for (const state of ['routed', 'cancelled', 'expired', 'failed']) {
      const id = await notify({ state });
      const { status, body } = await change(id, { priority: 'high' });
      assert.deepEqual(
        [status, body.code, body.detail],
        [409, 'notification.not_changeable', `It is ${state} already`],
      );
      assert.equal((await read(id)).priority, 1);
    }
  });

  it('must obey the rules of a new notification', async () => {
    const id = await accepted({ request: { channels: ['email'], message: { title: 'a', body: 'b' } } });
    const cases: [object, string][] = [
      [{}, '/'],
      [{ userId: 'bob' }, '/userId'],
      [{ message: { title: 'a', body: 'b' }, template: { id: 't' } }, '/message'],
      [{ template: { id: 'gone' } }, '/template/id'],
      [{ sendAt: iso(6 * 366 * 86_400_000) }, '/sendAt'],
      [{ expiresAt: iso(-1) }, '/expiresAt'],
      [{ template: { id: 't', variables: { name: 'a\u0000' } } }, '/template/variables/name'],
      [{ priority: 'urgent' }, '/priority'],
    ];
    for (const [body, field] of cases) {
      const answer = await change(id, body);
      assert.deepEqual([answer.status, answer.body.errors?.[0].field], [400, field], JSON.stringify(body));
    }
  });

  it('must fit the times that stay', async () => {
    const id = await accepted({
      send_at: new Date(api.clock.now() + 5_000),
      expires_at: new Date(api.clock.now() + 9_000),
    });
    for (const body of [{ expiresAt: iso(4_000) }, { sendAt: iso(9_000) }]) {
      const answer = await change(id, body);
      assert.deepEqual(
        [answer.status, answer.body.errors?.[0].field],
        [400, '/expiresAt'],
        JSON.stringify(body),
      );
    }
    assert.equal((await change(id, { priority: 'low' })).status, 200);
    assert.equal((await change(id, { sendAt: iso(10_000), expiresAt: iso(11_000) })).status, 200);
  });

  it('are nobody else’s: not of another tenant, not of the other mode', async () => {
    const id = await accepted();
    for (const call of [api.callAsOther, api.callAsTest]) {
      assert.equal((await cancel(id, call)).status, 404);
      assert.equal((await change(id, { priority: 'high' }, call)).status, 404);
    }
    const { state, priority } = await read(id);
    assert.deepEqual([state, priority], ['accepted', 1]);
    assert.equal((await cancel(uuidv7(1))).status, 404);
    assert.equal((await cancel('x')).status, 400);
  });

  it('never reach another tenant’s deliveries, even of the same notification id', async () => {
    const id = await notify();
    const foreign = await insertDelivery(store(), api.otherTenantId, { notification_id: id });
    await store().scoped(api.tenantId, (db) => cancelDeliveries(db, api.tenantId, id, new Date()));
    assert.equal((await readDelivery(store(), foreign)).state, 'queued');
  });
});
