import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { createHttpTransport } from '../delivery/transport/index.ts';
import { FakeClock } from '../lib/clock.ts';
import { createEgressGuard } from '../lib/egress.ts';
import {
  dumpTables,
  makeKey,
  makeMasterKeys,
  makeTenant,
  startTestApi,
  type TestApi,
} from '../tenants/testing.ts';
import { registerHookRoutes } from './routes.ts';
import { type HookPeer, say, sayNothing, startHookPeer, verifiedBy } from './testing.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describeStores('the routes of hooks', (store) => {
  const clock = new FakeClock();
  const guard = createEgressGuard({ allow: ['127.0.0.1/32'] });
  const transport = createHttpTransport({ guard });
  const forgotten: string[] = [];
  let api: TestApi;
  let peer: HookPeer;
  let tenantId: string;
  let owner: string;
  before(async () => {
    peer = await startHookPeer();
    const masterKeys = makeMasterKeys();
    const hooks = { forget: (id: string) => forgotten.push(id) };
    api = await startTestApi(store(), clock, (app) =>
      registerHookRoutes(app, { store: store(), clock, masterKeys, guard, transport, hooks }),
    );
  });
  beforeEach(async () => {
    tenantId = await makeTenant(store(), clock.now());
    owner = (await makeKey(store(), clock, { tenantId })).key.reveal();
    peer.calls.length = 0;
    peer.answer = say({ verdict: 'send' });
  });
  after(async () => {
    await api.close();
    await transport.close();
    await peer.close();
  });

  const hook = (rest: object = {}) => ({ moment: 'pre-send', url: peer.url, onFailure: 'open', ...rest });
  const call = (request: string, body?: unknown) => api.call(owner, request, body);

  it('show a secret that was made once, and never again', async () => {
    const created = await call('PUT /v1/hooks/audit', hook());
    assert.equal(created.status, 201, JSON.stringify(created.body));
    assert.match(created.body.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    assert.equal(created.body.timeoutMs, 300);
    for (const request of ['GET /v1/hooks/audit', 'GET /v1/hooks']) {
      const { body } = await call(request);
      assert.ok(!JSON.stringify(body).includes(created.body.secret));
    }
    const changed = await call('PUT /v1/hooks/audit', hook({ timeoutMs: 500 }));
    assert.deepEqual(
      [changed.status, changed.body.secret, changed.body.timeoutMs, changed.body.version],
      [200, '[set]', 500, 2],
    );
    assert.deepEqual(forgotten.slice(-2), [tenantId, tenantId]);
    const given = await call('PUT /v1/hooks/own', hook({ secret: SECRET }));
    assert.deepEqual([given.status, given.body.secret], [201, '[set]']);
    const stored = await dumpTables(store());
    for (const secret of [created.body.secret, SECRET]) {
      assert.ok(!stored.includes(secret) && !stored.includes(secret.slice(6)));
      assert.ok(!api.logs.join().includes(secret));
    }
  });

  it('rotate a secret with an overlap', async () => {
    await call('PUT /v1/hooks/audit', hook({ secret: SECRET }));
    const rotated = await call('POST /v1/hooks/audit/rotate', { overlapSeconds: 60 });
    assert.equal(rotated.status, 200, JSON.stringify(rotated.body));
    assert.equal(Date.parse(rotated.body.previousSecretUntil), clock.now() + 60_000);
    await call('POST /v1/hooks/audit/test');
    const [tried] = peer.calls as [HookPeer['calls'][0]];
    assert.deepEqual([verifiedBy(tried, rotated.body.secret), verifiedBy(tried, SECRET)], [0, 1]);
    const again = await call('POST /v1/hooks/audit/rotate', { overlapSeconds: 0, secret: SECRET });
    assert.deepEqual([again.body.secret, again.body.previousSecretUntil], ['[set]', null]);
  });

  it('call a hook with a sample and tell what came of it', async () => {
    await call('PUT /v1/hooks/audit', hook());
    const good = await call('POST /v1/hooks/audit/test');
    assert.deepEqual(
      [good.status, good.body.ok, good.body.status, good.body.verdict],
      [200, true, 200, 'send'],
    );
    assert.deepEqual(
      [peer.calls[0]!.event.data.test, peer.calls[0]!.event.type],
      [true, 'delivery.pre_send'],
    );
    peer.answer = say('nonsense');
    const bad = await call('POST /v1/hooks/audit/test');
    assert.deepEqual([bad.body.ok, bad.body.status], [false, 200]);
    assert.match(bad.body.problem, /not valid/);
    peer.answer = sayNothing;
    const trying = call('POST /v1/hooks/audit/test');
    await peer.called(3);
    clock.advance(300);
    assert.deepEqual((await trying).body, { ok: false, problem: 'no answer within 300 ms', latencyMs: 300 });
    await call('PUT /v1/hooks/audit', hook({ moment: 'post-send' }));
    peer.answer = say('', 204);
    assert.equal((await call('POST /v1/hooks/audit/test')).body.ok, true);
    assert.equal(peer.calls.at(-1)!.event.type, 'delivery.post_send');
  });

  it('refuse what can not work', async () => {
    const refused: [object, number][] = [
      [hook({ url: 'http://10.0.0.1/' }), 422],
      [hook({ url: 'http://169.254.169.254/latest' }), 422],
      [hook({ url: 'ftp://127.0.0.1/' }), 422],
      [hook({ url: 'nonsense' }), 422],
      [hook({ url: `http://user:pass@127.0.0.1/` }), 422],
      [hook({ timeoutMs: 2_001 }), 400],
      [hook({ moment: 'later' }), 400],
      [hook({ onFailure: undefined }), 400],
      [hook({ channels: ['pigeon'] }), 400],
      [hook({ secret: 'whsec_short' }), 400],
      [hook({ secret: `whsec_${'A'.repeat(88)}` }), 400],
      [hook({ more: 1 }), 400],
    ];
    for (const [body, status] of refused) {
      const answer = await call('PUT /v1/hooks/x', body);
      assert.equal(answer.status, status, JSON.stringify([body, answer.body]));
    }
    for (const request of [
      'GET /v1/hooks/x',
      'DELETE /v1/hooks/x',
      'POST /v1/hooks/x/test',
      'POST /v1/hooks/x/rotate',
    ])
      assert.equal((await call(request)).body.code, 'hook.not_found', request);
  });

  it('have room for ten hooks of a tenant', async () => {
    for (let i = 0; i < 10; i++) assert.equal((await call(`PUT /v1/hooks/h${i}`, hook())).status, 201);
    assert.equal((await call('PUT /v1/hooks/h10', hook())).body.code, 'hook.invalid');
    assert.equal((await call('PUT /v1/hooks/h9', hook())).status, 200);
    assert.equal((await call('DELETE /v1/hooks/h0')).status, 204);
    assert.equal((await call('PUT /v1/hooks/h10', hook())).status, 201);
    const page = await call('GET /v1/hooks?limit=4');
    const next = await call(`GET /v1/hooks?limit=10&cursor=${page.body.nextCursor}`);
    assert.deepEqual([page.body.items.length, next.body.items.length, next.body.nextCursor], [4, 6, null]);
  });

  it('ask for their scopes', async () => {
    const reader = (await makeKey(store(), clock, { tenantId, scopes: ['hooks:read'] })).key;
    assert.equal((await api.call(reader, 'GET /v1/hooks')).status, 200);
    assert.equal((await api.call(reader, 'PUT /v1/hooks/x', hook())).status, 403);
    const other = (await makeKey(store(), clock, { tenantId, scopes: ['connections:write'] })).key;
    assert.equal((await api.call(other, 'GET /v1/hooks')).status, 403);
  });
});
