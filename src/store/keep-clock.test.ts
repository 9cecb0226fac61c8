import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { openPostgresTestStore, stopOwnCluster } from '../../test/support/stores.ts';
import type { Store } from './index.ts';
import { keepClock, readClock } from './keep-clock.ts';

/** Two test processes on one machine share a wall clock; only load stands between them. */
const NEAR_MS = 400;

describe("the database's clock", () => {
  let store: Store;
  before(async () => {
    store = await openPostgresTestStore();
  });
  after(async () => {
    await store.close();
    await stopOwnCluster();
  });

  it('is not moved by a wait for a connection of the pool', async () => {
    const held = await store.engine.connect();
    const syncing = store.syncClock();
    await held.query('select pg_sleep(2)');
    held.release();
    await syncing;
    assert.ok(Math.abs(store.clock.now() - Date.now()) < NEAR_MS);
  });

  it('is asked again when the trip was too long to tell the time', async () => {
    const client = await store.engine.connect();
    let slow = 1;
    const query = async (text: string) => {
      const answer = await client.query(text);
      // The answer hangs, as it does when the net or the process stalls.
      if (slow-- > 0) await client.query('select pg_sleep(1.5)');
      return answer;
    };
    const now = await readClock({ query } as unknown as pg.ClientBase);
    client.release();
    assert.ok(Math.abs(now - Date.now()) < NEAR_MS);
  });

  it('is read again in time, and no more once that is ended', async () => {
    let read = 0;
    const stop = await new Promise<() => void>((resolve) => {
      const end = keepClock(
        {
          syncClock: async () => {
            await store.syncClock();
            if (++read === 2) resolve(end);
          },
        },
        1,
      );
    });
    stop();
    const seen = read;
    await store.engine.query('select pg_sleep(0.05)');
    assert.ok(read - seen <= 1, 'at most the one that was under way');
  });
});
