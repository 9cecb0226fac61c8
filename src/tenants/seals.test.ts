import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { type SealedSecrets, sealSecrets } from './sealed-secrets.ts';
import { createSeals, type Seals } from './seals.ts';
import { makeMasterKeys, makeTenant } from './testing.ts';

describeStores('seals', (store) => {
  const clock = new FakeClock();
  const masterKeys = makeMasterKeys();
  let tenantId: string;
  let other: string;
  let seals: Seals;
  let sealed: SealedSecrets;
  const placeOf = (tenant: string, thing = 'notification/1') => ({ tenantId: tenant, thing, version: 1 });
  before(async () => {
    [tenantId, other] = [await makeTenant(store(), clock.now()), await makeTenant(store(), clock.now())];
    seals = createSeals({ masterKeys });
    const dataKey = await store().scoped(tenantId, (db) => seals.newest(db, tenantId, clock.now()));
    await seals.newest(store().engine, other, clock.now());
    sealed = sealSecrets(dataKey, placeOf(tenantId), { code: '123456' });
  });

  it('open where they were put, in another process too, and nowhere else', async () => {
    const wanted = [
      { place: placeOf(tenantId), sealed },
      { place: placeOf(tenantId, 'notification/2'), sealed },
      { place: placeOf(other), sealed },
    ];
    const fresh = createSeals({ masterKeys });
    assert.deepEqual(await fresh.open(store().engine, wanted), [{ code: '123456' }, null, null]);
    assert.deepEqual(await createSeals({ masterKeys: makeMasterKeys() }).open(store().engine, wanted), [
      null,
      null,
      null,
    ]);
  });

  it('stay shut when nothing of ours wrote them', async () => {
    const odd = [
      null,
      1,
      'x',
      [],
      {},
      { dataKey: 'x', fields: {} },
      { dataKey: 1, fields: { code: 1 } },
      { dataKey: 99, fields: {} },
      { dataKey: 2 ** 40, fields: {} },
    ];
    const opened = await seals.open(
      store().engine,
      odd.map((each) => ({ place: placeOf(tenantId), sealed: each })),
    );
    assert.deepEqual(
      opened,
      odd.map(() => null),
    );
  });

  it('keep a key that is used, and find no other', async () => {
    const found = await seals.find(store().engine, { tenantId, version: 1 });
    assert.equal(found!.version, 1);
    assert.equal(await seals.find(store().engine, { tenantId, version: 2 }), null);
  });
});
