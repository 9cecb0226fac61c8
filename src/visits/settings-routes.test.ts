import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { createCategories, registerCategoryRoutes } from '../rules/index.ts';
import { registerTrackingSettings } from './settings-routes.ts';
import { createTracker, type Tracker } from './tracker.ts';

const DEFAULTS = {
  enabled: false,
  opens: true,
  clicks: true,
  textLinks: false,
  beacons: true,
  overVendors: false,
  origin: null,
};
const url = '/v1/tracking-settings';

describeStores('what is tracked', (store) => {
  let api: TwoTenants;
  let tracker: Tracker;
  /** An installation without an address that users could open. */
  let hidden: TwoTenants;
  before(async () => {
    const serve = (origin: string | null) =>
      serveTwoTenants(store(), (app, deps) => {
        tracker = createTracker({ clock: deps.clock, key: Buffer.alloc(32), origin });
        registerTrackingSettings(app, { ...deps, tracker });
        registerCategoryRoutes(app, { ...deps, categories: createCategories(deps.clock) });
      });
    hidden = await serve(null);
    api = await serve('https://bell.example');
  });
  after(async () => {
    await hidden.close();
    await api.close();
  });

  it('is nothing until it is said, at once then, and for one tenant only', async () => {
    assert.deepEqual(await api.call('GET', url), { status: 200, body: DEFAULTS });
    const inForce = async () => (await tracker.forTenants(store().engine, [api.tenantId])).get(api.tenantId);
    assert.equal(await inForce(), undefined);
    const said = { enabled: true, opens: false, origin: 'https://go.shop.example' };
    const answer = await api.call('PUT', url, said);
    assert.deepEqual(answer, { status: 200, body: { ...DEFAULTS, ...said } });
    assert.deepEqual(await inForce(), answer.body);
    assert.deepEqual(await api.call('GET', url), answer);
    assert.deepEqual((await api.callAsOther('GET', url)).body, DEFAULTS);
    assert.deepEqual((await api.call('PUT', url, {})).body, DEFAULTS, 'said anew as a whole');
  });

  it('needs an address that is safe to lead users over', async () => {
    for (const origin of [
      'http://go.shop.example',
      'https://go.shop.example/path',
      'https://ann:secret@go.shop.example',
      'javascript:alert(1)',
      'go.shop.example',
      '',
    ]) {
      const { status, body } = await api.call('PUT', url, { enabled: true, origin });
      assert.deepEqual([status, body.errors?.[0]?.field], [400, '/origin'], origin);
    }
    assert.equal((await api.call('PUT', url, { enabled: true, pixel: true })).status, 400);
    const refused = await hidden.call('PUT', url, { enabled: true });
    assert.deepEqual([refused.status, refused.body.code], [409, 'link.unavailable']);
    assert.equal(
      (await hidden.call('PUT', url, { enabled: true, origin: 'https://go.shop.example' })).status,
      200,
    );
  });

  it('is said by a category for itself, but never by one of the kind security', async () => {
    const declared = await api.call('PUT', '/v1/categories/news', { kind: 'marketing', tracking: true });
    assert.deepEqual([declared.status, declared.body.tracking], [201, true]);
    for (const [id, body] of [
      ['otp', { tracking: true }],
      ['codes', { kind: 'security', tracking: true }],
    ] as const) {
      const { status, body: refused } = await api.call('PUT', `/v1/categories/${id}`, body);
      assert.deepEqual([status, refused.errors?.[0]?.field], [400, '/tracking'], id);
    }
    assert.equal((await api.call('PUT', '/v1/categories/otp', { tracking: false })).status, 201);
  });
});
