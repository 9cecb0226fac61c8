import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { type Categories, createCategories, registerCategoryRoutes } from './index.ts';

describeStores('categories', (store) => {
  let api: TwoTenants;
  let categories: Categories;
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) => {
      categories = createCategories(deps.clock);
      registerCategoryRoutes(app, { ...deps, categories });
    });
  });
  after(() => api.close());

  const inForce = async (id: string) =>
    (await categories.forTenants(store().engine, [api.tenantId])).get(api.tenantId)!.of(id);

  it('are in force as soon as they are declared, and for their own tenant only', async () => {
    assert.equal((await inForce('offers')).priority, 'normal');
    const declared = { kind: 'marketing', name: 'Offers', channels: { sms: 'off' }, evidenceSeconds: 60 };
    const { status, body } = await api.call('PUT', '/v1/categories/offers', declared);
    assert.equal(status, 201);
    assert.deepEqual(body, {
      id: 'offers',
      kind: 'marketing',
      name: 'Offers',
      description: null,
      translations: {},
      priority: 'low',
      channels: { push: 'on', email: 'on', sms: 'off', chat: 'on', inbox: 'on', webhook: 'on' },
      optOut: true,
      doubleOptIn: false,
      quietHours: 'defer',
      urgentPasses: false,
      caps: [],
      unknown: 'never-repeat',
      evidenceSeconds: 60,
      expiresAfterSeconds: 86_400,
    });
    const offers = await inForce('offers');
    assert.deepEqual([offers.priority, offers.isOn('sms'), offers.evidenceMs], ['low', false, 60_000]);
    const listed = (await api.call('GET', '/v1/categories')).body.items;
    assert.deepEqual(
      listed.map(({ id }: { id: string }) => id),
      ['marketing', 'offers', 'otp', 'security', 'transactional'],
    );
    const others = (await api.callAsOther('GET', '/v1/categories')).body.items;
    assert.equal(others.length, 4);
  });

  it('are declared anew as a whole, and can be taken back', async () => {
    await api.call('PUT', '/v1/categories/otp', { expiresAfterSeconds: 30, optOut: true });
    assert.equal((await api.call('PUT', '/v1/categories/otp', { priority: 'normal' })).status, 200);
    const otp = await inForce('otp');
    assert.deepEqual([otp.priority, otp.optOut, otp.maxAgeMs], ['normal', false, 300_000]);
    assert.equal((await api.call('DELETE', '/v1/categories/otp')).status, 204);
    assert.equal((await inForce('otp')).priority, 'high');
    assert.equal((await api.call('DELETE', '/v1/categories/otp')).status, 404);
  });

  it('are refused with the field that is wrong', async () => {
    for (const [body, field] of [
      [{ kind: 'spam' }, '/kind'],
      [{ channels: { fax: 'on' } }, '/channels/fax'],
      [{ channels: { sms: 'maybe' } }, '/channels/sms'],
      [{ expiresAfterSeconds: 0 }, '/expiresAfterSeconds'],
      [{ colour: 'red' }, '/colour'],
      [{ translations: { de: { colour: 'rot' } } }, '/translations/de/colour'],
      [{ caps: new Array(6).fill({ limit: 1, per: 'day' }) }, '/caps'],
      [{ caps: [{ limit: 0, per: 'day' }] }, '/caps/0/limit'],
      [{ caps: [{ limit: 1, per: 'year' }] }, '/caps/0/per'],
      [
        {
          caps: [
            { limit: 1, per: 'day' },
            { limit: 2, per: 'day', sliding: false },
          ],
        },
        '/caps/1',
      ],
      [{ caps: [{ limit: 1_001, per: 'day', sliding: true }] }, '/caps/0/limit'],
    ] as const) {
      const answer = await api.call('PUT', '/v1/categories/offers', body);
      assert.deepEqual([answer.status, answer.body.errors[0].field], [400, field]);
    }
  });
});
