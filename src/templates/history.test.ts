import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { canonicalJson } from '../lib/text.ts';
import { schedulesUsing } from '../schedules/index.ts';
import { addTenant, buildTemplateServer, type Call, callTemplates } from './testing.ts';

const clock = new FakeClock();
const sms = (body: string) => ({ channels: { sms: { en: { body } } } });
const draft = (body: string) => ({ ...sms(body), publish: false });

describeStores('the history of a template', (store) => {
  let tenant: string;
  let other: string;
  let call: Call;

  before(async () => {
    const app = await buildTemplateServer(store(), clock, { usesOf: schedulesUsing });
    tenant = await addTenant(store(), clock);
    other = await addTenant(store(), clock);
    call = callTemplates(app, tenant);
  });

  it('shows the hash of each version, and who saved it', async () => {
    await call('PUT', '/hashed', sms('x'));
    const [version] = (await call('GET', '/hashed/versions')).body.items;
    const definition = { defaultLocale: 'en', variables: {}, ...sms('x') };
    assert.equal(version.hash, createHash('sha256').update(canonicalJson(definition)).digest('hex'));
    assert.equal(version.createdBy, `${tenant}:owner`);
    assert.equal((await call('PUT', '/hashed', sms('x'))).body.version, 1);
  });

  it('compares a version with the one before, or with any other', async () => {
    await call('PUT', '/compared', sms('one'));
    await call('PUT', '/compared', { channels: { sms: { en: { body: 'two' }, de: { body: 'zwei' } } } });
    await call('PUT', '/compared', sms('three'));
    const diff = async (path: string) => (await call('GET', `/compared/versions/${path}`)).body;
    assert.deepEqual(await diff('2/diff'), {
      version: 2,
      against: 1,
      changes: [
        { field: '/channels/sms/de/body', kind: 'added', after: 'zwei' },
        { field: '/channels/sms/en/body', kind: 'changed', before: 'one', after: 'two' },
      ],
    });
    assert.deepEqual((await diff('1/diff?against=3')).changes, [
      { field: '/channels/sms/en/body', kind: 'changed', before: 'three', after: 'one' },
    ]);
    assert.deepEqual((await diff('1/diff')).changes, []);
    assert.equal((await diff('2/diff?against=9')).code, 'template.version_not_found');
    assert.equal((await diff('2/diff?against=0')).code, 'request.invalid');
  });

  it('rolls back step by step, over drafts, and puts it on record', async () => {
    await call('PUT', '/back', sms('one'));
    await call('PUT', '/back', draft('never published'));
    clock.advance(1_000);
    await call('PUT', '/back', sms('three'));
    clock.advance(1_000);
    const rolled = await call('POST', '/back/rollback', undefined, `${tenant}:templates:write`);
    assert.deepEqual(rolled, { status: 200, body: { id: 'back', version: 1, publishedVersion: 1 } });
    assert.equal((await call('GET', '/back')).body.published.channels.sms.en.body, 'one');
    const again = await call('POST', '/back/rollback');
    assert.deepEqual([again.status, again.body.code], [409, 'template.nothing_to_roll_back']);
    await call('POST', '/back/publish', { version: 3 });
    const first = (await call('GET', '/back/publications?limit=3')).body;
    assert.deepEqual(
      first.items.map(({ number, version, kind }: Record<string, unknown>) => [number, version, kind]),
      [
        [4, 3, 'publish'],
        [3, 1, 'rollback'],
        [2, 3, 'publish'],
      ],
    );
    assert.deepEqual(first.items[1], {
      number: 3,
      version: 1,
      kind: 'rollback',
      publishedBy: `${tenant}:templates:write`,
      publishedAt: new Date(clock.now()).toISOString(),
    });
    const rest = (await call('GET', `/back/publications?limit=3&cursor=${first.nextCursor}`)).body;
    assert.deepEqual([rest.items.length, rest.items[0].version, rest.nextCursor], [1, 1, null]);
  });

  it('is not made longer by publishing what is published', async () => {
    await call('PUT', '/steady', sms('one'));
    await call('PUT', '/steady', sms('one'));
    await call('POST', '/steady/publish', { version: 1 });
    assert.equal((await call('GET', '/steady/publications')).body.items.length, 1);
    assert.equal((await call('POST', '/steady/publish', { version: 2 })).status, 404);
    assert.equal((await call('GET', '/steady/publications')).body.items.length, 1);
  });

  it('is kept when a schedule does not let the template go', async () => {
    await call('PUT', '/scheduled', sms('one'));
    const at = new Date(clock.now());
    const definition = JSON.stringify({ notification: { userId: 'u', template: { id: 'scheduled' } } });
    const put = (tenantId: string, state: string) =>
      store().engine.query(
        `insert into schedules values ($1, false, 'weekly', $2, $3, $4, null, $5, null, '[]', null, null, $5, $5)
         on conflict (tenant_id, live, id) do update set state = excluded.state`,
        [tenantId, uuidv7(clock.now()), definition, state, at],
      );
    await put(other, 'active');
    await put(tenant, 'paused');
    const refused = await call('DELETE', '/scheduled');
    assert.deepEqual(
      [refused.status, refused.body.code, refused.body.detail],
      [409, 'template.in_use', 'It is used by the schedule "weekly"'],
    );
    assert.equal((await call('GET', '/scheduled')).status, 200);
    await put(tenant, 'done');
    assert.equal((await call('DELETE', '/scheduled')).status, 204);
  });

  it('is nobody else’s to read', async () => {
    await call('PUT', '/mine', sms('secret'));
    await call('PUT', '/mine', sms('secret too'));
    const stranger = `${other}:owner`;
    for (const path of ['/mine/versions/2/diff', '/mine/publications'])
      assert.equal((await call('GET', path, undefined, stranger)).body.code, 'template.not_found');
    assert.equal((await call('POST', '/mine/rollback', undefined, stranger)).body.code, 'template.not_found');
    assert.equal((await call('GET', '/mine')).body.publishedVersion, 2);
  });
});
