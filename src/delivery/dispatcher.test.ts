import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { queueDeliveries, TENANT } from '../../test/support/ledger.ts';
import { openPostgresTestStore, stopOwnCluster } from '../../test/support/stores.ts';
import type { Clock } from '../lib/clock.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { type Claimed, createPostgresQueue, type Queue, Wake } from '../queue/index.ts';
import type { Store } from '../store/index.ts';
import { BUSY_POLL_MS, Dispatcher, IDLE_POLL_MS } from './dispatcher.ts';
import type { Gate } from './gate.ts';
import { Gates } from './gates.ts';
import { HealthBoard } from './health-board.ts';

const OTHER_TENANT = '01900000-0000-7000-8000-00000000000b';
/** Connections that nobody configured have 50 slots, of which 10 are kept for high and 2 for low. */
const SLOTS = 38;

const running: Dispatcher[] = [];

/** The dispatcher over the real queue; attempts are the test's to end. */
function startDispatcher(store: Store, clock: Clock, onStart: (claimed: Claimed, gate: Gate) => void) {
  const gates = new Gates(clock, new HealthBoard({ store, clock, logger: silentLogger }));
  const wake = new Wake();
  const calls = { agenda: 0, claim: 0, run: 0 };
  const rounds: Claimed[][] = [];
  let freed = () => {};
  let next = Promise.withResolvers<void>();
  const counted = (queue: Queue): Queue => ({
    agenda: (perLane) => {
      calls.agenda++;
      return queue.agenda(perLane);
    },
    claim: (...args) => {
      calls.claim++;
      return queue.claim(...args);
    },
  });
  const dispatcher = new Dispatcher({
    store,
    clock,
    logger: silentLogger,
    wake,
    queue: counted(createPostgresQueue(store.engine, clock, store.engineHigh)),
    gates,
    connections: { forTenants: async () => new Map() },
    worker: {
      id: uuidv7(1),
      onFreeSlot: (listener) => {
        freed = listener;
      },
      run: async (claim, gateOf) => {
        calls.run++;
        rounds.push(claim.deliveries);
        for (const claimed of claim.deliveries) onStart(claimed, gateOf(claimed));
        next.resolve();
        next = Promise.withResolvers();
      },
    },
  });
  running.push(dispatcher);
  dispatcher.start();
  return {
    gates,
    wake,
    calls,
    rounds,
    free: () => freed(),
    started: () => rounds.flat(),
    /** Resolves once so many have been started. */
    async until(count: number) {
      while (rounds.flat().length < count) await next.promise;
    },
  };
}

/** Lets everything that is under way come to rest: statements answer in order, so a few round trips suffice. */
async function settle(store: Store): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await Promise.all([store.engine.query('select 1'), store.engineHigh.query('select 1')]);
    await new Promise(setImmediate);
  }
}

