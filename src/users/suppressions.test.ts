import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { registerUserRoutes } from './index.ts';

describeStores('suppressions', (store) => {
  let api: TwoTenants;
  before(async () => {
    api = await serveTwoTenants(store(), registerUserRoutes);
  });
  after(() => api.close());

  const list = async (call = api.call, query = '') => (await call('GET', `/v1/suppressions${query}`)).body;

  it('are added, changed, listed in pages and removed', async () => {
    for (const [kind, address] of [
      ['phone', '+49 151 12345678'],
      ['email', 'b@example.com'],
      ['email', 'A@Example.com'],
    ]) {
      assert.equal((await api.call('PUT', '/v1/suppressions', { kind, address })).status, 200);
    }
    const changed = await api.call('PUT', '/v1/suppressions', {
      kind: 'email',
      address: 'a@example.com',
      reason: 'asked us to',
    });
    assert.deepEqual(changed.body, {
      kind: 'email',
      address: 'a@example.com',
      reason: 'asked us to',
      source: 'api',
      createdAt: new Date(api.clock.now()).toISOString(),
    });
    const first = await list(api.call, '?limit=2');
    const second = await list(api.call, `?limit=2&cursor=${first.nextCursor}`);
    assert.deepEqual(
      [...first.items, ...second.items].map(({ address }) => address),
      ['a@example.com', 'b@example.com', '+4915112345678'],
    );
    assert.equal(second.nextCursor, null);
    assert.equal((await list(api.call, '?kind=phone')).items.length, 1);
    const url = '/v1/suppressions?kind=phone&address=%2B4915112345678';
    assert.equal((await api.call('DELETE', url)).status, 204);
    assert.equal((await api.call('DELETE', url)).status, 204);
    assert.deepEqual((await list(api.call, '?kind=phone')).items, []);
  });

  it('of another tenant are neither seen nor removed', async () => {
    await api.call('PUT', '/v1/suppressions', { kind: 'email', address: 'mine@example.com' });
    assert.deepEqual((await list(api.callAsOther)).items, []);
    await api.callAsOther('DELETE', '/v1/suppressions?kind=email&address=mine@example.com');
    const addresses = (await list()).items.map(({ address }: { address: string }) => address);
    assert.ok(addresses.includes('mine@example.com'));
  });

  it('name the field and the rule when they are refused', async () => {
    const cases: [object, string][] = [
      [{ kind: 'email', address: 'a@b.example\r\nBcc: c@d.example' }, '/address'],
      [{ kind: 'phone', address: '015112345678' }, '/address'],
      [{ kind: 'webhook', address: 'https://example.com' }, '/kind'],
      [{ kind: 'email', address: 'a@b.example', reason: '\u0000' }, '/reason'],
      [{ kind: 'email', address: 'a@b.example', tenantId: 'x' }, '/tenantId'],
      [{ kind: 'email' }, '/address'],
    ];
    for (const [body, field] of cases) {
      const answer = await api.call('PUT', '/v1/suppressions', body);
      assert.deepEqual([answer.status, answer.body.errors?.[0].field], [400, field]);
    }
    const removed = await api.call('DELETE', '/v1/suppressions?kind=email&address=nobody');
    assert.deepEqual([removed.status, removed.body.errors[0].field], [400, 'query/address']);
    const cursor = Buffer.from('email \u0000').toString('base64url');
    assert.equal((await api.call('GET', `/v1/suppressions?cursor=${cursor}`)).status, 400);
  });
});
