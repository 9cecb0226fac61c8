import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Pool } from 'pg';
import { type Heard, listen, serveInbox } from '../../test/support/inbox.ts';
import { describeStores } from '../../test/support/stores.ts';
import { silentLogger } from '../lib/logger.ts';
import { Streams } from './index.ts';

const told = ({ id, event, data }: Heard) => [id, event, data.item?.id ?? data.id ?? null];

type Served = Awaited<ReturnType<typeof serveInbox>>;

describeStores('a stream of an inbox', (store) => {
  let api: Served;
  let tenant: Awaited<ReturnType<Served['newTenant']>>;
  let users = 0;
  before(async () => {
    api = await serveInbox(store());
    tenant = await api.newTenant();
  });
  after(() => api.close());
  const newUser = () => api.newUser(tenant, `user-${++users}`);
  const open = (token: string | null, query = '', headers = {}) =>
    listen(`${api.origin}/v1/inbox/stream${query}`, token, headers);
  const unread = ({ data }: Heard) => (data.counts ?? data).unread;

  it('begins with the counts, and tells of what comes, is changed and goes', async () => {
    const ada = await newUser();
    const [old] = await api.add(ada, {});
    const stream = await open(ada.token);
    assert.deepEqual(
      ['content-type', 'cache-control', 'x-accel-buffering'].map((name) => stream.headers.get(name)),
      ['text/event-stream; charset=utf-8', 'no-cache, no-transform', 'no'],
    );
    const first = await stream.next();
    assert.deepEqual([first.event, first.id, unread(first)], ['counts', '1', 1]);
    const [id] = await api.add(ada, { item: { title: 'Grüße\n"x"', body: '', actions: [], data: { a: 1 } } });
    const created = await stream.next();
    assert.deepEqual(told(created), ['2', 'item.created', id]);
    assert.deepEqual(
      [created.data.item.title, created.data.item.data, unread(created)],
      ['Grüße\n"x"', { a: 1 }, 2],
    );
    await api.call(ada.token, `POST /v1/inbox/${id}/read`);
    const updated = await stream.next();
    assert.deepEqual([told(updated), unread(updated)], [['3', 'item.updated', id], 1]);
    assert.equal(updated.data.item.readAt, new Date(api.clock.now()).toISOString());
    await api.call(ada.token, `POST /v1/inbox/${id}/read`);
    await api.call(ada.token, `DELETE /v1/inbox/${old}`);
    const deleted = await stream.next();
    assert.deepEqual(
      [told(deleted), unread(deleted)],
      [['4', 'item.deleted', old], 0],
      'and not of what changed nothing',
    );
    stream.close();
  });

  it('goes on behind the last event, by header or address', async () => {
    const ada = await newUser();
    const [first, second, third] = await api.add(ada, {}, {}, {});
    for (const [query, headers] of [
      ['', { 'last-event-id': '1' }],
      ['?lastEventId=1', {}],
      ['?lastEventId=0', { 'last-event-id': '1' }],
    ] as const) {
      const stream = await open(ada.token, query, headers);
      assert.deepEqual(told(await stream.next()), ['2', 'item.created', second]);
      assert.deepEqual(told(await stream.next()), ['3', 'item.created', third]);
      assert.equal((await stream.next()).event, 'counts');
      stream.close();
    }
    await api.call(ada.token, `DELETE /v1/inbox/${first}`);
    const stream = await open(ada.token, '?lastEventId=0');
    assert.deepEqual(told(await stream.next()), ['1', 'item.deleted', first], 'as it is by now');
    stream.close();
  });

  it('asks for a new start when more was missed than is told, was forgotten, or never was', async () => {
    const ada = await newUser();
    await api.add(ada, ...Array.from({ length: 102 }, () => ({})));
    const expectSync = async (lastEventId: string, latest: string) => {
      const stream = await open(ada.token, `?lastEventId=${lastEventId}`);
      const first = await stream.next();
      assert.deepEqual([first.event, first.id], ['sync.required', latest], lastEventId);
      stream.close();
    };
    await expectSync('1', '102');
    const stream = await open(ada.token, '?lastEventId=2');
    assert.equal((await stream.next()).event, 'item.created', 'a hundred are told');
    stream.close();
    await store().engine.query('delete from inbox_changes where user_id = $1 and seq <= 100', [ada.userId]);
    await expectSync('99', '102');
    await expectSync('103', '102');
    await expectSync('x', '102');
    await expectSync('-1', '102');
    await api.call(ada.token, 'POST /v1/inbox/read-all');
    await expectSync('102', '103');
  });

  it('tells all who listen, each from where he is, and nobody else', async () => {
    const [ada, bob] = [await newUser(), await newUser()];
    const other = await api.newTenant();
    const stranger = await api.newUser(other, 'user-1');
    const streams = [
      await open(ada.token),
      await open(ada.token),
      await open(bob.token),
      await open(stranger.token),
    ];
    for (const stream of streams) await stream.next();
    const [id] = await api.add(ada, {});
    for (const stream of streams.slice(0, 2))
      assert.deepEqual(told(await stream.next()), ['1', 'item.created', id]);
    const [trial] = await api.add(ada, { live: false });
    const [his] = await api.add(bob, {});
    const [theirs] = await api.add(stranger, {});
    assert.deepEqual(told(await streams[2]!.next()), ['1', 'item.created', his]);
    assert.deepEqual(told(await streams[3]!.next()), ['1', 'item.created', theirs]);
    const [second] = await api.add(ada, {});
    assert.deepEqual(told(await streams[0]!.next()), ['2', 'item.created', second], `not of ${trial}`);
    for (const stream of streams) stream.close();
  });

  it('tells that one item took the place of another', async () => {
    const ada = await newUser();
    const [old] = await api.add(ada, { collapseKey: 'order 7' });
    const stream = await open(ada.token);
    await stream.next();
    const [id] = await api.add(ada, { collapseKey: 'order 7' });
    const [gone, created] = [await stream.next(), await stream.next()];
    assert.deepEqual(told(gone), [undefined, 'item.deleted', old]);
    assert.deepEqual([told(created), unread(created)], [['2', 'item.created', id], 1]);
    stream.close();
  });

  it('tells when an item expires', async () => {
    const ada = await newUser();
    const stream = await open(ada.token);
    await stream.next();
    const [id] = await api.add(ada, { expiresAt: api.clock.now() + 5_000 });
    assert.equal(unread(await stream.next()), 1);
    await api.streams.settled();
    api.clock.advance(5_000);
    const gone = await stream.next();
    assert.deepEqual([told(gone), unread(gone)], [[undefined, 'item.deleted', id], 0]);
    stream.close();
  });

  it('shows signs of life every 20 s, and ends with the token', async () => {
    const ada = await newUser();
    const body = { ttlSeconds: 60 };
    const { token } = (await api.call(tenant.key, `POST /v1/users/user-${users}/tokens`, { body })).body;
    const stream = await open(token);
    await stream.next();
    const pinged = stream.ping();
    api.clock.advance(20_000);
    await pinged;
    const [id] = await api.add(ada, {});
    assert.deepEqual(told(await stream.next()).slice(1), ['item.created', id]);
    api.clock.advance(40_000);
    assert.equal(await stream.ended, 'ended');
    assert.equal((await open(token)).status, 401);
  });

  it('is opened by a ticket for a minute, goes on with the token, and the ticket opens nothing else', async () => {
    const ada = await newUser();
    const { ticket } = (await api.call(ada.token, 'POST /v1/inbox/stream-tickets')).body;
    const stream = await open(null, `?ticket=${ticket}`);
    await stream.next();
    const read = await api.call(ticket, 'GET /v1/inbox');
    assert.deepEqual([read.status, read.body.code], [403, 'auth.forbidden']);
    assert.equal((await api.call(ticket, 'POST /v1/inbox/stream-tickets')).status, 403);
    api.clock.advance(60_000);
    assert.equal((await open(null, `?ticket=${ticket}`)).status, 401);
    const [id] = await api.add(ada, {});
    assert.deepEqual(told(await stream.next()).slice(1), ['item.created', id]);
    assert.equal(
      (await open(null, `?ticket=${ada.token}`)).status,
      403,
      'a token is too much for an address',
    );
    assert.equal((await open(null, `?ticket=${tenant.key}`)).status, 401);
    assert.equal((await open(tenant.key)).status, 403);
    assert.ok(!api.logs.join('').includes(ticket));
    stream.close();
  });

  it('is one of ten at most of a user', async () => {
    const ada = await newUser();
    const streams = [];
    for (let i = 0; i < 10; i++) streams.push(await open(ada.token));
    const eleventh = await api.call(ada.token, 'GET /v1/inbox/stream');
    assert.deepEqual([eleventh.status, eleventh.body.code], [429, 'inbox.too_many_streams']);
    for (const stream of streams) stream.close();
  });
});

