import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { Sweep } from '../../src/delivery/index.ts';
import { scheduleFor } from '../../src/delivery/retry.ts';
import { type SettledOutcome, settle } from '../../src/delivery/settle.ts';
import { saveHeartbeat, writeResults } from '../../src/delivery/store.ts';
import { cancelDeliveries, isProblem } from '../../src/ledger/index.ts';
import { insertDelivery, insertNotification, readDelivery } from '../../src/ledger/testing.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { uuidv7 } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { accepted, type ReceiptEvent, rejected, retry, unknown } from '../../src/providers/index.ts';
import { type Claimed, createPostgresQueue, Wake } from '../../src/queue/index.ts';
import type { Queryable, Store } from '../../src/store/index.ts';
import { applyReceipts } from '../../src/tracking/index.ts';
import { TENANT } from '../support/ledger.ts';
import { plainTenants } from '../support/plain-tenants.ts';
import { openPostgresTestStore, stopOwnCluster } from '../support/stores.ts';

const OUTCOMES = {
  accepted: accepted('m'),
  rejected: rejected('content_refused'),
  retry: retry('provider_error'),
  unknown: unknown('timeout'),
} as Record<string, SettledOutcome>;

interface Race {
  outcome: keyof typeof OUTCOMES;
  event: ReceiptEvent & ('delivered' | 'failed');
  /** Whether the worker counts as dead when the sweep looks. */
  dies: boolean;
}

/** A store whose statements run when the scheduler says so: each contender waits before every step it takes. */
function scheduled(store: Store, scheduler: fc.Scheduler, label: string): Store {
  const on = (db: Queryable) => ({
    query: async (...args: Parameters<Queryable['query']>) => {
      await scheduler.schedule(Promise.resolve(), label);
      return db.query(...args);
    },
  });
  return {
    ...store,
    engine: on(store.engine) as never,
    transaction: (work) => store.transaction((db) => work(on(db) as Queryable)),
    scoped: (tenantId, work) => store.scoped(tenantId, (db) => work(on(db) as Queryable)),
    syncClock: async () => {},
  };
}

describe('a result, a receipt, a cancel and the sweep on one row', () => {
  let store: Store;
  before(async () => {
    store = await openPostgresTestStore(8);
  });
  after(async () => {
    await store.close();
    await stopOwnCluster();
  });

  async function start(dies: boolean) {
    await store.engine.query('truncate deliveries, notifications, claims, workers, attempts, receipts');
    const now = store.clock.now();
    const clock: Clock = { now: () => now, sleep: async () => {} };
    const frozen = { ...store, clock };
    const notificationId = await insertNotification(frozen, TENANT, { category: 'otp' });
    const id = await insertDelivery(frozen, TENANT, { notification_id: notificationId });
    const worker = { id: uuidv7(now), host: 'h', startedAt: new Date(now) };
    await saveHeartbeat(store.engine, worker, { now: new Date(dies ? 0 : now), aliveSince: new Date(0) });
    const turns = [{ tenantId: TENANT, connection: 'texts', count: 1 }];
    const { deliveries } = await createPostgresQueue(store.engine, clock).claim(
      'sms.normal',
      worker.id,
      turns,
    );
    return { id, notificationId, clock, claimed: deliveries[0]! };
  }

  const write = (db: Queryable, claimed: Claimed, outcome: string, now: number) =>
    writeResults(db, [
      {
        claimed,
        outcome,
        settlement: settle(OUTCOMES[outcome]!, {
          now,
          random: 0,
          retries: claimed.retries,
          expiresAt: claimed.expiresAt,
          schedule: scheduleFor('sms', 'normal'),
          category: { evidenceMs: 0 },
          alternative: null,
          connection: 'texts',
          choice: null,
          patience: 2,
          breakMs: 0,
        }),
        detail: null,
        startedAt: now,
        latencyMs: 0,
        finishedAt: now,
      },
    ]);

  async function race({ outcome, event, dies }: Race, scheduler: fc.Scheduler) {
    const { id, notificationId, clock, claimed } = await start(dies);
    const now = clock.now();
    const as = (label: string) => scheduled(store, scheduler, label);
    const sweep = new Sweep({
      store: as('sweep'),
      clock,
      wake: new Wake(),
      logger: silentLogger,
      housekeeping: async () => {},
      categories: plainTenants.categories,
    });
    const receipt = { event, deliveryId: id, providerMessageId: 'm', at: now, eventKey: 'once' };
    const contenders = Promise.all([
      write(as('result').engine, claimed, outcome, now),
      as('receipt').scoped(TENANT, (db) =>
        applyReceipts(db, { tenantId: TENANT, connection: 'texts', now }, [receipt]),
      ),
      as('cancel').scoped(TENANT, (db) => cancelDeliveries(db, TENANT, notificationId, new Date(now))),
      sweep.sweepOnce(),
    ]);
    const [written] = await scheduler.waitFor(contenders);
    return { row: await readDelivery(store, id), written: written.size === 1 };
  }

  const races = fc.record<Race>({
    outcome: fc.constantFrom(...Object.keys(OUTCOMES)),
    event: fc.constantFrom('delivered', 'failed'),
    dies: fc.boolean(),
  });

  it('end in one story, whoever comes first', async () => {
    await fc.assert(
      fc.asyncProperty(races, fc.scheduler(), async (given, scheduler) => {
        const { row, written } = await race(given, scheduler);
        const told = `${row.state} (${row.reason})`;
        assert.notEqual(row.state, 'sending', 'somebody ended the attempt');
        assert.equal(row.due_at !== null, row.state === 'queued', told);
        assert.equal(row.decide_at !== null, row.state === 'unknown', told);
        assert.equal(row.problem, isProblem(row.state) ? row.state : null, told);
        assert.equal(row.finished_at !== null, row.state !== 'queued', told);
        assert.equal(row.attempt, 1);
        // A cancel that came in time is never undone: nothing is queued that was flagged.
        if (row.cancel_requested) assert.notEqual(row.state, 'queued', told);
        if (given.event === 'failed') assert.notEqual(row.state, 'unknown', 'the receipt settled it');
        if (given.event === 'failed' && row.state === 'sent') assert.fail('a bounce was forgotten');
        if (written && given.outcome === 'accepted') assert.ok(['sent', 'failed'].includes(row.state), told);
        if (!given.dies && given.event === 'delivered' && given.outcome === 'accepted')
          assert.equal(row.state, 'sent');
      }),
      // Without a limit of time: a race that is broken off leaves its transactions open.
      { numRuns: 50 },
    );
  });
});
