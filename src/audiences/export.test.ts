import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import type { Server } from '../http/index.ts';
import { registerUserRoutes } from '../users/index.ts';
import { registerExportRoutes } from './export-routes.ts';
import { registerImportRoutes } from './import-routes.ts';
import { importChunk } from './import-work.ts';
import { applyChanges, refreshPage } from './refresh.ts';
import { registerSegmentRoutes } from './segment-routes.ts';
import { registerTopicRoutes } from './topic-routes.ts';

describeStores('an export of users', (store) => {
  let api: TwoTenants;
  let server: Server;
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) => {
      server = app;
      const wired = { ...deps, wake: { signal() {} } };
      registerUserRoutes(app, deps);
      registerTopicRoutes(app, wired);
      registerSegmentRoutes(app, wired);
      registerImportRoutes(app, wired);
      registerExportRoutes(app, wired);
    });
    await api.call('PUT', '/v1/users/ada', {
      contacts: { email: 'ada@example.com', phone: '+4915112345678', telegram: '47' },
      locale: 'de',
      timezone: 'Europe/Berlin',
      attributes: { n: 1.5, formula: '=1+1', text: 'a,"b"\r\nc', list: [1, { a: null }], yes: true },
    });
    await api.call('PUT', `/v1/users/${encodeURIComponent('=cmd')}`, { attributes: { n: -1, quote: "'=1" } });
    await api.call('PUT', '/v1/users/plain', {});
    await api.call('POST', '/v1/topics/sport%2Fski/subscribers', { subscribe: ['ada', 'plain'] });
    await api.callAsOther('PUT', '/v1/users/stranger', {});
  });
  after(() => api.close());

  const get = async (query = '', key = 'live') => {
    const headers = { authorization: `Bearer ${key}` };
    const { statusCode: status, body } = await server.inject({
      method: 'GET',
      url: `/v1/users.csv${query}`,
      headers,
    });
    return { status, body };
  };

  it('has all users of the tenant, and nothing that a spreadsheet runs', async () => {
    const { status, body } = await get('?attributes=n,formula,quote&contacts=telegram');
    assert.equal(status, 200);
    assert.deepEqual(body.trimEnd().split('\r\n'), [
      'id,email,phone,contacts.telegram,locale,timezone,attributes.n,attributes.formula,attributes.quote,topics',
      "ada,ada@example.com,'+4915112345678,47,de,Europe/Berlin,1.5,'=1+1,,sport/ski",
      "'=cmd,,,,,,'-1,,''=1,",
      'plain,,,,,,,,,sport/ski',
    ]);
  });

  it('is read back as the same users', async () => {
    const { body } = await get('?contacts=telegram');
    const posted = await server.inject({
      method: 'POST',
      url: '/v1/imports',
      headers: { authorization: 'Bearer other', 'content-type': 'text/csv' },
      payload: body,
    });
    assert.equal(posted.statusCode, 202, posted.body);
    while (await importChunk(store(), api.clock.now()));
    const progress = (await api.callAsOther('GET', `/v1/imports/${posted.json().id}`)).body;
    assert.deepEqual([progress.rows.created, progress.rows.refused], [3, 0]);
    for (const name of ['ada', '=cmd', 'plain']) {
      const url = `/v1/users/${encodeURIComponent(name)}`;
      const [a, b] = [(await api.call('GET', url)).body, (await api.callAsOther('GET', url)).body];
      assert.deepEqual(
        [b.locale, b.timezone, b.attributes, b.contacts],
        [a.locale, a.timezone, a.attributes, a.contacts],
        name,
      );
    }
    const again = await get('?contacts=telegram', 'other');
    assert.deepEqual(
      again.body
        .split('\r\n')
        .filter((line) => !line.startsWith('stranger'))
        .sort(),
      body.split('\r\n').sort(),
    );
  });

  it('has the members of a segment or a topic only', async () => {
    assert.deepEqual((await get('?topic=sport')).body.match(/^(ada|plain)/gm), ['ada', 'plain']);
    await api.call('PUT', '/v1/segments/german', { rule: { locale: 'de' } });
    assert.equal((await get('?segment=german')).status, 404, 'before it was complete');
    while ((await applyChanges(store(), api.clock.now())) > 0);
    while (await refreshPage(store(), api.clock.now()));
    const { body } = await get('?segment=german');
    assert.deepEqual([body.split('\r\n').length, /^ada/m.test(body)], [3, true]);
    assert.equal((await get('?segment=nowhere')).status, 404);
    assert.equal((await get('?segment=german', 'other')).status, 404);
    assert.equal((await get('?segment=german&topic=sport')).status, 400);
  });

  it('has every user once, over many pages', async () => {
    await store().engine.query(
      `insert into users select $1, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'many' || n, null, null,
         '{}', $2, $2 from generate_series(1, 2500) n`,
      [api.tenantId, new Date(api.clock.now())],
    );
    const names = (await get()).body.match(/^many\d+/gm) ?? [];
    assert.deepEqual([names.length, new Set(names).size], [2_500, 2_500]);
  });
});
