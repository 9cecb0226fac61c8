import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { ensureDataKey, unwrapDataKey } from './data-keys.ts';
import { makeMasterKeys, makeTenant } from './testing.ts';

describeStores('data keys', (store) => {
  const clock = new FakeClock();
  const masterKeys = makeMasterKeys();
  const ensure = (tenantId: string) =>
    ensureDataKey(store().engine, { tenantId, masterKey: masterKeys.current, now: clock.now() });

  it('are made once for each tenant, even if several ask at once', async () => {
    const tenantId = await makeTenant(store(), clock.now());
    const rows = await Promise.all([ensure(tenantId), ensure(tenantId), ensure(tenantId)]);
    assert.equal(new Set(rows.map((row) => row.wrapped.toString('hex'))).size, 1);
  });

  it('open for their tenant, version and master key only', async () => {
    const row = await ensure(await makeTenant(store(), clock.now()));
    assert.equal(unwrapDataKey(row, masterKeys)?.key.length, 32);
    for (const moved of [
      { tenant_id: await makeTenant(store(), clock.now()) },
      { version: 2 },
      { kek_id: '00000000' },
    ]) {
      assert.equal(unwrapDataKey({ ...row, ...moved }, masterKeys), null);
    }
    const forged = { current: { ...makeMasterKeys().current, id: row.kek_id }, previous: [] };
    assert.equal(unwrapDataKey(row, forged), null);
  });
});
