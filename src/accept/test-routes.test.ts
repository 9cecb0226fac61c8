import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { compose } from '../delivery/compose.ts';
import { makeClaimed } from '../hooks/testing.ts';
import { registerLedgerRoutes } from '../ledger/index.ts';
import { Wake } from '../queue/index.ts';
import { explainNotification, type FactSources } from '../routing/index.ts';
import { createCategories, createRules } from '../rules/index.ts';
import { createTemplates, registerTemplateRoutes, type Templates, templateKey } from '../templates/index.ts';
import { registerUserRoutes } from '../users/index.ts';
import { createGroupCommit, registerTestRoutes } from './index.ts';

describeStores('a test of a template', (store) => {
  let api: TwoTenants;
  let sources: FactSources;
  let templates: Templates;

  before(async () => {
    api = await serveTwoTenants(store(), (app, { clock, ...deps }) => {
      const wake = new Wake();
      const categories = createCategories(clock);
      const rules = createRules(clock);
      templates = createTemplates({ store: store(), clock });
      const commit = createGroupCommit(store().acceptBulk, clock, { maxWaiting: 100, concurrency: 1 });
      registerUserRoutes(app, { ...deps, clock });
      registerLedgerRoutes(app, { ...deps, clock, wake });
      registerTemplateRoutes(app, { ...deps, clock, templates, usesOf: async () => [] });
      registerTestRoutes(app, { ...deps, clock, wake, categories, commits: { high: commit, bulk: commit } });
      sources = { templates, connections: { forTenants: async () => new Map() }, categories, rules };
    });
    const variables = { name: { type: 'string', examples: ['Ada'] }, n: { type: 'number', required: true } };
    const channels = (word: string) => ({
      email: { en: { subject: '{{ name }} {{ n }}', text: word } },
      sms: { en: { body: word } },
    });
    await api.call('PUT', '/v1/templates/try', { variables, channels: channels('published') });
    await api.call('PUT', '/v1/templates/try', { variables, channels: channels('draft'), publish: false });
    await api.call('PUT', '/v1/users/eve', { contacts: { email: 'eve@example.com' } });
  });
  after(() => api.close());

  const test = (body: object) => api.callAsTest('POST', '/v1/templates/try/test', body);
  const stored = async (id: string) =>
    (await store().engine.query('select * from notifications where id = $1', [id])).rows[0];

  it('sends a draft by the ordinary road, with samples for what is left out, and says that it is a test', async () => {
    const { status, body } = await test({
      userId: 'eve',
      version: 2,
      channels: ['email'],
      variables: { n: 3 },
    });
    assert.deepEqual([status, body.version, body.userId], [202, 2, 'eve']);
    const row = await stored(body.id);
    assert.deepEqual(
      [row.live, row.user_id, row.request],
      [
        false,
        'eve',
        {
          channels: ['email'],
          template: { id: 'try', version: 2, variables: { name: 'Ada', n: 3 } },
          test: true,
        },
      ],
    );
    assert.equal((await api.callAsTest('GET', `/v1/notifications/${body.id}`)).body.test, true);
    const { live, user_id: userId, category, priority, request } = row;
    const at = { expiresAt: null, createdAt: row.created_at, dueAt: row.created_at };
    const now = row.created_at.getTime();
    const routable = {
      id: body.id,
      tenantId: api.tenantId,
      live,
      userId,
      category,
      priority,
      request,
      ...at,
    };
    const { template, plans } = await explainNotification(sources, store().engine, { row: routable, now });
    assert.deepEqual([template?.version, plans.map(({ channel }) => channel)], [2, ['email']]);

    const wanted = { tenantId: api.tenantId, id: 'try', version: 2 };
    const compiled = (await templates.compiled(store().engine, [wanted])).get(templateKey(wanted))!;
    const user = { id: 'u', externalId: 'eve', locale: null, timezone: null, attributes: {} };
    const composed = compose(makeClaimed(api.tenantId, { channel: 'email', user, request }), compiled);
    assert.deepEqual('message' in composed && composed.message.content, {
      subject: '[Test] Ada 3',
      text: 'draft',
    });
  });

  it('goes to an address, for which there is a user with that contact and no other', async () => {
    const { status, body } = await test({ to: { kind: 'phone', address: '+49 151 12345678' } });
    assert.deepEqual([status, body.version, body.userId], [202, 1, 'test:phone:+4915112345678']);
    assert.deepEqual((await stored(body.id)).request.channels, ['sms']);
    const { contacts } = (await api.call('GET', `/v1/users/${encodeURIComponent(body.userId)}`)).body;
    assert.equal(contacts.phone.address, '+4915112345678');
    assert.equal((await test({ to: { kind: 'phone', address: '+4915112345678' } })).body.userId, body.userId);
  });

  it('is refused with the field and the rule', async () => {
    const cases: [object, string][] = [
      [{}, '/userId'],
      [{ userId: 'eve', to: { kind: 'email', address: 'a@b.example' } }, '/userId'],
      [{ to: { kind: 'email', address: 'nobody' } }, '/to/address'],
      [{ userId: 'eve', variables: { n: 'three' } }, '/variables/n'],
    ];
    for (const [body, field] of cases) {
      const answer = await test(body);
      assert.deepEqual([answer.status, answer.body.errors?.[0].field], [400, field], JSON.stringify(body));
    }
    assert.equal((await test({ userId: 'eve', version: 3 })).body.code, 'template.version_not_found');
    const stranger = await api.callAsOther('POST', '/v1/templates/try/test', { userId: 'eve' });
    assert.equal(stranger.body.code, 'template.not_found');
  });
});
