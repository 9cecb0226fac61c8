import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { uuidv7 } from '../lib/ids.ts';
import { registerLedgerRoutes } from './index.ts';
import { PROBLEMS } from './states.ts';
import { insertDelivery, insertNotification } from './testing.ts';

describeStores('what happened', (store) => {
  let api: TwoTenants;
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) =>
      registerLedgerRoutes(app, { ...deps, wake: { signal() {} } }),
    );
  });
  after(() => api.close());
  const notify = (columns: object = {}) => insertNotification(store(), api.tenantId, { ...columns });
  const deliver = (notificationId: string, columns: object = {}) =>
    insertDelivery(store(), api.tenantId, { notification_id: notificationId, ...columns });

  it('is told of a notification with its deliveries and their attempts', async () => {
    const id = await notify({ request: { channels: ['sms'], template: { id: 'welcome' } } });
    const sent = await deliver(id, { state: 'sent', attempt: 2, provider_message_id: 'SM1' });
    const skipped = await deliver(id, {
      state: 'skipped',
      channel: 'email',
      provider: null,
      connection: '',
      reason: 'no_contact',
      started_at: null,
    });
    await store().engine.query(
      `insert into attempts (delivery_id, n, tenant_id, connection, provider, outcome, reason, detail, started_at, latency_ms)
       values ($1, 1, $2, 'texts', 'twilio', 'retry', 'provider_unavailable', $3, $4, 12)`,
      [sent, api.tenantId, { status: 503 }, new Date(store().clock.now())],
    );
    const { status, body } = await api.call('GET', `/v1/notifications/${id}`);
    assert.equal(status, 200);
    assert.deepEqual(
      [body.id, body.status, body.userId, body.priority, body.channels, body.template, body.live],
      [id, 'sent', 'ada', 'normal', ['sms'], 'welcome', true],
    );
    const [first, second] = body.deliveries;
    assert.deepEqual(
      [first.id, first.state, first.connection, first.providerMessageId],
      [sent, 'sent', 'texts', 'SM1'],
    );
    assert.deepEqual(
      first.attempts.map(({ n, outcome, reason, detail }: Record<string, unknown>) => [
        n,
        outcome,
        reason,
        detail,
      ]),
      [
        [1, 'retry', 'provider_unavailable', { status: 503 }],
        [2, 'accepted', undefined, undefined],
      ],
    );
    assert.deepEqual(
      [second.id, second.state, second.reason, second.attempts],
      [skipped, 'skipped', 'no_contact', []],
    );
    assert.ok(!('connection' in second));
    assert.deepEqual((await api.call('GET', `/v1/deliveries/${sent}`)).body, first);
  });

  it('is scheduled before its time, and accepted when it has come', async () => {
    const sendAt = new Date(api.clock.now() + 60_000);
    const id = await notify({ state: 'accepted', send_at: sendAt, due_at: sendAt });
    const status = async () => (await api.call('GET', `/v1/notifications/${id}`)).body.status;
    assert.equal(await status(), 'scheduled');
    api.clock.advance(60_000);
    assert.equal(await status(), 'accepted');
  });

  it('does not exist for another tenant, in the other mode, or under an id that is none', async () => {
    const id = await notify();
    const delivery = await deliver(id, { state: 'dead' });
    for (const path of [`/v1/notifications/${id}`, `/v1/deliveries/${delivery}`]) {
      assert.equal((await api.call('GET', path)).status, 200);
      for (const call of [api.callAsOther, api.callAsTest])
        assert.equal((await call('GET', path)).status, 404);
    }
    for (const kind of ['notifications', 'deliveries']) {
      assert.equal((await api.call('GET', `/v1/${kind}/${uuidv7(1)}`)).status, 404);
      assert.equal((await api.call('GET', `/v1/${kind}/7`)).status, 400);
      assert.equal((await api.call('GET', `/v1/${kind}/urn:uuid:${id}`)).status, 400);
    }
  });

  it('is listed newest first, page by page, none twice and none left out', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.unshift(await notify({ user_id: 'pages' }));
    const seen: string[] = [];
    let cursor: string | null = '';
    let pages = 0;
    while (cursor !== null) {
      const { status, body } = await api.call(
        'GET',
        `/v1/notifications?userId=pages&limit=3${cursor && `&cursor=${cursor}`}`,
      );
      assert.equal(status, 200);
      assert.ok(body.items.length <= 3);
      seen.push(...body.items.map((item: { id: string }) => item.id));
      cursor = body.nextCursor;
      pages++;
    }
    assert.deepEqual([seen, pages], [ids, 3]);
  });

  it('is listed with the status of each notification', async () => {
    const [sent, waiting] = [await notify({ user_id: 'both' }), await notify({ user_id: 'both' })];
    await deliver(sent, { state: 'sent' });
    await deliver(waiting);
    const { items } = (await api.call('GET', '/v1/notifications?userId=both')).body;
    assert.deepEqual(
      items.map((item: { id: string; status: string }) => [item.id, item.status]),
      [
        [waiting, 'processing'],
        [sent, 'sent'],
      ],
    );
  });

  it('is listed for its own tenant and mode only', async () => {
    const test = await notify({ live: false });
    const other = await insertNotification(store(), api.otherTenantId);
    const listed = async (call: TwoTenants['call']) =>
      (await call('GET', '/v1/notifications?limit=100')).body.items.map((item: { id: string }) => item.id);
    assert.deepEqual([await listed(api.callAsTest), await listed(api.callAsOther)], [[test], [other]]);
    const mine = await listed(api.call);
    assert.ok(mine.length > 0 && !mine.includes(test) && !mine.includes(other));
  });

  it('refuses a cursor of another making', async () => {
    for (const cursor of ['x', 'bm90LWEtY3Vyc29y', Buffer.from("' or 1=1 --").toString('base64url')]) {
      for (const path of ['/v1/notifications?', '/v1/deliveries?state=dead&']) {
        const { status, body } = await api.call('GET', `${path}cursor=${cursor}`);
        assert.deepEqual([status, body.errors[0].field], [400, 'query/cursor']);
      }
    }
  });

  it('lists the problems by state and reason, page by page', async () => {
    const id = await notify();
    const made: Record<string, string[]> = {};
    for (const state of PROBLEMS) {
      made[state] = [];
      for (const reason of ['list_a', 'list_b', 'list_a'])
        made[state].unshift(await deliver(id, { state, reason }));
    }
    await deliver(id, { state: 'sent', reason: 'list_a' });
    const list = async (query: string, call = api.call) => {
      const { status, body } = await call('GET', `/v1/deliveries?${query}`);
      assert.equal(status, 200, JSON.stringify(body));
      return { ids: body.items.map((item: { id: string }) => item.id), next: body.nextCursor };
    };
    for (const state of PROBLEMS) {
      const [third, second, first] = made[state]!;
      assert.deepEqual((await list(`state=${state}&reason=list_a`)).ids, [third, first]);
      assert.deepEqual((await list(`state=${state}&reason=list_b`)).ids, [second]);
      const page = await list(`state=${state}&limit=2`);
      assert.deepEqual(page.ids, [third, second]);
      assert.equal((await list(`state=${state}&limit=2&cursor=${page.next}`)).ids[0], first);
      assert.deepEqual((await list(`state=${state}`, api.callAsTest)).ids, []);
      assert.deepEqual((await list(`state=${state}`, api.callAsOther)).ids, []);
    }
    assert.equal((await api.call('GET', '/v1/deliveries?state=sent')).status, 400);
    assert.equal((await api.call('GET', '/v1/deliveries')).status, 400);
  });
});
