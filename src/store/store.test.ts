import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';

describeStores('the store', (store) => {
  it('shows the API role the rows of one tenant only, even without a filter', async () => {
    const now = new Date();
    const [mine, theirs] = [uuidv7(now.getTime()), uuidv7(now.getTime())];
    for (const id of [mine, theirs]) {
      await store().engine.query('insert into tenants values ($1, $2, $3, $4)', [id, id, 'x', now]);
      await store().engine.query("insert into users values ($1, $2, 'u', null, null, '{}', $3, $3)", [
        id,
        uuidv7(now.getTime()),
        now,
      ]);
    }
    const seen = await store().scoped(mine, (db) => db.query('select tenant_id from users'));
    assert.deepEqual(seen.rows, [{ tenant_id: mine }]);
    await assert.rejects(
      store().scoped(mine, (db) =>
        db.query("insert into users values ($1, $2, 'v', null, null, '{}', $3, $3)", [
          theirs,
          uuidv7(now.getTime()),
          now,
        ]),
      ),
      { code: '42501' },
    );
    const outside = await store().engine.query('select count(*) from users where tenant_id = any($1)', [
      [mine, theirs],
    ]);
    assert.equal(outside.rows[0].count, 2);
  });

  it('leaves no role or tenant behind on the connection', async () => {
    await store().scoped(uuidv7(Date.now()), (db) => db.query('select 1'));
    const { rows } = await store().api.query(
      "select current_user <> 'bellhop_api' as free, coalesce(current_setting('bellhop.tenant', true), '') as tenant",
    );
    assert.deepEqual(rows, [{ free: true, tenant: '' }]);
  });

  it('has a partition for this month and the next two', async () => {
    const { rows } = await store().engine.query(
      "select count(*) from pg_inherits where inhparent = 'deliveries'::regclass",
    );
    assert.equal(rows[0].count, 3);
  });
});