describeStores('streams of an inbox', (store) => {
  it('go on where they were when the database was away', async () => {
    const api = await serveInbox(store());
    const ada = await api.newUser(await api.newTenant(), 'ada');
    let isAway = false;
    const failed = Promise.withResolvers<void>();
    const database: Pick<Pool, 'query'> = {
      query: ((...question: Parameters<Pool['query']>) => {
        if (!isAway) return store().api.query(...question);
        failed.resolve();
        return Promise.reject(new Error('Connection terminated unexpectedly'));
      }) as Pool['query'],
    };
    const { clock, wake } = api;
    const options = { clock, wake, logger: silentLogger, random: () => 0 };
    const streams = new Streams({ ...options, store: { api: database as Pool } });
    const server = createServer((_request, response) =>
      streams.open({ inbox: { ...ada, live: true }, after: 0, until: Number.POSITIVE_INFINITY, response }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const stream = await listen(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, null);
    await stream.next();
    isAway = true;
    const [id] = await api.add(ada, {});
    await failed.promise;
    isAway = false;
    const heard = stream.next();
    // By then the reader sleeps over its failure.
    await nextTurn();
    clock.advance(1_000);
    assert.deepEqual(told(await heard), ['1', 'item.created', id]);
    stream.close();
    server.close();
    await api.close();
  });

  it('of readers who left before they began are not kept', async () => {
    const api = await serveInbox(store());
    const ada = await api.newUser(await api.newTenant(), 'ada');
    const server = createServer((_request, response) => {
      const opening = { inbox: { ...ada, live: true }, after: 0, until: Number.POSITIVE_INFINITY, response };
      response.on('close', () => setImmediate(() => server.emit('tried', api.streams.open(opening))));
      socket.destroy();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(server, 'tried');
    assert.equal(api.streams.count, 0);
    assert.equal(api.clock.nextAt(), null);
    server.close();
    await api.close();
  });

  it('end at once when the process stops, and cost nothing without readers', async () => {
    const api = await serveInbox(store());
    const ada = await api.newUser(await api.newTenant(), 'ada');
    const streams = [];
    for (let i = 0; i < 3; i++) streams.push(await listen(`${api.origin}/v1/inbox/stream`, ada.token));
    for (const stream of streams) await stream.next();
    assert.equal(api.streams.count, 3);
    await api.close();
    for (const stream of streams) assert.equal(await stream.ended, 'ended');
    assert.equal(api.streams.count, 0);
    assert.equal(api.clock.nextAt(), null, 'no timer is left');
  });
});
