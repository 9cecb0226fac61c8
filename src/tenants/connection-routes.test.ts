import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import type { Scope } from '../http/index.ts';
import { FakeClock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import { registerConnectionRoutes } from './connection-routes.ts';
import { type Connections, createConnections } from './connections.ts';
import { dumpTables, makeKey, makeMasterKeys, makeTenant, startTestApi, type TestApi } from './testing.ts';

describeStores('the routes of connections', (store) => {
  const clock = new FakeClock();
  const masterKeys = makeMasterKeys();
  let api: TestApi;
  let connections: Connections;

  before(async () => {
    connections = createConnections({ store: store(), clock, masterKeys });
    api = await startTestApi(store(), clock, (app) => {
      registerConnectionRoutes(app, { store: store(), clock, masterKeys, connections });
    });
  });
  after(() => api.close());

  async function tenant(scopes: Scope[] = ['owner']) {
    const tenantId = await makeTenant(store(), clock.now());
    return { tenantId, key: (await makeKey(store(), clock, { tenantId, scopes })).key };
  }

  const config = { host: 'smtp.example.com', from: 'a@example.com', username: 'me', password: 'pass-one' };
  const put = (key: Secret, change: object = {}, id = 'mail') =>
    api.call(key, `PUT /v1/connections/${id}`, { provider: 'smtp', config, ...change });
  const password = async (tenantId: string, id = 'mail') => {
    const secret = (await connections.get(tenantId, id))?.config.password as Secret | undefined;
    return secret?.reveal();
  };

  it('create and replace, and show of secrets only that they are set', async () => {
    const { tenantId, key } = await tenant();
    const made = await put(key);
    assert.equal(made.status, 201);
    const time = new Date(clock.now()).toISOString();
    assert.deepEqual(made.body, {
      id: 'mail',
      provider: 'smtp',
      channel: 'email',
      name: 'SMTP',
      enabled: true,
      priority: 100,
      weight: 100,
      app: null,
      countries: null,
      limits: {},
      config: { ...config, password: '[set]' },
      version: 1,
      createdAt: time,
      updatedAt: time,
      receiptsPath: `/v1/receipts/${tenantId}/mail`,
    });
    assert.deepEqual((await api.call(key, 'GET /v1/connections/mail')).body, made.body);
    clock.advance(1_000);
    const replaced = await put(key, {
      name: 'Mail',
      priority: 3,
      config: { ...config, password: 'pass-two' },
    });
    assert.equal(replaced.status, 200);
    assert.deepEqual(
      [replaced.body.name, replaced.body.priority, replaced.body.version, replaced.body.createdAt],
      ['Mail', 3, 2, time],
    );
    assert.equal(await password(tenantId), 'pass-two');
  });

  it('take the countries that a connection for SMS serves, and name what is wrong with them', async () => {
    const { key } = await tenant();
    const account = { accountSid: `AC${'0'.repeat(32)}`, authToken: 'token', from: '+15005550006' };
    const text = (countries: object | null) =>
      put(key, { provider: 'twilio', config: account, countries }, 'text');
    const made = await text({ allow: ['NG', 'KE'] });
    assert.deepEqual([made.status, made.body.countries], [201, { allow: ['NG', 'KE'] }]);
    assert.equal((await text(null)).body.countries, null);
    const fieldOf = async (countries: object) => (await text(countries)).body.errors?.[0].field;
    assert.equal(await fieldOf({ deny: ['DE', 'XX'] }), '/countries/deny/1');
    assert.equal(await fieldOf({ deny: ['DE'], allow: ['NG'] }), '/countries');
    const mail = await put(key, { countries: { allow: ['NG'] } });
    assert.deepEqual([mail.status, mail.body.errors?.[0].field], [422, '/countries']);
  });

  it('tell where the vendor may post what it reports, if it does', async () => {
    const { tenantId, key } = await tenant();
    const config = { accountSid: `AC${'0'.repeat(32)}`, authToken: 'token', from: '+15005550006' };
    const texts = await put(key, { provider: 'twilio', config }, 'texts');
    assert.equal(texts.body.receiptsPath, `/v1/receipts/${tenantId}/texts`);
    const hook = { url: 'https://hook.example.com', secret: `whsec_${'a'.repeat(32)}` };
    const hooked = await put(key, { provider: 'webhook', config: hook }, 'hook');
    assert.deepEqual([hooked.status, hooked.body.receiptsPath], [201, undefined]);
  });

  it('keep a secret that is left out or sent back as it was shown, and remove it when it is emptied', async () => {
    const { tenantId, key } = await tenant();
    const { password: _, ...plain } = config;
    await put(key);
    for (const kept of [plain, { ...plain, password: '[set]' }]) {
      const { status, body } = await put(key, { config: kept });
      assert.deepEqual([status, body.config.password], [200, '[set]']);
      assert.equal(await password(tenantId), 'pass-one');
    }
    for (const empty of [null, '']) {
      const removed = await put(key, { config: { ...plain, password: empty } });
      assert.equal(removed.body.config.password, undefined);
      assert.equal(await password(tenantId), undefined);
      await put(key);
    }
  });

  it('do not keep a secret when it would go to another server', async () => {
    const { tenantId, key } = await tenant();
    const { password: _, ...plain } = config;
    await put(key);
    const moved = await put(key, { config: { ...plain, host: 'evil.example.com' } });
    assert.equal(`${moved.status} ${moved.body.code}`, '422 connection.invalid');
    const rule = 'must be sent again, since "host" changes where it goes';
    assert.deepEqual(moved.body.errors, [{ field: '/config/password', rule }]);
    const account = { accountSid: `AC${'0'.repeat(32)}`, from: '+15005550006' };
    const text = (config: object) => put(key, { provider: 'twilio', config }, 'text');
    assert.equal((await text({ ...account, authToken: 'token' })).status, 201);
    const rerouted = await text({ ...account, baseUrl: 'https://evil.example.com' });
    assert.equal(`${rerouted.status} ${rerouted.body.errors[0].field}`, '422 /config/authToken');
    assert.equal(await password(tenantId), 'pass-one');
    assert.equal((await put(key, { config: { ...config, host: 'new.example.com' } })).status, 200);
  });

  it('do not hand a secret over to another provider', async () => {
    const { key } = await tenant();
    await put(key);
    const config = { url: 'https://example.com/hook' };
    const { status, body } = await put(key, { provider: 'webhook', config });
    assert.equal(`${status} ${body.errors[0].field}`, '422 /config/secret');
  });

  it('name the field and the rule that a configuration breaks', async () => {
    const { key } = await tenant();
    for (const [change, field] of [
      [{ provider: 'nobody' }, '/provider'],
      [{ config: { from: 'a@example.com' } }, '/config/host'],
      [{ config: { ...config, colour: 'red' } }, '/config/colour'],
    ] as const) {
      const { status, body } = await put(key, change);
      assert.equal(`${status} ${body.code} ${body.errors[0].field}`, `422 connection.invalid ${field}`);
    }
    assert.equal((await api.call(key, 'GET /v1/connections/mail')).status, 404);
  });

  it('refuse unknown fields, wrong types and ids, text that cannot be stored, and __proto__', async () => {
    const { key } = await tenant();
    for (const [change, field] of [
      [{ tenantId: 'x' }, '/tenantId'],
      [{ priority: '1' }, '/priority'],
      [{ name: '' }, '/name'],
      [{ limits: { ratePerSecond: 0 } }, '/limits/ratePerSecond'],
      [{ limits: { maxInFlight: 10_001 } }, '/limits/maxInFlight'],
      [{ limits: { burst: 5 } }, '/limits/burst'],
      [{ config: 'x' }, '/config'],
      [{ config: { ...config, username: 'a\u0000' } }, '/config/username'],
    ] as const) {
      const { status, body } = await put(key, change);
      assert.equal(`${status} ${body.errors?.[0].field}`, `400 ${field}`);
    }
    assert.equal((await put(key, {}, 'Mail')).status, 400);
    const raw = await api.app.inject({
      method: 'PUT',
      url: '/v1/connections/mail',
      headers: { authorization: `Bearer ${key.reveal()}`, 'content-type': 'application/json' },
      payload: '{"provider":"smtp","config":{"__proto__":{"host":"x"}}}',
    });
    assert.equal(raw.statusCode, 400);
  });

  it('set limits in place of those that the provider declares, until they are put without', async () => {
    const { tenantId, key } = await tenant();
    const limits = { ratePerSecond: 0.5, maxInFlight: 7 };
    assert.deepEqual((await put(key, { limits })).body.limits, limits);
    assert.deepEqual((await connections.get(tenantId, 'mail'))!.limits, limits);
    assert.deepEqual((await put(key)).body.limits, {});
  });

  it('list by id in pages', async () => {
    const { key } = await tenant();
    for (const id of ['c', 'a', 'b']) await put(key, {}, id);
    const first = (await api.call(key, 'GET /v1/connections?limit=2')).body;
    const second = (await api.call(key, `GET /v1/connections?limit=2&cursor=${first.nextCursor}`)).body;
    const ids = [...first.items, ...second.items].map(({ id }: { id: string }) => id);
    assert.deepEqual([ids, second.nextCursor], [['a', 'b', 'c'], null]);
  });

  it('take a change into use at once, without a restart', async () => {
    const { tenantId, key } = await tenant();
    const enabled = async () =>
      (await connections.forTenants(store().engine, [tenantId])).get(tenantId)!.length;
    await put(key);
    assert.equal(await enabled(), 1);
    await put(key, { enabled: false });
    assert.equal(await enabled(), 0);
    await put(key, { enabled: true });
    assert.equal(await enabled(), 1);
    assert.equal((await api.call(key, 'DELETE /v1/connections/mail')).status, 204);
    assert.equal(await enabled(), 0);
    const again = await api.call(key, 'DELETE /v1/connections/mail');
    assert.equal(`${again.status} ${again.body.code}`, '404 connection.not_found');
  });

  it('show why a connection can not be used, and mend it when all is sent again', async () => {
    const { tenantId, key } = await tenant();
    await put(key);
    await store().engine.query('update connections set version = 5 where tenant_id = $1', [tenantId]);
    const broken = (await api.call(key, 'GET /v1/connections/mail')).body;
    assert.match(broken.problem, /can not be decrypted/);
    assert.equal((await api.call(key, 'GET /v1/connections')).body.items[0].problem, broken.problem);
    const { password: _, ...plain } = config;
    const refused = await put(key, { config: plain });
    assert.match(refused.body.errors[0].rule, /can not be decrypted/);
    const mended = await put(key);
    assert.deepEqual([mended.status, mended.body.problem], [200, undefined]);
  });

  it('know nothing of another tenant', async () => {
    const [mine, theirs] = [await tenant(), await tenant()];
    await put(theirs.key);
    for (const method of ['GET', 'DELETE']) {
      const { status, body } = await api.call(mine.key, `${method} /v1/connections/mail`);
      assert.equal(`${status} ${body.code}`, '404 connection.not_found');
    }
    assert.deepEqual((await api.call(mine.key, 'GET /v1/connections')).body.items, []);
    const { password: _, ...plain } = config;
    assert.equal((await put(mine.key, { config: plain })).status, 201);
    assert.equal(await password(mine.tenantId), undefined);
    assert.equal(await password(theirs.tenantId), 'pass-one');
  });

  it('need their scopes', async () => {
    const reader = await tenant(['connections:read']);
    const writer = await tenant(['connections:write']);
    assert.equal((await put(reader.key)).status, 403);
    assert.equal((await api.call(reader.key, 'DELETE /v1/connections/mail')).status, 403);
    assert.equal((await put(writer.key)).status, 201);
    for (const path of ['/v1/connections', '/v1/connections/mail', '/v1/providers']) {
      assert.equal((await api.call(writer.key, `GET ${path}`)).status, 403, path);
    }
    assert.equal((await api.call(reader.key, 'GET /v1/providers')).status, 200);
  });

  it('leave no secret in the tables, in the logs or in an answer (S11, S12)', async () => {
    const { key } = await tenant();
    const secrets = ['s3cret-of-the-mail-server', 's3cret-that-is-not-valid'];
    const answers = [
      await put(key, { config: { ...config, password: secrets[0] } }),
      await put(key, { config: { ...config, password: secrets[1], colour: 'red' } }),
      await put(key, { config: { from: 'a@example.com', password: secrets[1] } }),
      await api.call(key, 'GET /v1/connections'),
    ];
    const written = (await dumpTables(store())) + api.logs.join('\n') + JSON.stringify(answers);
    assert.ok(written.includes('smtp.example.com'));
    for (const secret of secrets) {
      assert.ok(!written.includes(secret));
      assert.ok(!written.includes(Buffer.from(secret).toString('base64').slice(0, -4)));
    }
  });

  it('describe every provider with the fields of its form', async () => {
    const { key } = await tenant();
    const { items } = (await api.call(key, 'GET /v1/providers')).body;
    const smtp = items.find(({ id }: { id: string }) => id === 'smtp');
    assert.equal(smtp.channel, 'email');
    assert.ok(smtp.docs && smtp.limits.deadlineMs > 0 && smtp.supports.dedupeKey === false);
    const field = (name: string) => smtp.fields.find((one: { name: string }) => one.name === name);
    assert.deepEqual(field('host'), { name: 'host', label: 'Host', type: 'text', required: true });
    assert.equal(field('password').type, 'secret');
    assert.deepEqual([field('port').type, field('port').default], ['number', 587]);
    assert.ok(field('security').pattern.hint && field('security').help);
  });
});
