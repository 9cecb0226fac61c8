import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import { registerConnectionRoutes } from './connection-routes.ts';
import { type Connections, createConnections } from './connections.ts';
import { makeKey, makeMasterKeys, makeTenant, startTestApi, type TestApi } from './testing.ts';
import { heldState } from './vendor-template.ts';
import { saveVendorTemplates } from './vendor-template-store.ts';

describeStores("what is known of a vendor's texts", (store) => {
  const clock = new FakeClock();
  const masterKeys = makeMasterKeys();
  let api: TestApi;
  let connections: Connections;
  let tenantId: string;
  let key: Secret;

  before(async () => {
    connections = createConnections({ store: store(), clock, masterKeys });
    api = await startTestApi(store(), clock, (app) => {
      registerConnectionRoutes(app, { store: store(), clock, masterKeys, connections });
    });
  });
  after(() => api.close());
  beforeEach(async () => {
    tenantId = await makeTenant(store(), clock.now());
    key = (await makeKey(store(), clock, { tenantId })).key;
    const config = { accountSid: `AC${'0'.repeat(32)}`, authToken: 't', from: '+15005550006' };
    await api.call(key, 'PUT /v1/connections/line', { provider: 'twilio', config });
  });

  const at = (path = '') => `/v1/connections/line/vendor-templates${path}`;
  const put = (id: string, body: object) => api.call(key, `PUT ${at(`/${id}`)}`, body);
  const held = async () => (await connections.get(tenantId, 'line'))!.heldTemplates;

  it('is told by the operator, listed by pages, and forgotten again', async () => {
    const made = await put('parcel', { language: 'en_US', state: 'pending' });
    const updatedAt = new Date(clock.now()).toISOString();
    const parcel = { id: 'parcel', language: 'en_US', state: 'pending', reason: null, updatedAt };
    assert.deepEqual([made.status, made.body], [200, parcel]);
    await put('offer', { state: 'rejected', reason: 'promotion' });
    await put('parcel', { state: 'approved' });
    const first = (await api.call(key, `GET ${at('?limit=2')}`)).body;
    const second = (await api.call(key, `GET ${at(`?limit=2&cursor=${first.nextCursor}`)}`)).body;
    const shown = [...first.items, ...second.items].map(({ id, language, state }) => [id, language, state]);
    assert.deepEqual(shown, [
      ['offer', null, 'rejected'],
      ['parcel', null, 'approved'],
      ['parcel', 'en_US', 'pending'],
    ]);
    assert.equal((await api.call(key, `DELETE ${at('/parcel?language=en_US')}`)).status, 204);
    const again = await api.call(key, `DELETE ${at('/parcel?language=en_US')}`);
    assert.deepEqual([again.status, again.body.code], [404, 'connection.vendor_template_not_found']);
  });

  it('is refused by pages that begin nowhere', async () => {
    for (const last of ['["\\q","en"]', '["\\u0000","en"]', '["a\nb",""]', '["a"]', '']) {
      const cursor = Buffer.from(last).toString('base64url');
      const { status, body } = await api.call(key, `GET ${at(`?cursor=${cursor}`)}`);
      assert.deepEqual([status, body.code], [400, 'request.invalid'], last);
    }
    for (const id of ['a"b', 'a\\b', 'ü\u0001']) await put(encodeURIComponent(id), { state: 'paused' });
    const shown: string[] = [];
    for (let next = ''; next !== null; ) {
      const { body } = await api.call(key, `GET ${at(`?limit=1${next && `&cursor=${next}`}`)}`);
      shown.push(...body.items.map(({ id }: { id: string }) => id));
      next = body.nextCursor;
    }
    assert.deepEqual(new Set(shown), new Set(['a"b', 'a\\b', 'ü\u0001']));
  });

  it('reaches the engine, which sends what nobody has said anything against', async () => {
    await put('parcel', { language: 'en_US', state: 'paused' });
    await put('offer', { state: 'rejected' });
    const state = async (id: string, language?: string) =>
      heldState(await held(), { id, language, parameters: {} });
    assert.equal(await state('parcel', 'en_US'), 'paused');
    assert.equal(await state('parcel', 'de'), null);
    assert.equal(await state('offer', 'de'), 'rejected');
    assert.equal(await state('other'), null);
    await put('offer', { state: 'approved' });
    assert.equal(await state('offer'), null);
  });

  it('is learned from the vendor in another process within two seconds, the last word for each text', async () => {
    assert.deepEqual(await held(), []);
    const from = { tenantId, connection: 'line', now: new Date(clock.now()) };
    const news = [
      { id: 'parcel', language: 'de', state: 'approved' as const },
      { id: 'parcel', language: 'de', state: 'disabled' as const, reason: 'quality' },
    ];
    await store().transaction((db) => saveVendorTemplates(db, from, news));
    clock.advance(2_000);
    assert.deepEqual(await held(), [{ id: 'parcel', language: 'de', state: 'disabled' }]);
  });

  it('goes with its connection, and is of one that exists', async () => {
    await put('parcel', { state: 'paused' });
    await api.call(key, 'DELETE /v1/connections/line');
    assert.equal((await api.call(key, `GET ${at()}`)).body.code, 'connection.not_found');
    assert.equal((await put('parcel', { state: 'paused' })).body.code, 'connection.not_found');
    const { rows } = await store().engine.query('select id from vendor_templates where tenant_id = $1', [
      tenantId,
    ]);
    assert.deepEqual(rows, []);
  });

  it('refuses what makes no sense', async () => {
    for (const body of [
      {},
      { state: 'fine' },
      { state: 'paused', language: 'x!' },
      { state: 'paused', more: 1 },
    ])
      assert.equal((await put('parcel', body)).status, 400, JSON.stringify(body));
    assert.equal((await api.call(key, `GET ${at('?cursor=eHg')}`)).status, 400);
  });
});
