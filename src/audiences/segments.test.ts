import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { registerUserRoutes, saveInternalUser } from '../users/index.ts';
import { listExternalIds } from './export-store.ts';
import { applyChanges, dropLeftovers, refreshPage } from './refresh.ts';
import { registerSegmentRoutes } from './segment-routes.ts';
import { countRule } from './segments.ts';
import { registerTopicRoutes } from './topic-routes.ts';

const DAY_MS = 24 * 3_600_000;

describeStores('segments', (store) => {
  let api: TwoTenants;
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) => {
      const wired = { ...deps, wake: { signal() {} } };
      registerUserRoutes(app, deps);
      registerTopicRoutes(app, wired);
      registerSegmentRoutes(app, wired);
    });
    for (const [name, plan] of [
      ['ada', 'pro'],
      ['bob', 'free'],
      ['cy', 'pro'],
    ])
      await api.call('PUT', `/v1/users/${name}`, { attributes: { plan }, locale: 'de-AT' });
    await api.callAsOther('PUT', '/v1/users/stranger', { attributes: { plan: 'pro' } });
  });
  after(() => api.close());

  const declare = async (id: string, rule: object, more: object = {}) => {
    const answer = await api.call('PUT', `/v1/segments/${id}`, { rule, ...more });
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer;
  };
  const read = async (id: string) => (await api.call('GET', `/v1/segments/${id}`)).body;
  const members = async (id: string, limit = 100): Promise<string[]> => {
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const url = `/v1/segments/${id}/members?limit=${limit}${cursor ? `&cursor=${cursor}` : ''}`;
      const { body } = await api.call('GET', url);
      found.push(...body.items.map((item: { userId: string }) => item.userId));
      cursor = body.nextCursor;
    }
    return found;
  };
  /** All that the background has to do at this moment. */
  const settle = async () => {
    while ((await applyChanges(store(), api.clock.now())) > 0);
    while (await refreshPage(store(), api.clock.now()));
    while (await dropLeftovers(store()));
  };

  it('are found in the background, and counted', async () => {
    const { status, body } = await declare('pro', { attribute: 'plan', is: 'pro' });
    assert.deepEqual([status, body.state, body.count], [201, 'building', null]);
    assert.deepEqual(await members('pro'), []);
    await settle();
    const ready = await read('pro');
    assert.deepEqual([ready.state, ready.count, ready.problem], ['ready', 2, null]);
    assert.equal(ready.refreshedAt, new Date(api.clock.now()).toISOString());
    for (const limit of [1, 100]) assert.deepEqual(await members('pro', limit), ['ada', 'cy']);
    assert.equal((await declare('pro', { attribute: 'plan', is: 'pro' })).body.state, 'ready', 'said again');
  });

  it('follow what is written of users, their contacts, devices, preferences and topics', async () => {
    await declare('reach', {
      any: [
        { attribute: 'plan', is: 'gold' },
        { contact: 'email' },
        { device: { platform: 'ios' } },
        { topic: 'sport' },
        { preference: { category: '*', channel: 'sms', choice: 'in' } },
      ],
    });
    await settle();
    assert.deepEqual(await members('reach'), []);
    const steps: [write: () => Promise<unknown>, expected: string[]][] = [
      [() => api.call('PUT', '/v1/users/ada', { contacts: { email: 'a@b.example' } }), ['ada']],
      [() => api.call('PUT', '/v1/users/ada', { contacts: { email: null } }), []],
      [() => api.call('PUT', '/v1/users/bob', { attributes: { plan: 'gold' } }), ['bob']],
      [() => api.call('PUT', '/v1/users/bob', { attributes: {} }), []],
      [() => api.call('PUT', '/v1/topics/sport%2Fski/subscribers/cy'), ['cy']],
      [() => api.call('DELETE', '/v1/topics/sport%2Fski/subscribers/cy'), []],
      [() => api.call('PUT', '/v1/users/new', { attributes: { plan: 'gold' } }), ['new']],
      [() => api.call('DELETE', '/v1/users/new'), []],
      [() => api.call('POST', '/v1/users/ada/devices', { platform: 'ios', token: 'f'.repeat(64) }), ['ada']],
      // A token moves to another user: both are judged.
      [() => api.call('POST', '/v1/users/bob/devices', { platform: 'ios', token: 'f'.repeat(64) }), ['bob']],
      [
        () =>
          store().engine.query(
            `update devices set inactive_at = $2 where tenant_id = $1 and platform = 'ios'`,
            [api.tenantId, new Date(api.clock.now())],
          ),
        [],
      ],
      [
        () =>
          store().engine.query(
            `insert into preferences select tenant_id, id, '*', 'sms', 'in', 'api', $2 from users
               where tenant_id = $1 and external_id = 'cy'`,
            [api.tenantId, new Date(api.clock.now())],
          ),
        ['cy'],
      ],
      [() => store().engine.query('delete from preferences where tenant_id = $1', [api.tenantId]), []],
    ];
    let moves = 0;
    for (const [i, [write, expected]] of steps.entries()) {
      await write();
      while ((await applyChanges(store(), api.clock.now())) > 0);
      assert.deepEqual(await members('reach'), expected, `after step ${i}`);
      assert.equal((await read('reach')).count, expected.length, `after step ${i}`);
      moves++;
    }
    const { added, removed } = await read('reach');
    assert.deepEqual([added, removed, moves], [7, 7, steps.length]);
  });

  it('show the old members until a new rule is complete', async () => {
    await declare('turn', { attribute: 'plan', is: 'pro' });
    await settle();
    await declare('turn', { not: { attribute: 'plan', is: 'pro' } });
    const building = await read('turn');
    assert.deepEqual([building.state, building.count], ['building', 2]);
    assert.deepEqual(await members('turn'), ['ada', 'cy']);
    await settle();
    assert.deepEqual([(await read('turn')).state, await members('turn')], ['ready', ['bob']]);
    const { rows } = await store().engine.query(
      'select count(distinct m.generation) as n from segment_members m join segments s on s.uid = m.segment_uid where s.id = $1',
      ['turn'],
    );
    assert.equal(rows[0].n, 1, 'what nobody reads is deleted');
  });

  it('go by what they name, and cannot name themselves or lose what they name', async () => {
    await declare('base', { attribute: 'plan', is: 'pro' });
    await declare('rest', { not: { segment: 'base' } });
    await settle();
    assert.deepEqual(await members('rest'), ['bob']);
    await declare('base', { attribute: 'plan', is: 'none' });
    assert.equal((await read('rest')).state, 'building');
    await settle();
    assert.deepEqual(await members('rest'), ['ada', 'bob', 'cy']);
    const cycle = await api.call('PUT', '/v1/segments/base', { rule: { segment: 'rest' } });
    assert.deepEqual([cycle.status, cycle.body.errors[0].field], [400, '/rule']);
    assert.equal((await api.call('PUT', '/v1/segments/self', { rule: { segment: 'self' } })).status, 400);
    assert.equal((await api.call('PUT', '/v1/segments/lost', { rule: { segment: 'nowhere' } })).status, 400);
    assert.deepEqual((await api.call('DELETE', '/v1/segments/base')).body.code, 'segment.in_use');
    assert.equal((await api.call('DELETE', '/v1/segments/rest')).status, 204);
    assert.equal((await api.call('DELETE', '/v1/segments/base')).status, 204);
    assert.equal((await api.call('GET', '/v1/segments/base')).status, 404);
  });

  it('change with time alone, by a pass every fifteen minutes', async () => {
    await api.call('POST', '/v1/users/ada/devices', { platform: 'web', subscription: undefined, token: 'x' });
    await api.call('POST', '/v1/users/ada/devices', { platform: 'android', token: 'x'.repeat(100) });
    await declare('lively', { active: { withinDays: 2 } });
    await settle();
    const lively = await members('lively');
    assert.ok(lively.includes('ada'));
    // The pass that looks for what was under way while the segment was made.
    api.clock.advance(61_000);
    await settle();
    api.clock.advance(2 * DAY_MS);
    await settle();
    assert.deepEqual(await members('lively'), []);
    await api.call('DELETE', '/v1/segments/lively');
  });

  it('hear of what users open and click', async () => {
    await declare('readers', { opened: { withinDays: 2 } });
    await declare('sleepers', { not: { active: { withinDays: 2 } } });
    await settle();
    assert.deepEqual(await members('readers'), []);
    assert.ok((await members('sleepers')).includes('bob'));
    await store().engine.query(
      `insert into engagements select tenant_id, id, $2, null from users where tenant_id = $1 and external_id = 'bob'`,
      [api.tenantId, new Date(api.clock.now())],
    );
    await settle();
    assert.deepEqual(await members('readers'), ['bob']);
    assert.ok(!(await members('sleepers')).includes('bob'));
    for (const id of ['readers', 'sleepers']) await api.call('DELETE', `/v1/segments/${id}`);
  });

  it('are right after users and rules changed in the middle of a pass', async () => {
    const { tenantId } = api;
    const at = new Date(api.clock.now());
    await store().engine.query(
      `insert into users select $1, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'many' || n, null, null,
         jsonb_build_object('n', n), $2, $2 from generate_series(1, 2500) n`,
      [tenantId, at],
    );
    while ((await applyChanges(store(), api.clock.now())) > 0);
    await declare('even', { attribute: 'n', atLeast: 501 });
    const first = await refreshPage(store(), api.clock.now());
    assert.deepEqual([first?.segment.id, first?.users, first?.isDone], ['even', 2_000, false]);
    assert.equal((await read('even')).state, 'building');
    // One that was judged already, one that was not, one that goes.
    await store().engine.query(
      `update users set attributes = case external_id when 'many1' then '{"n": 5000}' else '{"n": 0}' end::jsonb
       where tenant_id = $1 and external_id in ('many1', 'many2400')`,
      [tenantId],
    );
    await store().engine.query("delete from users where tenant_id = $1 and external_id = 'many1500'", [
      tenantId,
    ]);
    await settle();
    assert.deepEqual([(await read('even')).count, (await members('even')).length], [1_999, 1_999]);
    // A pass that only makes sure goes slowly: it finds what is wrong all the same.
    await store().engine.query(
      `update users set attributes = '{"n": 0}' where tenant_id = $1 and external_id in ('many600', 'many2300')`,
      [tenantId],
    );
    await store().engine.query('delete from audience_changes');
    api.clock.advance(61_000);
    const pages: (string | undefined)[] = [];
    for (let i = 0; i < 20 && (await read('even')).count !== 1_997; i++) {
      pages.push((await refreshPage(store(), api.clock.now()))?.segment.id);
      if (pages.at(-1) === undefined) api.clock.advance(100);
    }
    assert.equal((await members('even')).length, 1_997);
    const even = pages.indexOf('even');
    assert.ok(pages.indexOf(undefined, even) > even, 'a pause between two pages');
    assert.equal((await read('even')).state, 'ready');
    await store().engine.query("delete from users where tenant_id = $1 and external_id like 'many%'", [
      tenantId,
    ]);
    await settle();
    assert.equal((await read('even')).count, 0);
    await api.call('DELETE', '/v1/segments/even');
  });

  it('are counted without being made, for a limited time', async () => {
    const whole = await api.call('POST', '/v1/segments/count', { rule: { locale: 'de' } });
    assert.deepEqual(whole.body, { count: 3, atLeast: false, usersSeen: 3 });
    const rule = { locale: 'de' };
    const options = { tenantId: api.tenantId, rule, page: 1 };
    const cut = await countRule({ store: store(), clock: api.clock }, { ...options, budgetMs: 0 });
    assert.deepEqual(cut, { count: 1, users: 1, isComplete: false });
    const all = await countRule({ store: store(), clock: api.clock }, { ...options, budgetMs: 1 });
    assert.deepEqual(all, { count: 3, users: 3, isComplete: true });
    const wrong = await api.call('POST', '/v1/segments/count', { rule: { sql: '1=1' } });
    assert.deepEqual([wrong.status, wrong.body.errors[0].field], [400, '/rule']);
  });

  it('belong to a tenant', async () => {
    await declare('mine', { locale: 'de' });
    for (const [method, url] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/members'],
    ])
      assert.equal((await api.callAsOther(method!, `/v1/segments/mine${url}`)).status, 404);
    assert.deepEqual((await api.callAsOther('GET', '/v1/segments')).body.items, []);
    await api.callAsOther('PUT', '/v1/segments/pros', { rule: { attribute: 'plan', is: 'pro' } });
    await settle();
    const { body } = await api.callAsOther('GET', '/v1/segments/pros/members');
    assert.deepEqual(body.items, [{ userId: 'stranger' }]);
  });

  it('cost nothing where there are none', async () => {
    await store().engine.query('delete from segments');
    await api.call('PUT', '/v1/users/quiet', { contacts: { email: 'q@b.example' } });
    assert.equal(await applyChanges(store(), api.clock.now()), 0);
  });

  it('have rules that can all be read at once', async () => {
    const values = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(256, 'x'));
    const wide = { any: Array.from({ length: 20 }, () => ({ attribute: 'plan', in: values })) };
    const { status, body } = await api.call('PUT', '/v1/segments/wide', { rule: wide });
    assert.deepEqual(
      [status, body.errors],
      [400, [{ field: '/rule', rule: 'must have at most 16384 bytes as JSON' }]],
    );
  });

  it('know nobody who only stands for a bare address, nor do exports', async () => {
    const rule = { locale: 'fr' };
    await declare('before', rule);
    await settle();
    await api.call('PUT', '/v1/users/guy', { locale: 'fr' });
    const stranger = { tenantId: api.tenantId, externalId: 'otp:1', locale: 'fr', contacts: [] };
    await store().transaction((db) => saveInternalUser(db, stranger, api.clock.now()));
    await declare('after', rule);
    await settle();
    for (const id of ['before', 'after']) assert.deepEqual(await members(id), ['guy'], id);
    const counted = await api.call('POST', '/v1/segments/count', { rule });
    assert.equal(counted.body.count, 1);
    const all = await listExternalIds(store().engine, { tenantId: api.tenantId, after: null, limit: 100 });
    assert.ok(all.length > 0 && all.every(({ external_id }) => external_id !== 'otp:1'));
    await api.call('DELETE', '/v1/users/guy');
    for (const id of ['before', 'after']) await api.call('DELETE', `/v1/segments/${id}`);
  });

  it('that fail hold up no other', async () => {
    const rule = { attribute: 'plan', is: 'pro' };
    await declare('poison', rule);
    await declare('well', { attribute: 'plan', is: 'swift' });
    await settle();
    const { engine } = store();
    const { tenantId } = api;
    await engine.query("update segments set rule = '{}' where tenant_id = $1 and id = 'poison'", [tenantId]);
    await api.call('PUT', '/v1/users/dee', { attributes: { plan: 'swift' } });
    await assert.rejects(applyChanges(store(), api.clock.now()));
    while ((await applyChanges(store(), api.clock.now())) > 0);
    assert.deepEqual(await members('well'), ['dee']);
    const { state, problem } = await read('poison');
    assert.deepEqual([state, problem], ['failed', 'The database could not judge its users; trying again']);
    await api.call('DELETE', '/v1/users/dee');
    for (const id of ['poison', 'well']) await api.call('DELETE', `/v1/segments/${id}`);
  });
});
