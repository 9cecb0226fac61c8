import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { publishedTemplates } from '../../test/support/templates.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import {
  createCategories,
  createRules,
  registerCategoryRoutes,
  registerPreferenceRoutes,
  registerQuietRoutes,
} from '../rules/index.ts';
import { registerUserRoutes } from '../users/index.ts';
import { registerExplainRoutes } from './index.ts';

const MESSAGE = { title: 'Hello', body: 'World' };

// The clock stands at 12:00 UTC, which is 21:00 in Tokyo.
describeStores('explaining a notification that is not sent', (store) => {
  let api: TwoTenants;
  before(async () => {
    api = await serveTwoTenants(store(), (app, { clock, ...deps }) => {
      const categories = createCategories(clock);
      const rules = createRules(clock);
      const templates = {
        compiled: async () => new Map(),
        ...publishedTemplates((id) => id === 'there'),
      };
      const connections = { forTenants: async () => new Map() };
      registerCategoryRoutes(app, { ...deps, clock, categories });
      registerQuietRoutes(app, { ...deps, clock, rules });
      registerPreferenceRoutes(app, { ...deps, clock });
      registerUserRoutes(app, { ...deps, clock });
      registerExplainRoutes(app, { ...deps, clock, templates, categories, connections, rules });
    });
    const contacts = { email: 'ada@mail.example', phone: '+4915123456789' };
    await api.call('PUT', '/v1/users/ada', { contacts, timezone: 'Asia/Tokyo' });
    await api.call('PUT', '/v1/quiet-hours', {
      windows: [{ from: '20:00', to: '08:00', channels: ['email'] }],
    });
    await api.call('PUT', '/v1/categories/offers', { kind: 'marketing', channels: { sms: 'off' } });
  });
  after(() => api.close());

  const explain = (body: object, call = api.callAsTest) =>
    call('POST', '/v1/notifications/explain', { userId: 'ada', message: MESSAGE, ...body });

  it('says for each channel what would happen, when and why, and stores nothing', async () => {
    const { status, body } = await explain({
      category: 'offers',
      channels: ['email', 'sms', 'push', 'inbox'],
    });
    assert.equal(status, 200);
    assert.deepEqual(body.user, { locale: null, timezone: 'Asia/Tokyo' });
    assert.deepEqual(body.category, { id: 'offers', kind: 'marketing', quietHours: 'defer' });
    assert.deepEqual(
      body.plans.map(({ channel, verdict, reason, until }: Record<string, string>) => [
        channel,
        verdict,
        reason,
        until,
      ]),
      [
        ['email', 'postpone', 'quiet_hours', '2026-11-21T23:00:00.000Z'],
        ['sms', 'skip', 'off_by_default', undefined],
        ['push', 'skip', 'contact_missing', undefined],
        ['inbox', 'deliver', undefined, undefined],
      ],
    );
    for (const { why } of body.plans) assert.match(why, /^[A-Z].*\.$/);
    const { rows } = await store().engine.query(
      'select count(*)::int as n from notifications where tenant_id = $1',
      [api.tenantId],
    );
    assert.equal(rows[0].n, 0);
  });

  it('goes by the moment at which it would be sent', async () => {
    const sendAt = '2026-11-22T00:00:00Z';
    const { body } = await explain({ category: 'offers', channels: ['email'], sendAt });
    assert.equal(body.plans[0].verdict, 'deliver');
    assert.match(body.plans[0].why, /^Goes to the user's email over test\.smtp\./);
  });

  it('says until when a digest would collect it', async () => {
    const window = { at: '09:00', days: [1] };
    const { body } = await explain({
      category: 'offers',
      channels: ['email'],
      digest: { key: 'post', window },
    });
    assert.deepEqual(body.digest, { key: 'post', closesAt: '2026-11-23T00:00:00.000Z' });
    assert.equal(body.plans[0].verdict, 'deliver', 'quiet hours are for the digest to heed');
    const refused = await explain({ category: 'offers', channels: ['sms'], digest: { window } });
    assert.deepEqual([refused.body.digest, refused.body.plans[0].reason], [null, 'off_by_default']);
  });

  it('refuses what sending would refuse, and knows no users of others', async () => {
    assert.equal((await explain({ message: undefined })).body.errors[0].field, '/message');
    const unknown = await explain({ message: undefined, template: { id: 'gone' } });
    assert.equal(unknown.body.errors[0].field, '/template/id');
    const { body } = await explain({ channels: ['email'] }, api.callAsOther);
    assert.deepEqual([body.user, body.plans[0].reason], [null, 'user_unknown']);
  });
});
