import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { Wake } from '../queue/index.ts';
import type { Queryable } from '../store/index.ts';
import { RouteLoop } from './route-loop.ts';
import type { Router } from './router.ts';

describeStores('the route loop', (store) => {
  it('looks less and less often while nothing is accepted, and at once after a signal', async () => {
    const clock = new FakeClock();
    const wake = new Wake();
    let looks = 0;
    const db = {
      query: (statement: never) => {
        looks++;
        return store().engine.query(statement);
      },
    } as Queryable;
    const loop = new RouteLoop({} as Router, { db, clock, wake, logger: silentLogger });
    // The pool has one connection, so this answer comes after that to the loop's own statement.
    const settle = async () => {
      await new Promise(setImmediate);
      await store().engine.query('select 1');
      await new Promise(setImmediate);
    };
    loop.start();
    await settle();
    for (let ms = 0; ms < 80_000; ms += 1_000) {
      clock.advance(1_000);
      await settle();
    }
    assert.ok(looks >= 10 && looks <= 13, `${looks} looks in 80 seconds`);
    const before = looks;
    wake.signal('route');
    await settle();
    clock.advance(5);
    await settle();
    assert.equal(looks, before + 1);
    await loop.stop();
  });
});
