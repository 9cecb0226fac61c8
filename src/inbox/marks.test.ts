import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { serveInbox } from '../../test/support/inbox.ts';
import { type Laddered, serveLaddered } from '../../test/support/laddered.ts';
import { describeStores } from '../../test/support/stores.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { uuidv7 } from '../lib/ids.ts';
import { type NewInboxItem, purgeInboxChanges } from './index.ts';

type Served = Awaited<ReturnType<typeof serveInbox>>;

describeStores('what users do with their items', (store) => {
  let api: Served;
  let tenant: Awaited<ReturnType<Served['newTenant']>>;
  let users = 0;
  before(async () => {
    api = await serveInbox(store());
    tenant = await api.newTenant();
  });
  after(() => api.close());

  const start = async () => {
    const user = await api.newUser(tenant, `user-${++users}`);
    const call = async (request: string, body?: unknown) =>
      (await api.call(user.token, request, { body })).body;
    return {
      user,
      call,
      add: (...changes: Partial<NewInboxItem>[]) =>
        api.add(user, ...changes) as Promise<[string, ...string[]]>,
      mark: (id: string, mark: string) => call(`POST /v1/inbox/${id}/${mark}`),
      bulk: async (mark: string, which: object) =>
        (await call('POST /v1/inbox/bulk', { mark, ...which })).changed,
      ids: async (query = '') =>
        (await call(`GET /v1/inbox${query}`)).items.map(({ id }: { id: string }) => id) as string[],
      counts: async (query = '') => {
        const { unseen, unread } = await call(`GET /v1/inbox/counts${query}`);
        return [unseen, unread];
      },
    };
  };
  const times = ({ seenAt, readAt, archivedAt }: Record<string, string | null>) =>
    [seenAt, readAt, archivedAt].map((time) => time !== null);
  /** An item of a delivery that is on record. */
  const delivered = async () => {
    const notification_id = await insertNotification(store(), tenant.tenantId);
    const columns = { notification_id, channel: 'inbox', state: 'sent' as const };
    return insertDelivery(store(), tenant.tenantId, columns);
  };
  const marksOf = async (id: string) => {
    const { opened_at, clicked_at } = await readDelivery(store(), id);
    return [opened_at, clicked_at].map((time) => time?.getTime() ?? null);
  };

  it('are taken back: unread again stays seen, and comes out of the archive as it went in', async () => {
    const { add, mark, counts } = await start();
    const [id] = await add({});
    await mark(id, 'archive');
    assert.deepEqual(times(await mark(id, 'unarchive')), [true, true, false]);
    assert.deepEqual(times(await mark(id, 'unread')), [true, false, false]);
    assert.deepEqual(await counts(), [0, 1]);
    assert.deepEqual(times(await mark(id, 'unread')), [true, false, false]);
    assert.deepEqual(times(await mark(id, 'read')), [true, true, false]);
  });

  it('are deleted for good', async () => {
    const { user, add, call, ids, counts } = await start();
    const [gone, stays] = await add({}, {});
    assert.equal((await api.call(user.token, `DELETE /v1/inbox/${gone}`)).status, 204);
    assert.equal((await call(`DELETE /v1/inbox/${gone}`)).code, 'inbox.item_not_found');
    assert.equal((await call(`GET /v1/inbox/${gone}`)).code, 'inbox.item_not_found');
    assert.equal((await call(`GET /v1/inbox/${stays}`)).id, stays);
    assert.deepEqual([await ids('?state=all'), await counts()], [[stays], [1, 1]]);
  });

  it('are listed and counted by category and tag', async () => {
    const { add, ids, counts } = await start();
    const [a, b, c] = await add(
      { category: 'orders', tags: ['eu', 'new'] },
      { category: 'orders', tags: ['us'] },
      { category: 'news', tags: ['eu'] },
    );
    assert.deepEqual(await ids('?category=orders'), [b, a]);
    assert.deepEqual(await ids('?tag=eu'), [c, a]);
    assert.deepEqual(await ids('?tag=eu&category=orders&state=unread'), [a]);
    assert.deepEqual(await ids('?tag=e'), []);
    assert.deepEqual(await counts('?category=orders'), [2, 2]);
    assert.deepEqual(await counts('?tag=eu&category=news'), [1, 1]);
  });

  it('are marked together, by ids or by what fits, and what comes meanwhile is left alone', async () => {
    const { add, bulk, ids, counts } = await start();
    const [a, b, shown] = await add({ tags: ['x'] }, { tags: ['x'] }, {});
    const [late] = await add({ tags: ['x'] });
    assert.equal(await bulk('seen', { filter: { before: shown } }), 3);
    assert.deepEqual(await counts(), [1, 4]);
    assert.equal(await bulk('read', { filter: { tag: 'x', before: shown } }), 2);
    assert.equal(await bulk('read', { filter: { tag: 'x', before: shown } }), 0);
    assert.deepEqual(await ids('?state=unread'), [late, shown]);
    assert.equal(await bulk('archive', { filter: { state: 'read', before: shown } }), 2);
    assert.deepEqual(await ids(), [late, shown]);
    assert.equal(await bulk('unarchive', { ids: [a, late, uuidv7(0)] }), 1);
    assert.equal(await bulk('unread', { ids: [a, b] }), 2);
    assert.equal(await bulk('delete', { filter: { before: shown, state: 'unread' } }), 3);
    assert.deepEqual(await ids('?state=all'), [late]);
  });

  it('are told which, or by what, but never both or neither', async () => {
    const { user, add } = await start();
    const [id] = await add({});
    for (const body of [
      {},
      { mark: 'read' },
      { mark: 'read', ids: [id], filter: {} },
      { mark: 'read', ids: [] },
      { mark: 'read', ids: ['x'] },
      { mark: 'click', ids: [id] },
      { mark: 'read', filter: { before: 'x' } },
      { mark: 'read', filter: { user: 'bob' } },
    ])
      assert.equal(
        (await api.call(user.token, 'POST /v1/inbox/bulk', { body })).status,
        400,
        JSON.stringify(body),
      );
  });

  it('make an item vanish at its time, and the counts follow', async () => {
    const { add, ids, counts } = await start();
    const [brief, lasting] = await add({ expiresAt: api.clock.now() + 1_000 }, {});
    assert.deepEqual(
      [await ids(), await counts()],
      [
        [lasting, brief],
        [2, 2],
      ],
    );
    api.clock.advance(1_000);
    assert.deepEqual([await ids(), await counts()], [[lasting], [1, 1]]);
  });

  it('let an item take the place of an unread one with its key, never of one that was read', async () => {
    const { add, mark, ids, counts } = await start();
    const collapseKey = 'order "7"';
    const [first] = await add({ collapseKey });
    await mark(first, 'seen');
    const [other] = await add({ collapseKey: 'order 8' });
    const [second] = await add({ collapseKey });
    assert.deepEqual(
      [await ids(), await counts()],
      [
        [second, other],
        [2, 2],
      ],
    );
    await mark(second!, 'read');
    const [third] = await add({ collapseKey });
    assert.deepEqual(await ids(), [third, second, other]);
    const batch = await add({ collapseKey }, { collapseKey });
    assert.deepEqual(await ids(), [batch[1], second, other], 'of those that come at once the last');
  });

  it('leave one of those that come at once with one key', async () => {
    const { add, ids } = await start();
    await Promise.all(Array.from({ length: 5 }, () => add({ collapseKey: 'k' })));
    assert.equal((await ids()).length, 1);
  });

  it('are numbered without gaps, however many write at once', async () => {
    const { user, add, mark } = await start();
    await Promise.all(Array.from({ length: 8 }, async () => mark((await add({}, {}))[0], 'read')));
    const { rows } = await store().engine.query(
      `select array_agg(seq::int order by seq) as seqs, (select seq from inbox_cursors where user_id = $1) as latest
        from inbox_changes where user_id = $1`,
      [user.userId],
    );
    assert.deepEqual(
      rows[0].seqs,
      Array.from({ length: 24 }, (_, i) => i + 1),
    );
    assert.equal(rows[0].latest, 24);
  });

  it('are remembered for a thousand changes, and forgotten with the user', async () => {
    const { user, add } = await start();
    for (let i = 0; i < 3; i++) await add(...Array.from({ length: 400 }, () => ({})));
    const kept = async () => {
      const { rows } = await store().engine.query(
        `select count(*) as n, min(seq) as first from inbox_changes where user_id = $1`,
        [user.userId],
      );
      return [rows[0].n, rows[0].first];
    };
    assert.deepEqual(await kept(), [1_000, 201]);
    const purge = (at: number, limit: number) => purgeInboxChanges(store().engine, new Date(at), limit);
    await purge(api.clock.now(), 10_000);
    assert.deepEqual(await kept(), [1_000, 201], 'what is young enough stays');
    assert.equal(await purge(api.clock.now() + 1, 10), 10);
    await api.call(tenant.key, `DELETE /v1/users/user-${users}`);
    assert.deepEqual(await kept(), [0, null], 'and nothing of who is gone');
  });

  it('tell the delivery: read is opened, a link or button that was followed is clicked', async () => {
    const { add, mark, call, bulk } = await start();
    const actions = [{ id: 'pay', title: 'Pay' }];
    const item = { title: 'Bill', body: '', actions, data: {} };
    const [seen, read, followed, pressed, many] = await Promise.all(Array.from({ length: 5 }, delivered));
    await add({ id: seen }, { id: read }, { id: followed }, { id: pressed, item }, { id: many });
    const at = api.clock.now();
    await mark(seen!, 'seen');
    await mark(read!, 'read');
    await mark(followed!, 'click');
    const answer = await call(`POST /v1/inbox/${pressed}/actions/pay`);
    assert.deepEqual(
      [answer.actions[0].completedAt, times(answer)],
      [new Date(at).toISOString(), [true, true, false]],
    );
    await bulk('archive', { ids: [many] });
    assert.deepEqual(await marksOf(seen!), [null, null]);
    assert.deepEqual(await marksOf(read!), [at, null]);
    assert.deepEqual(await marksOf(followed!), [at, at]);
    assert.deepEqual(await marksOf(pressed!), [at, at]);
    assert.deepEqual(await marksOf(many!), [at, null]);
    api.clock.advance(1_000);
    const again = await call(`POST /v1/inbox/${pressed}/actions/pay`);
    assert.equal(again.actions[0].completedAt, new Date(at).toISOString(), 'the first time counts');
    await mark(read!, 'click');
    assert.deepEqual(await marksOf(read!), [at, at + 1_000], 'also of what was read before');
    assert.equal((await call(`POST /v1/inbox/${pressed}/actions/no`)).code, 'inbox.action_not_found');
    assert.equal((await call(`POST /v1/inbox/${read}/actions/pay`)).code, 'inbox.action_not_found');
    assert.equal((await call(`POST /v1/inbox/${uuidv7(0)}/actions/pay`)).code, 'inbox.item_not_found');
  });
});

describeStores('a ladder that goes on until a click', (store) => {
  let to: Laddered;
  before(async () => {
    to = await serveLaddered(store());
  });
  after(() => to.close());

  it('is not stopped by reading, and is by following an item that was read', async () => {
    const steps = [{ channels: ['inbox'], waitSeconds: 60 }, { channels: ['sms'] }];
    const id = await to.notify({
      message: { title: 'Bill', body: 'Pay' },
      ladder: { steps, until: 'clicked' },
    });
    await to.route();
    const [item] = await to.send('inbox');
    const stored = to.call('POST', `/v1/users/ada/inbox/${item}/read`);
    assert.equal((await stored).status, 200);
    assert.equal((await to.story(id)).length, 1);
    await to.call('POST', `/v1/users/ada/inbox/${item}/click`);
    await to.route();
    assert.deepEqual(await to.story(id), ['0 inbox sent', '1 sms skipped ladder_stopped']);
  });
});
