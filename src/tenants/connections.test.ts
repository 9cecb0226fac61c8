import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { describeStores, openPostgresTestStore, stopOwnCluster } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import type { Secret } from '../lib/secret.ts';
import type { Queryable, Store } from '../store/index.ts';
import { putConnection, removeConnection } from './connection-changes.ts';
import { type Connections, createConnections } from './connections.ts';
import { makeMasterKeys, makeTenant, putMail } from './testing.ts';

const masterKeys = makeMasterKeys();

async function setUp(store: Store) {
  const clock = new FakeClock();
  const tenantId = await makeTenant(store, clock.now());
  const options = { store, clock, masterKeys };
  const logs: string[] = [];
  const logger = createLogger('debug', { write: (line) => logs.push(line) });
  const connections = createConnections({ ...options, logger });
  let queries = 0;
  const held = { until: Promise.resolve() };
  const db: Queryable = {
    // biome-ignore lint/suspicious/noExplicitAny: both forms of the call are handed on
    query: async (...args: any[]) => {
      const answer = await (store.engine.query as (...args: unknown[]) => Promise<never>).apply(
        store.engine,
        args,
      );
      queries++;
      await held.until;
      return answer;
    },
  };
  const read = async () => (await connections.forTenants(db, [tenantId])).get(tenantId)!;
  return { clock, tenantId, options, connections, logs, db, read, held, queries: () => queries };
}

const passwords = (list: { config: Record<string, unknown> }[]) =>
  list.map(({ config }) => (config.password as Secret).reveal());

describeStores('connections for the engine', (store) => {
  it('come ready for use, in the order of their priority', async () => {
    const { tenantId, options, read } = await setUp(store());
    await putMail(options, { tenantId, id: 'second', password: 'p2' });
    const config = { accountSid: `AC${'0'.repeat(32)}`, authToken: 't', from: '+15005550006' };
    const request = { provider: 'twilio', priority: 1, weight: 7, app: 'shop' };
    await putConnection(options, {
      tenantId,
      id: 'first',
      request: { ...request, config: { ...config, baseUrl: 'https://sms.example.org/' } },
    });
    const [first, second] = await read();
    assert.deepEqual([first!.id, second!.id], ['first', 'second']);
    const { tenantId: _, updatedAt: __, config: typed, ...facts } = first!;
    assert.deepEqual(facts, {
      id: 'first',
      providerId: 'twilio',
      channel: 'sms',
      countries: null,
      enabled: true,
      priority: 1,
      weight: 7,
      app: 'shop',
      limits: {},
      tenantRates: {},
      heldTemplates: [],
      version: 1,
      baseUrl: 'https://sms.example.org',
    });
    assert.equal(typed.accountSid, config.accountSid);
    assert.equal(second!.config.port, 587);
  });

  it('cost one query for all tenants at first, none for two seconds, then one that finds nothing new', async () => {
    const { clock, tenantId, options, connections, db, queries } = await setUp(store());
    const tenants = [
      tenantId,
      await makeTenant(store(), clock.now()),
      await makeTenant(store(), clock.now()),
    ];
    for (const id of tenants) await putMail(options, { tenantId: id, password: `of ${id}` });
    const first = await connections.forTenants(db, [...tenants, tenantId]);
    assert.deepEqual(
      tenants.map((id) => passwords(first.get(id)!)),
      tenants.map((id) => [`of ${id}`]),
    );
    assert.equal(queries(), 1);
    clock.advance(1_999);
    await connections.forTenants(db, tenants);
    assert.equal(queries(), 1);
    clock.advance(1);
    const later = await connections.forTenants(db, tenants);
    assert.equal(queries(), 2);
    for (const id of tenants) assert.equal(later.get(id)![0], first.get(id)![0]);
  });

  it('show a change by another process after two seconds', async () => {
    const { clock, tenantId, options, read } = await setUp(store());
    await putMail(options, { tenantId, id: 'a', password: 'one' });
    await putMail(options, { tenantId, id: 'b', password: 'two' });
    await putMail(options, { tenantId, id: 'b', password: 'three' });
    assert.deepEqual(passwords(await read()), ['one', 'three']);
    await putMail(options, { tenantId, id: 'a', password: 'four' });
    clock.advance(2_000);
    assert.deepEqual(passwords(await read()), ['four', 'three']);
    await removeConnection(options, tenantId, 'b');
    clock.advance(2_000);
    assert.deepEqual(passwords(await read()), ['four']);
    await removeConnection(options, tenantId, 'a');
    await putMail(options, { tenantId, id: 'a', password: 'five' });
    clock.advance(2_000);
    assert.deepEqual(passwords(await read()), ['five']);
  });

  it('show a change by this process at once, even if a read was under way meanwhile', async () => {
    const { tenantId, options, connections, read, held, queries } = await setUp(store());
    await putMail(options, { tenantId, password: 'one' });
    const { promise, resolve } = Promise.withResolvers<void>();
    held.until = promise;
    const underWay = read();
    while (queries() === 0) await new Promise(setImmediate);
    await putMail(options, { tenantId, password: 'two' });
    connections.forget(tenantId);
    resolve();
    assert.deepEqual(passwords(await underWay), ['one']);
    assert.deepEqual(passwords(await read()), ['two']);
    await putMail(options, { tenantId, password: 'three' });
    connections.forget(tenantId);
    assert.deepEqual(passwords(await read()), ['three']);
  });

  it('are an empty list for a tenant without any, which is remembered too', async () => {
    const { clock, read, queries } = await setUp(store());
    assert.deepEqual(await read(), []);
    assert.deepEqual(await read(), []);
    assert.equal(queries(), 1);
    clock.advance(2_000);
    assert.deepEqual(await read(), []);
    assert.equal(queries(), 2);
  });

  it('bring the rates of their tenant along, and show a change of them', async () => {
    const { clock, tenantId, options, read } = await setUp(store());
    await putMail(options, { tenantId, password: 'one' });
    assert.deepEqual((await read())[0]!.tenantRates, {});
    await store().engine.query('update tenants set limits = $2 where id = $1', [
      tenantId,
      { rates: { email: 7, sms: 'many', push: -1 } },
    ]);
    clock.advance(2_000);
    assert.deepEqual((await read())[0]!.tenantRates, { email: 7 }, 'what is no rate is left out');
  });

  it('can be read inside a transaction of the only database connection', async () => {
    const { tenantId, options, connections } = await setUp(store());
    await putMail(options, { tenantId, password: 'one' });
    const read = await store().transaction((db) => connections.forTenants(db, [tenantId]));
    assert.deepEqual(passwords(read.get(tenantId)!), ['one']);
  });

  it('leave out disabled ones, which can still be found by their id', async () => {
    const { tenantId, options, connections, read } = await setUp(store());
    await putMail(options, { tenantId, password: 'one', enabled: false });
    assert.deepEqual(await read(), []);
    assert.equal((await connections.get(tenantId, 'mail'))?.enabled, false);
    assert.equal(await connections.get(tenantId, 'nothing'), null);
  });

  it('leave out what cannot be used, log it once, and go on with the rest', async () => {
    const { clock, tenantId, options, read, logs } = await setUp(store());
    for (const id of ['good', 'no-provider', 'no-secret', 'no-host']) {
      await putMail(options, { tenantId, id, password: 'a-password-nobody-may-log' });
    }
    const tamper = (set: string, id: string) =>
      store().engine.query(`update connections set ${set} where tenant_id = $1 and id = $2`, [tenantId, id]);
    await tamper("provider = 'gone'", 'no-provider');
    await tamper('version = 9', 'no-secret');
    await tamper("config = config - 'host'", 'no-host');
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(
        (await read()).map(({ id }) => id),
        ['good'],
      );
      clock.advance(2_000);
    }
    const logged = logs.map((line) => JSON.parse(line));
    assert.deepEqual(logged.map(({ connection }) => connection).sort(), [
      'no-host',
      'no-provider',
      'no-secret',
    ]);
    assert.ok(!logs.join().includes('a-password-nobody-may-log'));
  });
});

