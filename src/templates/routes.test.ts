import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import type { Server } from '../http/index.ts';
import { FakeClock } from '../lib/clock.ts';
import { addTenant, buildTemplateServer, type Call, callTemplates } from './testing.ts';

const clock = new FakeClock();

const sms = (body: string) => ({ channels: { sms: { en: { body } } } });

describeStores('the template routes', (store) => {
  let app: Server;
  let tenant: string;
  let other: string;
  let call: Call;

  before(async () => {
    app = await buildTemplateServer(store(), clock);
    tenant = await addTenant(store(), clock);
    other = await addTenant(store(), clock);
    call = callTemplates(app, tenant);
  });

  it('publish what is put, as version after version', async () => {
    assert.deepEqual(await call('PUT', '/life', { name: 'Life', ...sms('one') }), {
      status: 200,
      body: { id: 'life', version: 1, publishedVersion: 1, findings: [] },
    });
    assert.deepEqual((await call('PUT', '/life', sms('two'))).body, {
      id: 'life',
      version: 2,
      publishedVersion: 2,
      findings: [],
    });
    const { body } = await call('GET', '/life');
    assert.equal(body.name, 'Life');
    assert.equal(body.latestVersion, 2);
    assert.deepEqual(body.published, body.latest);
    assert.deepEqual(body.latest.channels, sms('two').channels);
  });

  it('make no version of a definition that says the same', async () => {
    const definition = {
      variables: { a: { type: 'string' }, b: { type: 'number', default: 1 } },
      ...sms('x'),
    };
    await call('PUT', '/same', definition);
    const before = (await call('GET', '/same')).body;
    clock.advance(1_000);
    const reordered = {
      ...sms('x'),
      variables: { b: { default: 1, type: 'number' }, a: { type: 'string' } },
    };
    assert.equal((await call('PUT', '/same', { defaultLocale: 'en', ...reordered })).body.version, 1);
    assert.deepEqual((await call('GET', '/same')).body, before);
    await call('PUT', '/same', { name: 'Other', ...definition });
    const after = (await call('GET', '/same')).body;
    assert.deepEqual(
      [after.name, after.latestVersion, after.updatedAt > before.updatedAt],
      ['Other', 1, true],
    );
  });

  it('keep a draft apart until it is published, and go back', async () => {
    await call('PUT', '/draft', sms('one'));
    const draft = await call('PUT', '/draft', { ...sms('two'), publish: false });
    assert.deepEqual(draft.body, { id: 'draft', version: 2, publishedVersion: 1, findings: [] });
    const { body } = await call('GET', '/draft');
    assert.deepEqual([body.published.version, body.latest.version, body.latest.publishedAt], [1, 2, null]);
    const publish = async (version: number) => (await call('POST', '/draft/publish', { version })).body;
    assert.deepEqual(await publish(2), { id: 'draft', version: 2, publishedVersion: 2, findings: [] });
    assert.deepEqual(await publish(1), { id: 'draft', version: 1, publishedVersion: 1, findings: [] });
    assert.equal((await publish(3)).code, 'template.version_not_found');
    assert.equal((await call('PUT', '/draft', sms('two'))).body.publishedVersion, 2);
  });

  it('list templates and versions page by page', async () => {
    const key = `${await addTenant(store(), clock)}:owner`;
    for (const id of ['c', 'a', 'b']) await call('PUT', `/${id}`, sms('x'), key);
    const first = (await call('GET', '?limit=2', undefined, key)).body;
    const second = (await call('GET', `?limit=2&cursor=${first.nextCursor}`, undefined, key)).body;
    assert.deepEqual(
      first.items.map((item: { id: string }) => item.id),
      ['a', 'b'],
    );
    assert.deepEqual(
      second.items.map((item: { id: string }) => item.id),
      ['c'],
    );
    assert.equal(second.nextCursor, null);
    for (const body of ['y', 'z']) await call('PUT', '/a', sms(body), key);
    const newest = (await call('GET', '/a/versions?limit=2', undefined, key)).body;
    const oldest = (await call('GET', `/a/versions?limit=2&cursor=${newest.nextCursor}`, undefined, key))
      .body;
    const numbers = [...newest.items, ...oldest.items].map((item: { version: number }) => item.version);
    assert.deepEqual(numbers, [3, 2, 1]);
    const one = (await call('GET', '/a/versions/1', undefined, key)).body;
    assert.deepEqual([one.version, one.defaultLocale, one.channels.sms.en.body], [1, 'en', 'x']);
    assert.equal((await call('GET', '?cursor=!!', undefined, key)).status, 400);
  });

  it('archive, and wake up again as a draft or published', async () => {
    await call('PUT', '/old', sms('one'));
    assert.equal((await call('DELETE', '/old')).status, 204);
    for (const path of ['/old', '/old/versions', '/old/versions/1'])
      assert.equal((await call('GET', path)).body.code, 'template.not_found');
    assert.equal((await call('POST', '/old/publish', { version: 1 })).status, 404);
    assert.equal((await call('DELETE', '/old')).status, 404);
    const woken = await call('PUT', '/old', { ...sms('one'), publish: false });
    assert.deepEqual(woken.body, { id: 'old', version: 1, publishedVersion: null, findings: [] });
    assert.equal((await call('PUT', '/old', sms('two'))).body.publishedVersion, 2);
  });

  it('render a preview of the published, a chosen or the only version', async () => {
    await call('PUT', '/hello', {
      ...sms('Hi {{ name }}'),
      variables: { name: { type: 'string', required: true } },
    });
    await call('PUT', '/hello', { ...sms('Bye {{ user.id }}'), publish: false });
    const preview = (body: object) => call('POST', '/hello/preview', { channel: 'sms', ...body });
    assert.deepEqual((await preview({ variables: { name: 'Ada' } })).body, {
      version: 1,
      content: { body: 'Hi Ada' },
      sms: { encoding: 'GSM-7', units: 6, segments: 1, foreign: [] },
    });
    const chosen = await preview({ version: 2, user: { id: 'u7' } });
    assert.deepEqual(chosen.body.content, { body: 'Bye u7' });
    assert.match((await preview({})).body.detail, /"name" is required/);
    assert.equal((await preview({ sample: true })).body.content.body, 'Hi name');
    assert.equal((await preview({ channel: 'push', variables: { name: 'x' } })).status, 422);
    assert.equal((await preview({ version: 9 })).body.code, 'template.version_not_found');
  });

  it('refuse a definition that does not compile, with field, rule and line', async () => {
    const { status, body } = await call('PUT', '/bad', sms('one\n{{ x | raw }}'));
    assert.equal(status, 422);
    assert.equal(body.code, 'template.invalid');
    assert.deepEqual(body.errors, [
      { field: '/channels/sms/en/body', rule: 'undefined filter: raw (line 2)' },
    ]);
    assert.equal((await call('GET', '/bad')).status, 404);
    assert.equal((await call('PUT', '/bad', { name: 'a\u0000', ...sms('x') })).body.errors[0].field, '/name');
  });

  it('refuse what the schema does not know', async () => {
    const refused = [
      {},
      { channels: {} },
      { channels: { fax: { en: { body: 'x' } } } },
      { channels: { sms: { en: { body: 'x', title: 'y' } } } },
      { channels: { push: { en: { title: 'x' } } } },
      { ...sms('x'), tenantId: other },
    ];
    for (const body of refused)
      assert.equal((await call('PUT', '/bad', body)).status, 400, JSON.stringify(body));
    assert.equal((await call('PUT', '/Bad_Id!', sms('x'))).status, 400);
    assert.equal((await call('PUT', '/bad', { channels: { sms: { en_US: { body: 'x' } } } })).status, 422);
  });

  it('give every field back as it was put', async () => {
    const channels = {
      push: {
        en: {
          title: 'a',
          body: 'b',
          badge: 3,
          actions: [{ id: 'x', title: 'y', url: 'app://z' }],
          data: { deep: { list: [1, null, { a: true }] }, text: 't' },
        },
      },
      email: { en: { subject: 's', html: '<p>h</p>', preheader: 'p', replyTo: 'a@b.example' } },
      webhook: { en: { data: { a: '{{ b }}' } } },
    };
    const variables = { b: { type: 'object', default: { x: [1] }, description: 'd', required: true } };
    await call('PUT', '/whole', { channels, variables });
    const { latest } = (await call('GET', '/whole')).body;
    assert.deepEqual({ channels: latest.channels, variables: latest.variables }, { channels, variables });
  });

  it('show nobody the templates of another tenant', async () => {
    const key = `${other}:owner`;
    await call('PUT', '/mine', sms('secret'));
    assert.equal((await call('GET', '/mine', undefined, key)).body.code, 'template.not_found');
    assert.equal((await call('GET', '/mine/versions', undefined, key)).status, 404);
    assert.equal((await call('GET', '/mine/versions/1', undefined, key)).status, 404);
    assert.equal((await call('POST', '/mine/publish', { version: 1 }, key)).status, 404);
    assert.equal((await call('POST', '/mine/preview', { channel: 'sms' }, key)).status, 404);
    assert.equal((await call('DELETE', '/mine', undefined, key)).status, 404);
    assert.deepEqual((await call('GET', '', undefined, key)).body, { items: [], nextCursor: null });
    assert.equal((await call('PUT', '/mine', sms('theirs'), key)).body.version, 1);
    assert.equal((await call('GET', '/mine')).body.latest.channels.sms.en.body, 'secret');
  });

  it('stand in the OpenAPI document with tag and summary', async () => {
    const { paths } = (await app.inject('/openapi.json')).json();
    const operations = Object.entries<object>(paths)
      .filter(([path]) => path.startsWith('/v1/templates'))
      .flatMap(([, methods]) => Object.values<{ tags: string[]; summary: string }>(methods as never));
    assert.equal(operations.length, 12);
    for (const { tags, summary } of operations) assert.ok(tags[0] === 'Templates' && summary);
  });

  it('need a scope', async () => {
    const reader = `${tenant}:templates:read`;
    assert.equal((await call('PUT', '/scoped', sms('x'), reader)).status, 403);
    assert.equal((await call('PUT', '/scoped', sms('x'), `${tenant}:templates:write`)).status, 200);
    assert.equal((await call('GET', '/scoped', undefined, reader)).status, 200);
    assert.equal((await call('GET', '/scoped', undefined, `${tenant}:users:read`)).status, 403);
  });
});
