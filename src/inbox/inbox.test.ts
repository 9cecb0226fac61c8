import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { serveTwoTenants, type TwoTenants } from '../../test/support/two-tenants.ts';
import { uuidv7 } from '../lib/ids.ts';
import { registerUserRoutes } from '../users/index.ts';
import { type NewInboxItem, registerInboxRoutes, storeInboxItems } from './index.ts';

describeStores('the inbox', (store) => {
  let api: TwoTenants;
  let user: string;
  let userId: string;
  before(async () => {
    api = await serveTwoTenants(store(), (app, deps) => {
      registerUserRoutes(app, deps);
      registerInboxRoutes(app, deps);
    });
  });
  after(() => api.close());
  beforeEach(async () => {
    api.clock.advance(60_000);
    user = `user-${api.clock.now()}`;
    userId = (await api.call('PUT', `/v1/users/${user}`, {})).body.id;
  });

  const item = (change: Partial<NewInboxItem> = {}): NewInboxItem => ({
    tenantId: api.tenantId,
    userId,
    id: uuidv7(api.clock.now()),
    live: true,
    notificationId: uuidv7(api.clock.now()),
    category: 'transactional',
    item: { title: 'Hello', body: 'World', actions: [], data: {} },
    createdAt: api.clock.now(),
    expiresAt: null,
    ...change,
  });
  const add = async (...items: NewInboxItem[]) => {
    await storeInboxItems(store().engine, items);
    return items.map(({ id }) => id);
  };
  const at = (path = '') => `/v1/users/${user}/inbox${path}`;
  const list = async (query = '', call = api.call) => (await call('GET', at(query))).body;
  const idsOf = async (query = '') => (await list(query)).items.map((shown: { id: string }) => shown.id);
  const counts = async () => {
    const { unseen, unread } = (await api.call('GET', at('/counts'))).body;
    return [unseen, unread];
  };

  it('stores a delivery once, however often it is written', async () => {
    const first = item();
    await add(first);
    await add({ ...first, item: { ...first.item, title: 'Again' } }, item());
    const { items } = await list();
    assert.equal(items.length, 2);
    assert.equal(items[1].title, 'Hello');
  });

  it('shows an item whole', async () => {
    const content = {
      title: 'Grüße "{a,b}" \\',
      body: 'Line\nbreak',
      url: 'https://example.com/1',
      image: 'https://example.com/1.png',
      actions: [
        { id: 'open', title: 'Open', url: 'app://open' },
        { id: 'later', title: 'Later' },
      ],
      data: { nested: { list: [1, null, 'x'] } },
    };
    const stored = item({
      item: content,
      expiresAt: api.clock.now() + 1_000,
      category: 'otp',
      tags: ['a b'],
    });
    await add(stored);
    assert.deepEqual((await list()).items, [
      {
        ...content,
        id: stored.id,
        notificationId: stored.notificationId,
        category: 'otp',
        tags: ['a b'],
        actions: content.actions.map((action) => ({ ...action, completedAt: null })),
        createdAt: new Date(stored.createdAt).toISOString(),
        expiresAt: new Date(stored.expiresAt!).toISOString(),
        seenAt: null,
        readAt: null,
        archivedAt: null,
      },
    ]);
  });

  it('leaves out items of users that are gone', async () => {
    await add(item({ userId: uuidv7(api.clock.now()) }), item());
    assert.equal((await list()).items.length, 1);
    await api.call('DELETE', `/v1/users/${user}`);
    await add(item());
    const { rows } = await store().engine.query('select count(*) from inbox_items where user_id = $1', [
      userId,
    ]);
    assert.equal(rows[0].count, 0);
  });

  it('is paged, newest first', async () => {
    const ids = await add(item(), item(), item(), item(), item());
    const first = await list('?limit=2');
    const [newest] = await add(item());
    const second = await list(`?limit=2&cursor=${first.nextCursor}`);
    const third = await list(`?limit=2&cursor=${second.nextCursor}`);
    const shown = [...first.items, ...second.items, ...third.items].map(({ id }) => id);
    assert.deepEqual([shown, third.nextCursor], [ids.reverse(), null]);
    assert.equal((await idsOf())[0], newest);
  });

  it('shows by state, and hides what is archived or expired unless asked', async () => {
    const [plain, seen, read, archived, expired] = (await add(
      item(),
      item(),
      item(),
      item(),
      item({ expiresAt: api.clock.now() }),
    )) as [string, string, string, string, string];
    await api.call('POST', at(`/${seen}/seen`));
    await api.call('POST', at(`/${read}/read`));
    await api.call('POST', at(`/${archived}/archive`));
    assert.deepEqual(await idsOf(), [read, seen, plain]);
    assert.deepEqual(await idsOf('?state=unread'), [seen, plain]);
    assert.deepEqual(await idsOf('?state=unseen'), [plain]);
    assert.deepEqual(await idsOf('?state=archived'), [archived]);
    assert.deepEqual(await idsOf('?state=all'), [expired, archived, read, seen, plain]);
    assert.deepEqual(await counts(), [1, 2]);
  });

  it('counts up to 100 and shows "99+" from there', async () => {
    await add(...Array.from({ length: 99 }, () => item()));
    const full = (await api.call('GET', at('/counts'))).body;
    assert.deepEqual(full, { unseen: 99, unread: 99, display: { unseen: '99', unread: '99' } });
    await add(...Array.from({ length: 51 }, () => item()));
    const over = (await api.call('GET', at('/counts'))).body;
    assert.deepEqual(over, { unseen: 100, unread: 100, display: { unseen: '99+', unread: '99+' } });
  });

  it('keeps the first time of each mark, and a mark includes those before it', async () => {
    const [id] = await add(item());
    const times: number[] = [];
    const mark = async (name: string) => {
      api.clock.advance(1_000);
      times.push(api.clock.now());
      const { seenAt, readAt, archivedAt } = (await api.call('POST', at(`/${id}/${name}`))).body;
      return [seenAt, readAt, archivedAt].map((time) => time && times.indexOf(Date.parse(time)));
    };
    assert.deepEqual(await mark('seen'), [0, null, null]);
    assert.deepEqual(await mark('seen'), [0, null, null]);
    assert.deepEqual(await mark('archive'), [0, 2, 2]);
    assert.deepEqual(await mark('read'), [0, 2, 2]);
    assert.deepEqual(await mark('archive'), [0, 2, 2]);
  });

  it('is read as a whole, up to the newest item that was shown', async () => {
    const [, shown] = await add(item(), item());
    const [later] = await add(item());
    assert.deepEqual((await api.call('POST', at('/read-all'), { before: shown })).body, { marked: 2 });
    assert.deepEqual(await idsOf('?state=unread'), [later]);
    assert.deepEqual((await api.call('POST', at('/read-all'))).body, { marked: 1 });
    assert.deepEqual((await api.call('POST', at('/read-all'), {})).body, { marked: 0 });
    assert.deepEqual(await counts(), [0, 0]);
  });

  it('keeps live and test items apart', async () => {
    const [live, trial] = await add(item(), item({ live: false }));
    assert.deepEqual(await idsOf(), [live]);
    assert.deepEqual(
      (await list('', api.callAsTest)).items.map((shown: { id: string }) => shown.id),
      [trial],
    );
    assert.equal((await api.call('POST', at(`/${trial}/read`))).status, 404);
    await api.call('POST', at('/read-all'));
    assert.equal((await api.callAsTest('GET', at('/counts'))).body.unread, 1);
  });

  it('of another tenant does not exist on any route', async () => {
    const [id] = await add(item());
    const routes: [string, string][] = [
      ['GET', at()],
      ['GET', at('/counts')],
      ['POST', at(`/${id}/seen`)],
      ['POST', at(`/${id}/read`)],
      ['POST', at(`/${id}/archive`)],
      ['POST', at('/read-all')],
    ];
    for (const [method, url] of routes) {
      const { status, body } = await api.callAsOther(method, url);
      assert.deepEqual([status, body.code], [404, 'user.not_found'], `${method} ${url}`);
    }
    // The same external id in the other tenant is another user.
    await api.callAsOther('PUT', `/v1/users/${user}`, {});
    for (const [method, url] of routes.slice(2, 5)) {
      assert.equal((await api.callAsOther(method, url)).body.code, 'inbox.item_not_found');
    }
    assert.deepEqual((await list('', api.callAsOther)).items, []);
    assert.deepEqual((await api.callAsOther('POST', at('/read-all'))).body, { marked: 0 });
    assert.deepEqual(await counts(), [1, 1]);
  });

  it('answers 404 or 400 to ids and bodies that make no sense', async () => {
    assert.equal((await api.call('POST', at('/no-uuid/read'))).body.code, 'inbox.item_not_found');
    assert.equal((await api.call('POST', at(`/${uuidv7(0)}/read`))).body.code, 'inbox.item_not_found');
    assert.equal((await api.call('GET', '/v1/users/nobody/inbox')).body.code, 'user.not_found');
    for (const body of [{ before: 'x' }, { after: uuidv7(0) }, [], '{"__proto__": {}}', '"x"']) {
      assert.equal((await api.call('POST', at('/read-all'), body)).status, 400, JSON.stringify(body));
    }
    assert.equal((await api.call('GET', at('?state=deleted'))).status, 400);
    assert.equal((await api.call('GET', at('?cursor=eHg'))).status, 400);
  });
});
