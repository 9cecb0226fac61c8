import assert from 'node:assert/strict';
import { createECDH } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { describeStores, openPostgresTestStore, stopOwnCluster } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import type { Store } from '../store/index.ts';
import { pruneDevices, registerUserRoutes } from './index.ts';

const ANDROID = { platform: 'android', token: 'token-1' };

describeStores('devices', (store) => {
  let api: TwoTenants;
  before(async () => {
    api = await serveTwoTenants(store(), registerUserRoutes);
    for (const user of ['ada', 'bob']) await api.call('PUT', `/v1/users/${user}`, {});
  });
  after(() => api.close());

  const register = (body: object, user = 'ada') => api.call('POST', `/v1/users/${user}/devices`, body);
  const idsOf = async (user: string) =>
    (await api.call('GET', `/v1/users/${user}/devices`)).body.items.map(
      (device: { id: string }) => device.id,
    );

  it('are new with 201 and refreshed with 200', async () => {
    const first = await register({ ...ANDROID, appVersion: '1.0' });
    const { id, registeredAt, lastActiveAt, ...rest } = first.body;
    assert.equal(first.status, 201);
    assert.deepEqual(rest, {
      app: 'default',
      platform: 'android',
      tokenHint: 'oken-1',
      appVersion: '1.0',
      state: 'active',
      reason: null,
    });
    assert.equal(lastActiveAt, registeredAt);
    api.clock.advance(1_000);
    const again = await register(ANDROID);
    assert.deepEqual([again.status, again.body.id, again.body.appVersion], [200, id, '1.0']);
    assert.equal(Date.parse(again.body.registeredAt), Date.parse(registeredAt) + 1_000);
  });

  it('are told apart by app, and APNs tokens whatever their case', async () => {
    const upper = await register({ platform: 'ios', token: 'AB'.repeat(32) });
    const lower = await register({ platform: 'ios', token: 'ab'.repeat(32) });
    const other = await register({ platform: 'ios', token: 'ab'.repeat(32), app: 'second' });
    assert.deepEqual([upper.status, lower.status, other.status], [201, 200, 201]);
    assert.equal(upper.body.id, lower.body.id);
  });

  it('keep the newest keys of a web subscription', async () => {
    const subscriptionWith = (auth: string) => {
      const ecdh = createECDH('prime256v1');
      return {
        endpoint: 'https://push.example.com/1',
        expirationTime: null,
        keys: { p256dh: ecdh.generateKeys('base64url'), auth: Buffer.from(auth).toString('base64url') },
      };
    };
    const first = await register({ platform: 'web', subscription: subscriptionWith('first auth 16 b.') });
    const last = subscriptionWith('other auth 16 b.');
    await register({ platform: 'web', subscription: last });
    const { rows } = await store().engine.query('select keys, token from devices where id = $1', [
      first.body.id,
    ]);
    assert.deepEqual(rows, [{ keys: last.keys, token: last.endpoint }]);
  });

  it('move to the user who registers their token last', async () => {
    const { body } = await register({ ...ANDROID, token: 'moves' }, 'ada');
    const moved = await register({ ...ANDROID, token: 'moves' }, 'bob');
    assert.deepEqual([moved.status, moved.body.id], [200, body.id]);
    assert.ok(!(await idsOf('ada')).includes(body.id));
    assert.ok((await idsOf('bob')).includes(body.id));
    assert.equal((await api.call('GET', `/v1/users/ada/devices/${body.id}`)).status, 404);
  });

  it('never move to another tenant', async () => {
    await api.callAsOther('PUT', '/v1/users/ada', {});
    const { body } = await register({ ...ANDROID, token: 'shared' });
    const theirs = await api.callAsOther('POST', '/v1/users/ada/devices', { ...ANDROID, token: 'shared' });
    assert.equal(theirs.status, 201);
    assert.ok((await idsOf('ada')).includes(body.id));
  });

  it('are unregistered without losing their row, and become active when registered again', async () => {
    const { body } = await register({ ...ANDROID, token: 'returns' });
    const url = `/v1/users/ada/devices/${body.id}`;
    assert.equal((await api.call('DELETE', url)).status, 204);
    assert.equal((await api.call('DELETE', url)).status, 204);
    const gone = (await api.call('GET', url)).body;
    assert.deepEqual([gone.state, gone.reason], ['inactive', 'unregistered']);
    const again = await register({ ...ANDROID, token: 'returns' });
    assert.deepEqual([again.status, again.body.id, again.body.state], [200, body.id, 'active']);
  });

  it('are touched by PATCH, which may change the version of the app', async () => {
    const { body } = await register({ ...ANDROID, token: 'touched', appVersion: '1.0' });
    api.clock.advance(5_000);
    const url = `/v1/users/ada/devices/${body.id}`;
    const touched = await api.call('PATCH', url);
    assert.equal(Date.parse(touched.body.lastActiveAt), Date.parse(body.lastActiveAt) + 5_000);
    assert.deepEqual([touched.body.appVersion, touched.body.registeredAt], ['1.0', body.registeredAt]);
    assert.equal((await api.call('PATCH', url, { appVersion: '2.0' })).body.appVersion, '2.0');
    assert.equal((await api.call('PATCH', url, { appVersion: null })).body.appVersion, null);
  });

  it('are listed in pages, newest first, and shown with their user', async () => {
    await api.call('PUT', '/v1/users/pages', {});
    const ids: string[] = [];
    for (const token of ['p1', 'p2', 'p3']) {
      ids.unshift((await register({ ...ANDROID, token }, 'pages')).body.id);
    }
    const first = await api.call('GET', '/v1/users/pages/devices?limit=2');
    const second = await api.call('GET', `/v1/users/pages/devices?limit=2&cursor=${first.body.nextCursor}`);
    const listed = [...first.body.items, ...second.body.items].map((device) => device.id);
    assert.deepEqual([listed, second.body.nextCursor], [ids, null]);
    const { body } = await api.call('GET', '/v1/users/pages');
    assert.deepEqual(
      body.devices.map((device: { id: string }) => device.id),
      ids,
    );
  });

  it('of an unknown user are refused with a word on what to do', async () => {
    const { status, body } = await register(ANDROID, 'nobody');
    assert.deepEqual([status, body.code], [404, 'user.not_found']);
    assert.match(body.detail, /PUT \/v1\/users\/nobody/);
  });

  it('of another tenant do not exist on any route', async () => {
    const { body } = await register({ ...ANDROID, token: 'private' });
    await api.callAsOther('PUT', '/v1/users/theirs', {});
    for (const user of ['bob', 'theirs']) {
      const url = `/v1/users/${user}/devices/${body.id}`;
      for (const answer of [
        await api.callAsOther('GET', url),
        await api.callAsOther('PATCH', url, {}),
        await api.callAsOther('DELETE', url),
      ]) {
        assert.equal(answer.status, 404);
      }
    }
    assert.equal((await api.callAsOther('GET', '/v1/users/bob/devices')).status, 404);
    assert.equal((await api.callAsOther('POST', '/v1/users/bob/devices', ANDROID)).status, 404);
    assert.equal((await api.call('GET', `/v1/users/ada/devices/${body.id}`)).body.state, 'active');
    assert.equal((await api.call('GET', '/v1/users/ada/devices/no-uuid')).body.code, 'device.not_found');
  });

  it('name the field and the rule when they are refused', async () => {
    const cases: [object, string][] = [
      [{ platform: 'ios', token: 'xyz' }, '/token'],
      [{ platform: 'web', token: 'xyz' }, '/token'],
      [
        { platform: 'web', subscription: { endpoint: 'x', keys: { p256dh: 'a', auth: 'b' } } },
        '/subscription/endpoint',
      ],
      [{ platform: 'toaster', token: 'xyz' }, '/platform'],
      [{ ...ANDROID, userId: 'bob' }, '/userId'],
      [{ ...ANDROID, app: 'My App' }, '/app'],
      [{ ...ANDROID, appVersion: '1\u0000' }, '/appVersion'],
    ];
    for (const [body, field] of cases) {
      const answer = await register(body);
      assert.deepEqual([answer.status, answer.body.errors?.[0].field], [400, field]);
    }
  });

  it('are pruned once, and only if they were registered before the token died', async () => {
    const { body } = await register({ ...ANDROID, token: 'dying' });
    const registeredAt = Date.parse(body.registeredAt);
    const prune = (tenantId: string, invalidSince: number | null) =>
      pruneDevices(store().engine, api.clock.now(), [
        { tenantId, deviceId: body.id, invalidSince, reason: 'device_unregistered' },
      ]);
    assert.deepEqual(await prune(api.tenantId, registeredAt), []);
    assert.deepEqual(await prune(api.otherTenantId, null), []);
    assert.deepEqual(await prune(api.tenantId, registeredAt + 1), [body.id]);
    assert.deepEqual(await prune(api.tenantId, null), []);
    const pruned = (await api.call('GET', `/v1/users/ada/devices/${body.id}`)).body;
    assert.deepEqual([pruned.state, pruned.reason], ['inactive', 'device_unregistered']);
  });
});

