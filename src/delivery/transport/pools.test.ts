import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Pool, Pools } from './pools.ts';

class FakePool implements Pool {
  idleSince: number;
  isClosed = false;
  isDestroyed = false;
  readonly #closed = Promise.withResolvers<void>();

  /** Infinity: it is in use. */
  constructor(idleSince: number) {
    this.idleSince = idleSince;
  }

  isIdleSince(moment: number): boolean {
    return this.idleSince <= moment;
  }

  close(): Promise<void> {
    this.isClosed = true;
    if (this.idleSince !== Number.POSITIVE_INFINITY) this.#closed.resolve();
    return this.#closed.promise;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.#closed.resolve();
  }
}

function poolsFor(t: TestContext): Pools<FakePool> {
  const pools = new Pools<FakePool>(60_000);
  t.after(() => pools.closeAll());
  return pools;
}

test('a pool that was idle for long enough is closed and forgotten, one in use is not', (t) => {
  const pools = poolsFor(t);
  const [old, recent, used] = [1_000, 2_000, Number.POSITIVE_INFINITY].map((idleSince, index) =>
    pools.add(String(index), new FakePool(idleSince)),
  ) as [FakePool, FakePool, FakePool];
  pools.closeIdle(1_500);
  assert.deepEqual([old.isClosed, recent.isClosed, used.isClosed], [true, false, false]);
  assert.deepEqual([pools.find('0'), pools.find('1'), pools.find('2')], [undefined, recent, used]);
  used.destroy();
});

test('above a thousand pools the least recently used idle one makes room', (t) => {
  const pools = poolsFor(t);
  const all = Array.from({ length: 1_000 }, (_, index) => pools.add(String(index), new FakePool(0)));
  all[1]!.idleSince = Number.POSITIVE_INFINITY;
  // Found again and again, as a busy one is.
  for (let i = 0; i < 3; i++) pools.find('0');
  pools.add('new', new FakePool(0));
  assert.deepEqual(
    all.slice(0, 4).map(({ isClosed }) => isClosed),
    [false, false, true, false],
  );
  assert.equal(pools.find('2'), undefined);
  all[1]!.destroy();
});

test('at the close, what does not end by itself is broken off after the grace', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const pools = new Pools<FakePool>(60_000);
  const idle = pools.add('idle', new FakePool(0));
  const busy = pools.add('busy', new FakePool(Number.POSITIVE_INFINITY));
  const closing = pools.closeAll();
  assert.deepEqual(
    [pools.isClosed, idle.isClosed, busy.isClosed, busy.isDestroyed],
    [true, true, true, false],
  );
  t.mock.timers.tick(3_000);
  assert.equal(busy.isDestroyed, true);
  await closing;
});
