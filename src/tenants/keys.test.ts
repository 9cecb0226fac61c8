import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { registerKeyRoutes } from './key-routes.ts';
import { dumpTables, makeKey, makeTenant, startTestApi, type TestApi } from './testing.ts';

describeStores('API keys', (store) => {
  const clock = new FakeClock();
  let api: TestApi;

  before(async () => {
    api = await startTestApi(store(), clock, (app, authenticator) =>
      registerKeyRoutes(app, { store: store(), clock, authenticator }),
    );
  });
  after(() => api.close());

  async function owner() {
    const tenantId = await makeTenant(store(), clock.now());
    return { tenantId, key: (await makeKey(store(), clock, { tenantId })).key };
  }

  const request = { name: 'Shop', live: true, scopes: ['notifications:write'] };

  it('are shown once, at their birth, and work at once', async () => {
    const { key } = await owner();
    const made = await api.call(key, 'POST /v1/keys', { ...request, scopes: ['keys:write'] });
    assert.equal(made.status, 201);
    assert.match(made.body.key, /^bh_live_[0-9A-Za-z]{38}$/);
    assert.equal(made.body.hint, `bh_live_…${made.body.key.slice(-4)}`);
    const listed = await api.call(made.body.key, 'GET /v1/keys');
    assert.equal(listed.status, 200);
    const { key: _, ...shown } = made.body;
    assert.deepEqual(listed.body.items[0], shown);
    assert.ok(!JSON.stringify(listed.body).includes(made.body.key));
  });

  it('are listed newest first in pages', async () => {
    const { key } = await owner();
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await api.call(key, 'POST /v1/keys', { ...request, name });
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await api.call(key, `GET /v1/keys?limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.body.items.map((item: { name: string }) => item.name));
      cursor = page.body.nextCursor;
    } while (cursor);
    assert.deepEqual(seen, ['d', 'c', 'b', 'a', 'k']);
    assert.equal((await api.call(key, 'GET /v1/keys?cursor=x')).status, 400);
  });

  it('refuse bodies with unknown fields, wrong scopes, dates gone by and text that cannot be stored', async () => {
    const { key } = await owner();
    for (const [change, field] of [
      [{ tenantId: 'x' }, '/tenantId'],
      [{ scopes: ['everything'] }, '/scopes/0'],
      [{ scopes: [] }, '/scopes'],
      [{ live: 'true' }, '/live'],
      [{ expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
      [{ expiresAt: 'tomorrow' }, '/expiresAt'],
      [{ name: 'a\u0000' }, '/name'],
    ] as const) {
      const answer = await api.call(key, 'POST /v1/keys', { ...request, ...change });
      assert.equal(answer.status, 400, field);
      assert.equal(answer.body.errors[0].field, field);
    }
  });

  it('hand out only scopes that they have, and only their own mode unless they are the owner', async () => {
    const { tenantId, key } = await owner();
    const limited = (await makeKey(store(), clock, { tenantId, scopes: ['keys:write', 'users:read'] })).key;
    const refused = async (change: object) => {
      const { status, body } = await api.call(limited, 'POST /v1/keys', { ...request, ...change });
      return `${status} ${body.code}`;
    };
    assert.equal(await refused({ scopes: ['owner'] }), '403 auth.forbidden');
    assert.equal(await refused({ scopes: ['users:read', 'users:write'] }), '403 auth.forbidden');
    assert.equal(await refused({ scopes: ['users:read'], live: false }), '403 auth.forbidden');
    const allowed = await api.call(limited, 'POST /v1/keys', { ...request, scopes: ['users:read'] });
    assert.equal(allowed.status, 201);
    assert.equal((await api.call(key, 'POST /v1/keys', { ...request, live: false })).status, 201);
  });

  it('do not get the rights of a stronger key by rotating it, nor end it', async () => {
    const { tenantId } = await owner();
    const strong = await makeKey(store(), clock, { tenantId });
    const test = await makeKey(store(), clock, { tenantId, live: false, scopes: ['keys:write'] });
    const weak = (await makeKey(store(), clock, { tenantId, scopes: ['keys:write'] })).key;
    for (const { id } of [strong, test]) {
      assert.equal((await api.call(weak, `POST /v1/keys/${id}/rotate`)).status, 403);
      assert.equal((await api.call(weak, `DELETE /v1/keys/${id}`)).status, 403);
    }
    assert.equal((await api.call(strong.key, 'GET /v1/keys')).status, 200);
  });

  it('need the scope keys:write to be managed', async () => {
    const { tenantId } = await owner();
    const { key } = await makeKey(store(), clock, { tenantId, scopes: ['users:write'] });
    for (const call of ['POST /v1/keys', 'GET /v1/keys']) {
      assert.equal((await api.call(key, call, undefined)).status, 403, call);
    }
  });

  it('are replaced with an overlap, in which both work', async () => {
    const { key } = await owner();
    const old = (await api.call(key, 'POST /v1/keys', { ...request, scopes: ['keys:write'] })).body;
    const rotated = await api.call(key, `POST /v1/keys/${old.id}/rotate`, { overlapSeconds: 60 });
    assert.equal(rotated.status, 201);
    assert.deepEqual(
      [rotated.body.name, rotated.body.scopes, rotated.body.expiresAt],
      ['Shop', ['keys:write'], null],
    );
    assert.equal((await api.call(old.key, 'GET /v1/keys')).status, 200);
    assert.equal((await api.call(rotated.body.key, 'GET /v1/keys')).status, 200);
    clock.advance(60_000);
    assert.equal((await api.call(old.key, 'GET /v1/keys')).status, 401);
    assert.equal((await api.call(rotated.body.key, 'GET /v1/keys')).status, 200);
    const again = await api.call(key, `POST /v1/keys/${old.id}/rotate`);
    assert.equal(`${again.status} ${again.body.code}`, '404 key.not_found');
  });

  it('are replaced by keys of the same lifetime, and a rotation never makes the old one last longer', async () => {
    const { tenantId, key } = await owner();
    const now = clock.now();
    const old = await makeKey(store(), clock, { tenantId, expiresAt: now + 1_000 });
    clock.advance(500);
    const { body } = await api.call(key, `POST /v1/keys/${old.id}/rotate`, { overlapSeconds: 86_400 });
    assert.equal(body.expiresAt, new Date(now + 1_500).toISOString());
    const { items } = (await api.call(key, 'GET /v1/keys')).body;
    const oldNow = items.find((item: { id: string }) => item.id === old.id);
    assert.equal(oldNow.expiresAt, new Date(now + 1_000).toISOString());
  });

  it('are refused from the moment they are revoked', async () => {
    const { tenantId, key } = await owner();
    const victim = await makeKey(store(), clock, { tenantId });
    assert.equal((await api.call(victim.key, 'GET /v1/keys')).status, 200);
    assert.equal((await api.call(key, `DELETE /v1/keys/${victim.id}`)).status, 204);
    const refused = await api.call(victim.key, 'GET /v1/keys');
    assert.equal(`${refused.status} ${refused.body.code}`, '401 auth.invalid');
    assert.equal((await api.call(key, `DELETE /v1/keys/${victim.id}`)).status, 204);
  });

  it('of another tenant do not exist', async () => {
    const [mine, theirs] = [await owner(), await owner()];
    const { items } = (await api.call(theirs.key, 'GET /v1/keys')).body;
    const [{ id }] = items;
    for (const call of [`POST /v1/keys/${id}/rotate`, `DELETE /v1/keys/${id}`]) {
      const { status, body } = await api.call(mine.key, call);
      assert.equal(`${status} ${body.code}`, '404 key.not_found');
    }
    const { body } = await api.call(mine.key, 'GET /v1/keys');
    assert.ok(!body.items.some((item: { id: string }) => item.id === id));
    assert.equal((await api.call(theirs.key, 'GET /v1/keys')).status, 200);
  });

  it('leave nothing in the tables and in the logs that could be used (S7)', async () => {
    const { tenantId, key } = await owner();
    const made = (await api.call(key, 'POST /v1/keys', request)).body;
    const rotated = (await api.call(key, `POST /v1/keys/${made.id}/rotate`)).body;
    await api.call(key, 'POST /v1/keys', { name: made.key, live: 1 });
    await api.call(made.key.slice(0, -1), 'GET /v1/keys');
    await api.call(made.key, 'GET /v1/keys');
    await api.authenticator.saveUsage();
    const written = (await dumpTables(store())) + api.logs.join('\n');
    assert.ok(written.includes(tenantId));
    for (const token of [key.reveal(), made.key, rotated.key]) {
      const secretPart = token.slice('bh_live_'.length, -4);
      assert.ok(!written.includes(secretPart.slice(0, 12)));
      assert.ok(!written.includes(secretPart.slice(-12)));
      assert.ok(!written.includes(Buffer.from(token).toString('base64').slice(16, 32)));
    }
  });
});