describe('registrations at the same moment', () => {
  let store: Store;
  let api: TwoTenants;
  before(async () => {
    store = await openPostgresTestStore(8);
    api = await serveTwoTenants(store, registerUserRoutes);
  });
  after(async () => {
    await api.close();
    await store.close();
    await stopOwnCluster();
  });

  it('of one token make one device, which belongs to one of the users', async () => {
    const users = Array.from({ length: 8 }, (_, n) => `user-${n}`);
    await Promise.all(users.map((user) => api.call('PUT', `/v1/users/${user}`, {})));
    for (let round = 0; round < 10; round++) {
      const token = `contended-${round}`;
      const answers = await Promise.all(
        users.map((user) => api.call('POST', `/v1/users/${user}/devices`, { platform: 'android', token })),
      );
      assert.equal(answers.filter(({ status }) => status === 201).length, 1);
      assert.equal(answers.filter(({ status }) => status === 200).length, 7);
      const { rows } = await store.engine.query('select count(*) from devices where token = $1', [token]);
      assert.equal(rows[0].count, 1);
    }
  });

  it('of one new user make one user', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => api.call('PUT', '/v1/users/twin', { contacts: { slack: 'U1' } })),
    );
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
    assert.equal(answers.filter(({ status }) => status === 201).length, 1);
  });

  it('and of a deletion answer 201, 200 or 404, never an error', async () => {
    for (let round = 0; round < 10; round++) {
      await api.call('PUT', '/v1/users/fleeting', {});
      const answers = await Promise.all([
        ...['a', 'b', 'c'].map((token) =>
          api.call('POST', '/v1/users/fleeting/devices', { platform: 'android', token }),
        ),
        api.call('DELETE', '/v1/users/fleeting'),
      ]);
      assert.equal(answers.pop()?.status, 204);
      for (const { status } of answers) assert.ok([200, 201, 404].includes(status), String(status));
    }
  });
});