describe('connections that change under load', () => {
  after(stopOwnCluster);

  it('are always read whole: the secret belongs to the version (S11)', async () => {
    const store = await openPostgresTestStore(4);
    try {
      const { clock, tenantId, options } = await setUp(store);
      const processes = Array.from({ length: 3 }, () => createConnections(options));
      await putMail(options, { tenantId, password: 'password 1' });
      let writing = true;
      let reads = 0;
      const check = async (connections: Connections) => {
        while (writing) {
          const [mail] = (await connections.forTenants(store.engine, [tenantId])).get(tenantId)!;
          assert.deepEqual(passwords([mail!]), [`password ${mail!.version}`]);
          clock.advance(700);
          reads++;
        }
      };
      const readers = processes.flatMap((connections) => [check(connections), check(connections)]);
      for (let version = 2; version <= 60; version++) {
        await putMail(options, { tenantId, password: `password ${version}` });
        if (version % 2 === 0) processes[0]!.forget(tenantId);
      }
      writing = false;
      await Promise.all(readers);
      assert.ok(reads > 60, `${reads} reads`);
    } finally {
      await store.close();
    }
  });

  it('change one after the other, so that each change counts', async () => {
    const store = await openPostgresTestStore(4);
    try {
      const { tenantId, options, connections } = await setUp(store);
      const put = (i: number) => putMail(options, { tenantId, password: `password ${i}` });
      await Promise.all(Array.from({ length: 20 }, (_, i) => put(i)));
      assert.equal((await connections.get(tenantId, 'mail'))?.version, 20);
    } finally {
      await store.close();
    }
  });
});