describe('the dispatcher', () => {
  let store: Store;
  before(async () => {
    store = await openPostgresTestStore(2);
  });
  after(async () => {
    await store.close();
    await stopOwnCluster();
  });
  beforeEach(async () => {
    await store.engine.query('truncate deliveries, notifications, claims');
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((dispatcher) => dispatcher.stop()));
  });
  const hold = () => {};

  it('starts a single message of one tenant in the first round, whatever another has waiting', async () => {
    await queueDeliveries(store, 5_000);
    const [single] = await queueDeliveries(store, 1, { tenantId: OTHER_TENANT });
    const run = startDispatcher(store, store.clock, hold);
    await run.until(SLOTS + 1);
    assert.ok(run.rounds[0]!.some(({ id }) => id === single));
    assert.equal(run.started().length, SLOTS + 1, 'the other has what its connection may have, and no more');
  });

  it('lets a connection that never answers use up its own slots only', async () => {
    await queueDeliveries(store, 300, { connection: 'dead' });
    await queueDeliveries(store, 300, { connection: 'good' });
    const run = startDispatcher(store, store.clock, ({ connection }, gate) => {
      if (connection === 'dead') return;
      setImmediate(() => {
        gate.finish('healthy', store.clock.now());
        run.free();
      });
    });
    await run.until(300 + SLOTS);
    const of = (name: string) => run.started().filter(({ connection }) => connection === name).length;
    assert.deepEqual([of('good'), of('dead')], [300, SLOTS]);
    assert.equal(run.gates.of(TENANT, 'dead', 'webhook.normal').inFlight, SLOTS);
  });

  it('starts high priority while bulk claims wait for a connection to the database', async () => {
    const held = await Promise.all([store.engine.connect(), store.engine.connect()]);
    const queue = async (lane: string) => {
      // The pool of the engine is taken, so the test writes over another one.
      await queueDeliveries({ ...store, engine: store.api }, 3, { lane });
    };
    await queue('webhook.normal');
    const run = startDispatcher(store, store.clock, hold);
    while (run.calls.claim === 0) await new Promise(setImmediate);
    await queue('webhook.high');
    run.wake.signal('webhook.high');
    await run.until(3);
    assert.deepEqual([...new Set(run.started().map(({ lane }) => lane))], ['webhook.high']);
    for (const client of held) client.release();
    await run.until(6);
  });

  it('starts high priority on a connection whose other slots bulk has taken for good', async () => {
    await queueDeliveries(store, 300);
    const run = startDispatcher(store, store.clock, hold);
    await run.until(SLOTS);
    await queueDeliveries(store, 5, { lane: 'webhook.high' });
    run.wake.signal('webhook.high');
    while (run.started().filter(({ lane }) => lane === 'webhook.high').length < 5)
      await new Promise(setImmediate);
  });

  it('gives the permits back when a claim fails', async () => {
    const clock = new FakeClock(store.clock.now());
    await queueDeliveries(store, 2);
    clock.advance(1_000);
    const broken = { ...store, engine: { ...store.engine, query: () => Promise.reject(new Error('gone')) } };
    const run = startDispatcher(broken as unknown as Store, clock, hold);
    while (run.calls.claim === 0) {
      clock.advance(5);
      await settle(store);
    }
    assert.equal(run.gates.inFlight, 0);
  });

  it('looks at most once a poll while there is nothing to do, and then less often', async () => {
    const clock = new FakeClock(store.clock.now());
    const run = startDispatcher(store, clock, hold);
    await settle(store);
    const { agenda } = run.calls;
    for (let ms = 0; ms < 80_000; ms += 500) {
      clock.advance(500);
      await settle(store);
    }
    assert.ok(run.calls.agenda - agenda <= 80_000 / IDLE_POLL_MS + 2, `${run.calls.agenda - agenda} looks`);
    assert.equal(run.calls.claim, 0);
  });

  it('sleeps through a pause, and starts again at its very end', async () => {
    const clock = new FakeClock(store.clock.now());
    await queueDeliveries(store, 120);
    clock.advance(1_000);
    const run = startDispatcher(store, clock, hold);
    while (run.started().length < SLOTS) {
      await settle(store);
      clock.advance(5);
    }
    const gate = run.gates.of(TENANT, 'hook', 'webhook.normal');
    const pausedUntil = clock.now() + 20_123;
    for (let left = gate.inFlight; left > 0; left--) gate.finish({ pauseMs: 20_123 }, clock.now());
    run.free();
    await settle(store);
    clock.advance(10);
    await settle(store);
    const before = { ...run.calls };
    while (clock.now() + 250 < pausedUntil) {
      clock.advance(250);
      await settle(store);
    }
    clock.advance(pausedUntil - clock.now() - 1);
    await settle(store);
    assert.equal(run.calls.claim, before.claim, 'no claim during the pause');
    assert.ok(run.calls.agenda - before.agenda <= 20_000 / BUSY_POLL_MS + 1);
    clock.advance(1);
    await settle(store);
    // A look at the agenda at this very moment has the lane gather what else came free, for 5 ms.
    clock.advance(5);
    await settle(store);
    assert.equal(run.calls.claim, before.claim + 1);
  });

  it('wakes at the moment a retry is due, without looking before', async () => {
    const clock = new FakeClock(store.clock.now());
    const dueAt = clock.now() + 60_000;
    await queueDeliveries(store, 1, { dueAt: new Date(dueAt) });
    const run = startDispatcher(store, clock, hold);
    await settle(store);
    while (clock.now() + 500 < dueAt) {
      clock.advance(500);
      await settle(store);
    }
    clock.advance(dueAt - 1 - clock.now());
    await settle(store);
    assert.equal(run.calls.claim, 0);
    assert.ok(run.calls.agenda <= 60_000 / IDLE_POLL_MS + 4, `${run.calls.agenda} looks`);
    clock.advance(1);
    await run.until(1);
    assert.equal(run.calls.claim, 1);
  });
});
