import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { Secret } from '../lib/secret.ts';
import { createConnections } from './connections.ts';
import { rewrapDataKeys } from './data-keys.ts';
import type { MasterKeys } from './master-key.ts';
import { makeMasterKeys, makeTenant, putMail } from './testing.ts';

describeStores('the secrets of connections', (store) => {
  const clock = new FakeClock();
  const masterKeys = makeMasterKeys();
  let tenants: [string, string];

  before(async () => {
    tenants = [await makeTenant(store(), clock.now()), await makeTenant(store(), clock.now())];
    for (const tenantId of tenants) await putBoth(tenantId);
  });

  async function putBoth(tenantId: string) {
    for (const id of ['a', 'b']) {
      await putMail({ store: store(), clock, masterKeys }, { tenantId, id, password: `password of ${id}` });
    }
  }

  /** The connections that can be used, as a process that starts now finds them. */
  async function usable(tenantId: string, keys: MasterKeys = masterKeys): Promise<string[]> {
    const connections = createConnections({ store: store(), clock, masterKeys: keys });
    const found = await connections.forTenants(store().engine, [tenantId]);
    return found.get(tenantId)!.map(({ id, config }) => `${id}: ${(config.password as Secret).reveal()}`);
  }

  /** Runs a change that only somebody with access to the database could make, and undoes it. */
  async function whileTampered(statement: string, values: unknown[], check: () => Promise<void>) {
    await store().engine.query('create table kept_c as select * from connections');
    await store().engine.query('create table kept_k as select * from data_keys');
    const { rowCount } = await store().engine.query(statement, values);
    try {
      assert.ok(rowCount);
      await check();
    } finally {
      for (const [table, kept] of [
        ['connections', 'kept_c'],
        ['data_keys', 'kept_k'],
      ]) {
        await store().engine.query(`delete from ${table}`);
        await store().engine.query(`insert into ${table} select * from ${kept}`);
        await store().engine.query(`drop table ${kept}`);
      }
    }
  }

  const intact = ['a: password of a', 'b: password of b'];

  it('open in their own place, and reach providers as values that do not print', async () => {
    assert.deepEqual(await usable(tenants[0]), intact);
    const connections = createConnections({ store: store(), clock, masterKeys });
    const connection = await connections.get(tenants[0], 'a');
    assert.ok(connection?.config.password instanceof Secret);
    assert.ok(!JSON.stringify(connection).includes('password of'));
  });

  it('do not open in another row of the same tenant', () =>
    whileTampered(
      `update connections c set secrets = o.secrets from connections o
      where c.tenant_id = $1 and o.tenant_id = $1 and c.id = 'a' and o.id = 'b'`,
      [tenants[0]],
      async () => assert.deepEqual(await usable(tenants[0]), ['b: password of b']),
    ));

  it('do not open in another field', () =>
    whileTampered(
      `update connections set secrets = jsonb_build_object('dataKey', 1, 'fields',
        jsonb_build_object('dkimPrivateKey', secrets->'fields'->'password'))
      where tenant_id = $1 and id = 'a'`,
      [tenants[0]],
      async () => assert.deepEqual(await usable(tenants[0]), ['b: password of b']),
    ));

  it('do not open in another tenant, not even with their data key beside them', async () => {
    await whileTampered(
      `update connections c set secrets = o.secrets from connections o
      where c.tenant_id = $1 and o.tenant_id = $2 and c.id = o.id`,
      tenants,
      async () => assert.deepEqual(await usable(tenants[0]), []),
    );
    await whileTampered(
      `update data_keys k set wrapped = o.wrapped from data_keys o
      where k.tenant_id = $1 and o.tenant_id = $2`,
      tenants,
      async () => assert.deepEqual(await usable(tenants[0]), []),
    );
  });

  it('do not open when an older version is put back', async () => {
    const { rows } = await store().engine.query(
      "select secrets from connections where tenant_id = $1 and id = 'a'",
      [tenants[0]],
    );
    await putBoth(tenants[0]);
    await whileTampered(
      "update connections set secrets = $2 where tenant_id = $1 and id = 'a'",
      [tenants[0], rows[0].secrets],
      async () => assert.deepEqual(await usable(tenants[0]), ['b: password of b']),
    );
    assert.deepEqual(await usable(tenants[0]), intact);
  });

  it('do not open with another master key, and do when their data keys were wrapped by it', async () => {
    const other = makeMasterKeys();
    assert.deepEqual(await usable(tenants[1], other), []);
    const both = { current: other.current, previous: [masterKeys.current] };
    assert.deepEqual(await usable(tenants[1], both), intact);
    await assert.rejects(rewrapDataKeys(store(), other), /does not open with the master key/);
    assert.ok((await rewrapDataKeys(store(), both)) >= 2);
    assert.equal(await rewrapDataKeys(store(), both), 0);
    assert.deepEqual(await usable(tenants[1], other), intact);
    assert.deepEqual(await usable(tenants[1]), []);
    await rewrapDataKeys(store(), { current: masterKeys.current, previous: [other.current] });
  });
});
