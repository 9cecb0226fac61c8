import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { registerUserRoutes } from '../users/index.ts';
import { registerTopicRoutes } from './topic-routes.ts';

describeStores('topics', (store) => {
  let api: TwoTenants;
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) => {
      registerUserRoutes(app, deps);
      registerTopicRoutes(app, { ...deps, wake: { signal() {} } });
    });
    for (const name of ['ada', 'bob', 'cy', 'dan']) await api.call('PUT', `/v1/users/${name}`, {});
    await api.callAsOther('PUT', '/v1/users/ada', {});
  });
  after(() => api.close());

  const at = (topic: string) => `/v1/topics/${encodeURIComponent(topic)}/subscribers`;
  const subscribe = (topic: string, ...users: string[]) => api.call('POST', at(topic), { subscribe: users });
  async function subscribers(topic: string, limit = 100): Promise<string[]> {
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { status, body } = await api.call(
        'GET',
        `${at(topic)}?limit=${limit}${cursor ? `&cursor=${cursor}` : ''}`,
      );
      assert.equal(status, 200, JSON.stringify(body));
      found.push(...body.items.map((item: { userId: string }) => item.userId));
      cursor = body.nextCursor;
    }
    return found;
  }

  it('reach the subscribers of everything below, each once, and nobody beside', async () => {
    await subscribe('sport', 'ada');
    await subscribe('sport/football', 'ada', 'bob');
    await subscribe('sport/football/berlin', 'ada', 'bob', 'cy');
    await subscribe('sport-news', 'dan');
    await subscribe('sport0', 'dan');
    await subscribe('spor', 'dan');
    for (const limit of [1, 2, 100])
      assert.deepEqual((await subscribers('sport', limit)).sort(), ['ada', 'bob', 'cy'], `by ${limit}`);
    assert.deepEqual((await subscribers('sport/football')).sort(), ['ada', 'bob', 'cy']);
    assert.deepEqual(await subscribers('sport/football/berlin', 1), ['ada', 'bob', 'cy']);
    assert.deepEqual(await subscribers('sport/foot'), []);
    assert.deepEqual(await subscribers('sport-news'), ['dan']);
  });

  it('are joined and left by one user, again and again without harm', async () => {
    const one = `${at('music/jazz')}/dan`;
    for (let i = 0; i < 2; i++) assert.equal((await api.call('PUT', one)).status, 204);
    const { body } = await api.call('GET', '/v1/users/dan/topics');
    assert.ok(body.items.some((item: { topic: string }) => item.topic === 'music/jazz'));
    // From exactly this topic.
    await api.call('DELETE', `${at('music')}/dan`);
    assert.deepEqual(await subscribers('music'), ['dan']);
    for (let i = 0; i < 2; i++) assert.equal((await api.call('DELETE', one)).status, 204);
    assert.deepEqual(await subscribers('music'), []);
  });

  it('are joined and left by many, who were unknown is said', async () => {
    const first = await api.call('POST', at('news'), { subscribe: ['ada', 'nobody', 'bob', 'cy'] });
    assert.deepEqual(first.body, { subscribed: 3, unsubscribed: 0, unknown: ['nobody'] });
    const second = await api.call('POST', at('news'), {
      subscribe: ['ada', 'dan'],
      unsubscribe: ['bob', 'who'],
    });
    assert.deepEqual(second.body, { subscribed: 1, unsubscribed: 1, unknown: ['who'] });
    assert.deepEqual((await subscribers('news')).sort(), ['ada', 'cy', 'dan']);
  });

  it('are listed, all or below one', async () => {
    for (const topic of ['list', 'list/a', 'list/a/b', 'list/c', 'list-d'])
      await subscribe(topic, 'ada', 'bob');
    const first = await api.call('GET', '/v1/topics?under=list&limit=2');
    assert.deepEqual(first.body.items, [{ topic: 'list/a' }, { topic: 'list/a/b' }]);
    const rest = await api.call('GET', `/v1/topics?under=list&cursor=${first.body.nextCursor}`);
    assert.deepEqual(rest.body, { items: [{ topic: 'list/c' }], nextCursor: null });
    const all = await api.call('GET', '/v1/topics?limit=100');
    assert.ok(all.body.items.length > 5);
  });

  it('go with their user, and belong to a tenant', async () => {
    await api.call('PUT', '/v1/users/gone', {});
    await subscribe('mine', 'gone', 'ada');
    assert.equal((await api.call('DELETE', '/v1/users/gone')).status, 204);
    assert.deepEqual(await subscribers('mine'), ['ada']);
    const foreign = await api.callAsOther('GET', at('mine'));
    assert.deepEqual(foreign.body.items, []);
    assert.deepEqual((await api.callAsOther('GET', '/v1/topics')).body.items, []);
    assert.equal((await api.callAsOther('PUT', `${at('mine')}/bob`)).status, 404);
    await api.callAsOther('DELETE', `${at('mine')}/ada`);
    assert.deepEqual(await subscribers('mine'), ['ada']);
  });

  for (const topic of ['Sport', 'a//b', '/a', 'a/', 'a b', 'a/b/c/d/e/f/g/h/i', '%', 'x'.repeat(65)]) {
    it(`refuse the name "${topic}"`, async () => {
      const { status } = await api.call('PUT', `${at(topic)}/ada`);
      assert.equal(status, 400);
    });
  }
});
