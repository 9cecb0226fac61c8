import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { Wake } from '../queue/index.ts';
import type { Queryable } from '../store/index.ts';
import { choosePriority, RouteLoop } from './route-loop.ts';
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

  it('for high priority alone looks at nothing else, and starts without gathering', async () => {
    const clock = new FakeClock();
    const wake = new Wake();
    const asked: unknown[][] = [];
    const looked = Promise.withResolvers<void>();
    const db = {
      query: async ({ values }: { values: unknown[][] }) => {
        asked.push(values[0]!);
        if (asked.length === 2) looked.resolve();
        return { rows: [] };
      },
    } as unknown as Queryable;
    const loop = new RouteLoop({} as Router, { db, clock, wake, logger: silentLogger, priorities: [0] });
    loop.start();
    await new Promise(setImmediate);
    wake.signal('route');
    await new Promise(setImmediate);
    assert.equal(asked.length, 1, 'what is not urgent does not wake it');
    wake.signal('route.high');
    await looked.promise;
    assert.deepEqual(
      asked.map(([high, normal, low]) => [high instanceof Date, normal, low]),
      [
        [true, null, null],
        [true, null, null],
      ],
    );
    await loop.stop();
  });
});

describe('the priority that is routed next', () => {
  const due = (...priorities: number[]) => priorities.map((priority) => ({ priority, dueAt: new Date(0) }));
  const turns = (...priorities: number[]) => {
    const counts = new Map<number | null, number>();
    for (let batch = 0; batch < 160; batch++) {
      const chosen = choosePriority(due(...priorities), batch);
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    return Object.fromEntries(counts);
  };

  it('is mostly the most urgent, and none of the others waits for ever, however many have work', () => {
    assert.deepEqual(turns(0, 1, 2), { 0: 140, 1: 10, 2: 10 });
    assert.deepEqual(turns(0, 2), { 0: 140, 2: 20 });
    assert.deepEqual(turns(1), { 1: 160 });
    assert.equal(choosePriority([], 0), null);
  });
});
