import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, it } from 'node:test';
import { serveInbox } from '../../test/support/inbox.ts';
import { describeStores } from '../../test/support/stores.ts';
import { makeKey } from '../tenants/testing.ts';

type Served = Awaited<ReturnType<typeof serveInbox>>;
type Tenant = Awaited<ReturnType<Served['newTenant']>>;

const PAGE = 'https://app.example';
const preflight = (origin: string, method: string) => ({
  headers: {
    origin,
    'access-control-request-method': method,
    'access-control-request-headers': 'authorization,content-type',
  },
});

describeStores('who may reach an inbox', (store) => {
  let api: Served;
  let tenant: Tenant;
  let users = 0;
  before(async () => {
    api = await serveInbox(store());
    tenant = await api.newTenant();
  });
  after(() => api.close());
  const newUser = async () => {
    const name = `user-${++users}`;
    return { name, ...(await api.newUser(tenant, name)) };
  };
  const allow = (origins: string[], key = tenant.key) =>
    api.call(key, 'PUT /v1/browser-origins', { body: { origins } });
  const allowed = (headers: Headers) => headers.get('access-control-allow-origin');

  it('is a user by his token, on all routes of his own things', async () => {
    const ada = await newUser();
    const [id] = await api.add(ada, {});
    const body = { preferences: [{ category: 'news', channel: 'email', choice: 'out' }] };
    const device = { platform: 'android', token: 'a'.repeat(140) };
    for (const [request, options] of [
      ['GET /v1/inbox', {}],
      [`GET /v1/inbox/${id}`, {}],
      ['GET /v1/inbox/counts', {}],
      [`POST /v1/inbox/${id}/seen`, {}],
      ['POST /v1/inbox/bulk', { body: { mark: 'read', ids: [id] } }],
      [`GET /v1/users/${ada.name}/inbox`, {}],
      [`GET /v1/users/${ada.name}/devices`, {}],
      [`POST /v1/users/${ada.name}/devices`, { body: device }],
      [`PATCH /v1/users/${ada.name}/preferences`, { body }],
    ] as const)
      assert.ok((await api.call(ada.token, request, options)).status < 300, request);
    assert.equal((await api.call(ada.token, 'GET /v1/inbox')).body.items[0].id, id);
    const said = await api.call(tenant.key, `GET /v1/users/${ada.name}/preferences`);
    assert.equal(said.body.preferences[0].source, 'app');
  });

  it('is nobody else: not another user, not another tenant, and no other route', async () => {
    const [ada, bob] = [await newUser(), await newUser()];
    const [id] = await api.add(bob, {});
    for (const request of [
      `GET /v1/users/${bob.name}/inbox`,
      `POST /v1/users/${bob.name}/inbox/${id}/read`,
      `GET /v1/users/${bob.name}/devices`,
      `GET /v1/users/${ada.name}`,
      `DELETE /v1/users/${ada.name}`,
      `POST /v1/users/${ada.name}/tokens`,
      'GET /v1/users',
      'GET /v1/browser-origins',
      'POST /v1/user-token-secret/rotate',
    ]) {
      const { status, body } = await api.call(ada.token, request);
      assert.deepEqual([status, body.code], [403, 'auth.forbidden'], request);
    }
    assert.equal((await api.call(ada.token, `POST /v1/inbox/${id}/read`)).body.code, 'inbox.item_not_found');
    assert.equal((await api.call(ada.token, `DELETE /v1/inbox/${id}`)).body.code, 'inbox.item_not_found');
    const bulk = { body: { mark: 'delete', ids: [id] } };
    assert.deepEqual((await api.call(ada.token, 'POST /v1/inbox/bulk', bulk)).body, { changed: 0 });
    const other = await api.newTenant();
    const stranger = await api.newUser(other, bob.name);
    assert.equal((await api.call(stranger.token, `POST /v1/inbox/${id}/read`)).status, 404);
    assert.deepEqual((await api.call(stranger.token, 'GET /v1/inbox')).body.items, []);
    assert.equal((await api.call(bob.token, 'GET /v1/inbox/counts')).body.unread, 1);
  });

  it('has what the token was made for, and the key that made it', async () => {
    const ada = await newUser();
    const make = (key: string, body: object) => api.call(key, `POST /v1/users/${ada.name}/tokens`, { body });
    const devices = (await make(tenant.key, { scopes: ['devices'], ttlSeconds: 60 })).body;
    assert.equal(Date.parse(devices.expiresAt), api.clock.now() + 60_000);
    assert.equal((await api.call(devices.token, `GET /v1/users/${ada.name}/devices`)).status, 200);
    assert.equal((await api.call(devices.token, 'GET /v1/inbox')).status, 403);
    assert.equal((await api.call(devices.token, 'GET /v1/inbox/stream')).status, 403);
    const { tenantId } = tenant;
    const weak = (await makeKey(store(), api.clock, { tenantId, scopes: ['users:write'] })).key.reveal();
    assert.equal((await make(weak, {})).status, 403, 'a key gives no more than it has');
    assert.equal((await make(weak, { scopes: ['devices'] })).status, 201);
    const trial = (await makeKey(store(), api.clock, { tenantId, live: false })).key.reveal();
    const [id] = await api.add(ada, { live: false });
    const { token } = (await make(trial, {})).body;
    assert.deepEqual((await api.call(token, 'GET /v1/inbox')).body.items[0].id, id);
    assert.deepEqual((await api.call(ada.token, 'GET /v1/inbox')).body.items, []);
    for (const wrong of [
      { ttlSeconds: 86_401 },
      { ttlSeconds: 59 },
      { scopes: ['stream'] },
      { scopes: [] },
      { x: 1 },
    ])
      assert.equal((await make(tenant.key, wrong)).status, 400, JSON.stringify(wrong));
    const nobody = await api.call(tenant.key, 'POST /v1/users/nobody/tokens', { body: {} });
    assert.equal(nobody.body.code, 'user.not_found');
    await api.call(tenant.key, `DELETE /v1/users/${ada.name}`);
    assert.equal((await api.call(ada.token, 'GET /v1/inbox')).body.code, 'user.not_found');
  });

  it('may be said by a hash of the server, which nobody else can make', async () => {
    const ada = await newUser();
    const { secret, tenant: id } = (await api.call(tenant.key, 'POST /v1/user-token-secret/rotate')).body;
    const hash = (text: string) => createHmac('sha256', secret).update(text).digest('hex');
    const session = (change: object) =>
      api.call(null, 'POST /v1/inbox/session', {
        body: { tenant: id, userId: ada.name, subscriberHash: hash(ada.name), ...change },
      });
    const { token } = (await session({})).body;
    assert.equal((await api.call(token, 'GET /v1/inbox')).status, 200);
    const other = await api.newTenant();
    for (const wrong of [{ subscriberHash: hash('bob') }, { userId: 'bob' }, { tenant: other.tenantId }])
      assert.equal((await session(wrong)).body.code, 'auth.invalid', JSON.stringify(wrong));
    assert.equal(
      (await session({ userId: 'bob', subscriberHash: hash('bob') })).status,
      429,
      'enough was tried',
    );
    api.clock.advance(1_000);
    const ghost = await session({ userId: 'ghost', subscriberHash: hash('ghost') });
    assert.equal(ghost.body.code, 'user.not_found');
  });

  it('is no page of any origin, unless the tenant says so', async () => {
    const ada = await newUser();
    const before = await api.call(null, 'OPTIONS /v1/inbox', preflight('https://none.example', 'GET'));
    assert.deepEqual([before.status, allowed(before.headers)], [403, null]);
    assert.equal((await allow([PAGE])).status, 200);
    for (const [path, method] of [
      ['/v1/inbox', 'GET'],
      ['/v1/inbox/0198c0de-0000-7000-8000-000000000000/read', 'POST'],
      ['/v1/inbox/stream', 'GET'],
      ['/v1/inbox/session', 'POST'],
      [`/v1/users/${ada.name}/preferences`, 'PATCH'],
    ] as const) {
      const { status, headers } = await api.call(null, `OPTIONS ${path}`, preflight(PAGE, method));
      assert.deepEqual([status, allowed(headers), headers.get('vary')], [204, PAGE, 'origin'], path);
      assert.ok(headers.get('access-control-allow-methods')!.includes(method));
      for (const name of ['authorization', 'content-type', 'last-event-id'])
        assert.ok(headers.get('access-control-allow-headers')!.includes(name));
      assert.equal(headers.get('access-control-allow-credentials'), null);
    }
    const answer = await api.call(ada.token, 'GET /v1/inbox', { headers: { origin: PAGE } });
    assert.deepEqual([answer.status, allowed(answer.headers)], [200, PAGE]);
    const refused = await api.call('eyJ', 'GET /v1/inbox', { headers: { origin: PAGE } });
    assert.deepEqual(
      [refused.status, allowed(refused.headers)],
      [401, PAGE],
      'pages see that a token is old',
    );
    const users = await api.call(tenant.key, 'GET /v1/users', { headers: { origin: PAGE } });
    assert.equal(allowed(users.headers), null, 'what keys are for is not for pages');
    for (const origin of ['https://evil.example', 'null', 'http://app.example', `${PAGE}:444`]) {
      const plain = await api.call(ada.token, 'GET /v1/inbox', { headers: { origin } });
      const asked = await api.call(null, 'OPTIONS /v1/inbox', preflight(origin, 'GET'));
      assert.deepEqual(
        [allowed(plain.headers), asked.status, allowed(asked.headers)],
        [null, 403, null],
        origin,
      );
    }
  });

  it('is a page that his own tenant allows, not another one', async () => {
    const ada = await newUser();
    const other = await api.newTenant();
    const origin = 'https://other.example';
    await allow([origin], other.key);
    const answer = await api.call(ada.token, 'GET /v1/inbox', { headers: { origin } });
    assert.deepEqual([answer.status, allowed(answer.headers)], [200, null]);
    const wrong = await api.call(ada.token, 'GET /v1/inbox?x=1', { headers: { origin } });
    assert.deepEqual([wrong.status, allowed(wrong.headers)], [400, null]);
    const session = { tenant: tenant.tenantId, userId: ada.name, subscriberHash: '0'.repeat(64) };
    const asked = await api.call(null, 'POST /v1/inbox/session', { body: session, headers: { origin } });
    assert.deepEqual([asked.status, allowed(asked.headers)], [401, null]);
    await allow([], other.key);
    api.clock.advance(2_000);
    const gone = await api.call(null, 'OPTIONS /v1/inbox', preflight(origin, 'GET'));
    assert.equal(gone.status, 403, 'what is taken back is over within two seconds');
  });

  it('may be said of safe origins only', async () => {
    for (const origin of [
      'https://app.example/',
      'https://app.example/path',
      'http://app.example',
      'https://*.example',
      'https://u:p@app.example',
      'https://APP.example',
      'null',
      '*',
    ])
      assert.equal((await allow([origin])).status, 400, origin);
    const local = ['http://127.0.0.1:5173', 'http://localhost:3000', PAGE];
    assert.deepEqual((await allow(local)).body.origins.length, 3);
    assert.deepEqual((await api.call(tenant.key, 'GET /v1/browser-origins')).body.origins, [...local].sort());
  });
});
