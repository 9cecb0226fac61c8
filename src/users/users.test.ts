import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { registerUserRoutes } from './index.ts';

describeStores('users', (store) => {
  let api: TwoTenants;
  before(async () => {
    api = await serveTwoTenants(store(), registerUserRoutes);
  });
  after(() => api.close());

  it('are created with 201, then changed with 200, and read back whole', async () => {
    const created = await api.call('PUT', '/v1/users/ada', {
      contacts: { email: 'Ada@EXAMPLE.com', phone: '+49 151 12345678', telegram: '4711' },
      locale: 'EN-us',
      timezone: 'Europe/London',
      attributes: { plan: 'pro' },
    });
    assert.equal(created.status, 201);
    const { id, createdAt, updatedAt, ...rest } = created.body;
    assert.deepEqual(rest, {
      externalId: 'ada',
      locale: 'en-US',
      timezone: 'Europe/London',
      attributes: { plan: 'pro' },
      contacts: {
        email: { address: 'Ada@example.com', state: 'active', reason: null },
        phone: { address: '+4915112345678', state: 'active', reason: null },
        telegram: { address: '4711', state: 'active', reason: null },
      },
      devices: [],
    });
    assert.equal(createdAt, new Date(api.clock.now()).toISOString());
    assert.equal(updatedAt, createdAt);
    assert.deepEqual(await api.call('GET', '/v1/users/ada'), { status: 200, body: created.body });
    const again = await api.call('PUT', '/v1/users/ada', {});
    assert.deepEqual([again.status, again.body.id], [200, id]);
  });

  it('keep absent fields and lose those that are null', async () => {
    const full = {
      contacts: { email: 'b@example.com', phone: '+4915112345678' },
      locale: 'de',
      timezone: 'UTC',
      attributes: { a: 1 },
    };
    await api.call('PUT', '/v1/users/bob', full);
    const kept = await api.call('PUT', '/v1/users/bob', { contacts: { email: null }, locale: null });
    assert.deepEqual(Object.keys(kept.body.contacts), ['phone']);
    assert.deepEqual([kept.body.locale, kept.body.timezone, kept.body.attributes], [null, 'UTC', { a: 1 }]);
    const cleared = await api.call('PUT', '/v1/users/bob', { timezone: null, attributes: null });
    assert.deepEqual([cleared.body.timezone, cleared.body.attributes], [null, {}]);
  });

  it('get a fresh contact when the address changes, and keep its state when it does not', async () => {
    const { body } = await api.call('PUT', '/v1/users/cy', { contacts: { email: 'c@example.com' } });
    await store().engine.query(
      "update contacts set inactive_at = $3, inactive_reason = 'bounced' where tenant_id = $1 and user_id = $2",
      [api.tenantId, body.id, new Date(api.clock.now())],
    );
    const same = await api.call('PUT', '/v1/users/cy', { contacts: { email: 'c@example.com' } });
    assert.deepEqual(same.body.contacts.email, {
      address: 'c@example.com',
      state: 'inactive',
      reason: 'bounced',
    });
    const other = await api.call('PUT', '/v1/users/cy', { contacts: { email: 'cy@example.com' } });
    assert.equal(other.body.contacts.email.state, 'active');
  });

  it('are listed in pages, and by the beginning of their external id', async () => {
    for (const name of ['list_1', 'list_2', 'list_3', 'listing', 'LIST_4', 'list%']) {
      await api.call('PUT', `/v1/users/${encodeURIComponent(name)}`, {});
    }
    const names: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await api.call('GET', `/v1/users?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      names.push(...page.body.items.map((user: { externalId: string }) => user.externalId));
      cursor = page.body.nextCursor;
    }
    assert.deepEqual(names.slice(-6), ['list_1', 'list_2', 'list_3', 'listing', 'LIST_4', 'list%']);
    const first = await api.call('GET', '/v1/users?limit=2&externalIdPrefix=list_');
    const second = await api.call(
      'GET',
      `/v1/users?limit=2&externalIdPrefix=list_&cursor=${first.body.nextCursor}`,
    );
    const found = [...first.body.items, ...second.body.items].map((user) => user.externalId);
    assert.deepEqual([found, second.body.nextCursor], [['list_1', 'list_2', 'list_3'], null]);
  });

  it('are deleted with contacts, devices and inbox', async () => {
    const { body } = await api.call('PUT', '/v1/users/gone', { contacts: { email: 'g@example.com' } });
    await api.call('POST', '/v1/users/gone/devices', { platform: 'android', token: 'gone' });
    await store().engine.query(
      `insert into inbox_items (tenant_id, user_id, id, live, notification_id, category, item, created_at)
      values ($1, $2, $2, true, $2, 'transactional', '{}', $3)`,
      [api.tenantId, body.id, new Date(api.clock.now())],
    );
    assert.equal((await api.call('DELETE', '/v1/users/gone')).status, 204);
    const { rows } = await store().engine.query(
      `select (select count(*) from contacts where user_id = $1) as contacts,
        (select count(*) from devices where user_id = $1) as devices,
        (select count(*) from inbox_items where user_id = $1) as items`,
      [body.id],
    );
    assert.deepEqual(rows, [{ contacts: 0, devices: 0, items: 0 }]);
    assert.equal((await api.call('DELETE', '/v1/users/gone')).body.code, 'user.not_found');
  });

  it('of another tenant do not exist', async () => {
    await api.call('PUT', '/v1/users/mine', {});
    for (const [method, url] of [
      ['GET', '/v1/users/mine'],
      ['DELETE', '/v1/users/mine'],
    ] as const) {
      const { status, body } = await api.callAsOther(method, url);
      assert.deepEqual([status, body.code], [404, 'user.not_found'], `${method} ${url}`);
    }
    const listed = await api.callAsOther('GET', '/v1/users?limit=100');
    assert.deepEqual(listed.body.items, []);
    assert.equal((await api.callAsOther('PUT', '/v1/users/mine', { locale: 'fr' })).status, 201);
    assert.equal((await api.call('GET', '/v1/users/mine')).body.locale, null);
  });

  const REFUSED: [fact: string, body: unknown, field: string][] = [
    [
      'a mail header in an address',
      { contacts: { email: 'a@b.example\r\nBcc: c@d.example' } },
      '/contacts/email',
    ],
    ['an SMTP command in an address', { contacts: { email: 'a@b.example>\r\nDATA' } }, '/contacts/email'],
    ['NUL in an address', { contacts: { email: 'a\u0000@b.example' } }, '/contacts/email'],
    ['an empty address', { contacts: { email: '' } }, '/contacts/email'],
    ['a national phone number', { contacts: { phone: '0151 12345678' } }, '/contacts/phone'],
    ['a line break in a chat id', { contacts: { slack: 'U1\nU2' } }, '/contacts/slack'],
    ['a kind that is no name', { contacts: { 'E-Mail': 'a@b.example' } }, '/contacts/E-Mail'],
    ['an unknown field', { tenantId: 'other' }, '/tenantId'],
    ['the key constructor', { constructor: { prototype: {} } }, '/constructor'],
    ['a locale with an underscore', { locale: 'en_US' }, '/locale'],
    ['an offset as time zone', { timezone: '+01:00' }, '/timezone'],
    ['an unknown time zone', { timezone: 'Europe/Atlantis' }, '/timezone'],
    ['attributes above 16 KiB', { attributes: { text: 'ü'.repeat(8_200) } }, '/attributes'],
    ['NUL in attributes', { attributes: { a: ['\u0000'] } }, '/attributes/a/0'],
    ['a number as address', { contacts: { phone: 49151 } }, '/contacts/phone'],
    ['a list as attributes', { attributes: [] }, '/attributes'],
  ];
  for (const [fact, body, field] of REFUSED) {
    it(`refuse ${fact}, naming the field and the rule`, async () => {
      const answer = await api.call('PUT', '/v1/users/refused', body);
      assert.equal(answer.status, 400, JSON.stringify(answer.body));
      assert.equal(answer.body.errors[0].field, field);
      assert.ok(answer.body.errors[0].rule.length > 5);
      assert.equal((await api.call('GET', '/v1/users/refused')).status, 404);
    });
  }

  it('refuse __proto__ wherever it stands', async () => {
    for (const body of [
      '{"__proto__": {"polluted": true}}',
      '{"contacts": {"__proto__": "x"}}',
      '{"attributes": {"a": {"__proto__": {"polluted": true}}}}',
      '{"attributes": {"\\u005f\\u005fproto\\u005f\\u005f": {"polluted": true}}}',
    ]) {
      const answer = await api.call('PUT', '/v1/users/proto', body);
      assert.deepEqual([answer.status, answer.body.code], [400, 'request.malformed'], body);
    }
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  it('refuse NUL in an id or a cursor instead of asking the database', async () => {
    const cursor = Buffer.from('a\u0000').toString('base64url');
    for (const url of [
      '/v1/users/a%00b',
      '/v1/users?externalIdPrefix=a%00',
      `/v1/users?externalIdPrefix=a&cursor=${cursor}`,
      `/v1/users?cursor=${cursor}`,
    ]) {
      assert.equal((await api.call('GET', url)).status, 400, url);
    }
  });
});
