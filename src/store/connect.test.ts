import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { PoolClient } from 'pg';
import { openPostgresTestStore, stopOwnCluster } from '../../test/support/stores.ts';
import type { Store } from './index.ts';

describe('a transaction on PostgreSQL', () => {
  let store: Store;
  before(async () => {
    store = await openPostgresTestStore();
  });
  after(async () => {
    await store.close();
    await stopOwnCluster();
  });

  it('whose connection breaks between two statements fails, and the process goes on', async () => {
    const broken = store.transaction(async (db) => {
      const { rows } = await db.query('select pg_backend_pid() as pid');
      const ended = new Promise<void>((resolve) => (db as unknown as PoolClient).once('end', resolve));
      await store.api.query('select pg_terminate_backend($1)', [rows[0].pid]);
      await ended;
      await db.query('select 1');
    });
    await assert.rejects(broken);
    const { rows } = await store.transaction((db) => db.query('select 1 as one'));
    assert.deepEqual(rows, [{ one: 1 }]);
  });
});
