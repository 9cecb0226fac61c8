import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { silentLogger } from '../lib/logger.ts';
import { makeMasterKeys } from '../tenants/testing.ts';
import { loadVisitsKey } from './key.ts';

describeStores('the key of tracked addresses', (store) => {
  const warnings: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: unknown) => warnings.push(fields) } as typeof silentLogger;
  const load = (masterKeys: Parameters<typeof loadVisitsKey>[0]['masterKeys']) =>
    loadVisitsKey({ store: store(), masterKeys, logger });
  const stored = async () => {
    const { rows } = await store().engine.query("select value from instance where key = 'visits_key'");
    return rows[0].value;
  };
  const [first, second, third] = [makeMasterKeys(), makeMasterKeys(), makeMasterKeys()];

  it('is made once, by whoever comes first, and is stored sealed', async () => {
    const keys = await Promise.all([load(first), load(first), load(first)]);
    assert.equal(keys[0].length, 32);
    for (const key of keys) assert.deepEqual(key, keys[0]);
    assert.ok(!JSON.stringify(await stored()).includes(keys[0].toString('base64').slice(0, 20)));
  });

  it('stays the same when the master key is exchanged, after which the old one is not needed', async () => {
    const key = await load(first);
    assert.deepEqual(await load({ current: second.current, previous: [first.current] }), key);
    assert.deepEqual(await load(second), key);
    assert.deepEqual(warnings, []);
  });

  it('is made anew, and that is told, when nobody can open it', async () => {
    const key = await load(second);
    const anew = await load(third);
    assert.notDeepEqual(anew, key);
    assert.equal(warnings.length, 1);
    assert.deepEqual(await load(third), anew);
  });
});
