import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { listen, serveInbox } from '../../test/support/inbox.ts';
import { createTestDatabase, stopOwnCluster } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { Wake } from '../queue/index.ts';
import { openStore, type Store } from '../store/index.ts';
import { createMetrics } from '../telemetry/index.ts';
import { makeMasterKeys } from '../tenants/testing.ts';

type Served = Awaited<ReturnType<typeof serveInbox>>;

describe('streams of several processes', { timeout: 60_000 }, () => {
  const clock = new FakeClock();
  const masterKeys = makeMasterKeys();
  const metrics = createMetrics();
  const stores: Store[] = [];
  const wakes: Wake[] = [];
  let [one, other]: Served[] = [];
  let ada: Awaited<ReturnType<Served['newUser']>>;
  before(async () => {
    const databaseUrl = await createTestDatabase();
    const start = async () => {
      const store = await openStore({ databaseUrl, poolSize: 4 });
      const wake = new Wake();
      await wake.connect(databaseUrl, silentLogger);
      stores.push(store);
      wakes.push(wake);
      return serveInbox(store, { clock, masterKeys, wake, metrics });
    };
    [one, other] = [await start(), await start()];
    ada = await one.newUser(await one.newTenant(), 'ada');
  });
  after(async () => {
    for (const served of [one!, other!]) await served.close();
    for (const wake of wakes) await wake.close();
    for (const store of stores) await store.close();
    await stopOwnCluster();
  });
  const open = (served: Served, query = '') => listen(`${served.origin}/v1/inbox/stream${query}`, ada.token);

  it('hear of each other without being asked, and take each other’s streams over', async () => {
    const [here, there] = [await open(one!), await open(other!)];
    await here.next();
    await there.next();
    const [first] = await one!.add(ada, {});
    const [near, far] = [await here.next(), await there.next()];
    assert.deepEqual([near.data.item.id, far.data.item.id, near.id], [first, first, far.id]);
    await other!.call(ada.token, `POST /v1/inbox/${first}/read`);
    assert.deepEqual(
      [(await here.next()).event, (await there.next()).event],
      ['item.updated', 'item.updated'],
    );
    here.close();
    const [missed] = await one!.add(ada, {});
    assert.equal((await there.next()).data.item.id, missed);
    const resumed = await open(other!, `?lastEventId=${Number(near.id) + 1}`);
    assert.equal((await resumed.next()).data.item.id, missed);
    there.close();
    resumed.close();
  });

  it('hear all in order, however many write at once', async () => {
    const stream = await open(other!);
    const start = Number((await stream.next()).id);
    await Promise.all(
      Array.from({ length: 12 }, (_, i) => (i % 2 ? one! : other!).add(ada, { collapseKey: 'k' }, {}, {})),
    );
    const seen: number[] = [];
    while (seen.at(-1) !== start + 36) {
      const { id, event } = await stream.next();
      assert.notEqual(event, 'sync.required');
      if (id !== undefined) seen.push(Number(id));
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 36 }, (_, i) => start + 1 + i),
      'each change, once',
    );
    const { items } = (await one!.call(ada.token, 'GET /v1/inbox?limit=100')).body;
    assert.equal(items.length, 2 + 24 + 1, 'one of those with a key');
    stream.close();
  });

  it('cut off a reader who does not read, and nobody else', async () => {
    const quick = await open(one!);
    await quick.next();
    const { hostname, port } = new URL(one!.origin);
    const slow = connect({ host: hostname, port: Number(port) });
    await once(slow, 'connect');
    const token = `authorization: Bearer ${ada.token}`;
    slow.write(`GET /v1/inbox/stream HTTP/1.1\r\nhost: x\r\n${token}\r\n\r\n`);
    await once(slow, 'data');
    slow.pause();
    assert.equal(one!.streams.count, 2);
    const big = { item: { title: 'Big', body: 'x'.repeat(60_000), actions: [], data: {} } };
    for (let i = 0; i < 40 && one!.streams.count === 2; i++) {
      await one!.add(ada, ...Array.from({ length: 20 }, () => big));
      for (let n = 0; n < 20; n++) await quick.next();
    }
    assert.equal(one!.streams.count, 1);
    assert.match(await metrics.render(), /^bellhop_inbox_streams_dropped_total 1$/m);
    quick.close();
    slow.destroy();
  });
});
