import assert from 'node:assert/strict';
import { it } from 'node:test';
import { TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import { insertDelivery, insertNotification } from '../ledger/testing.ts';
import type { Queryable } from '../store/index.ts';
import { loadStopped } from './stopped.ts';
import type { RoutableRow } from './store.ts';

const LADDER = { steps: [{ channels: ['email'], waitSeconds: 60 }, { channels: ['sms'] }], until: 'seen' };

describeStores('which ladders of a batch are stopped', (store) => {
  /** Runs the look in a transaction, as routing does. */
  const look = (rows: RoutableRow[]) =>
    store().transaction(async (db) => {
      let statements = 0;
      const query = (...args: Parameters<Queryable['query']>) => {
        statements++;
        return db.query(...args);
      };
      const stopped = await loadStopped({ query } as Queryable, rows);
      return { stopped, statements };
    });
  const row = async (request: object, columns: object = {}): Promise<RoutableRow> => {
    const id = await insertNotification(store(), TENANT, { request });
    await insertDelivery(store(), TENANT, { notification_id: id, state: 'sent', ...columns });
    return { id, tenantId: TENANT, request } as RoutableRow;
  };

  it('is not asked of a batch without ladders', async () => {
    const rows = [await row({ channels: ['email'] }, { opened_at: new Date(0) }), await row({ ladder: 'x' })];
    assert.deepEqual(await look(rows), { stopped: new Set(), statements: 0 });
  });

  it('is asked once for all of them', async () => {
    const [seen, unseen] = [[] as RoutableRow[], [] as RoutableRow[]];
    for (let n = 0; n < 20; n++) {
      seen.push(await row({ ladder: LADDER }, { opened_at: new Date(0) }));
      unseen.push(await row({ ladder: LADDER }, { delivered_at: new Date(0) }));
    }
    const ordinary = await row({ channels: ['email'] }, { opened_at: new Date(0) });
    const { stopped, statements } = await look([...unseen, ordinary, ...seen]);
    assert.deepEqual([...stopped].sort(), seen.map(({ id }) => id).sort());
    assert.equal(statements, 2);
  });
});
