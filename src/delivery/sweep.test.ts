import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { queueDeliveries, statesOf, TENANT } from '../../test/support/ledger.ts';
import { countLooks } from '../../test/support/looks.ts';
import { plainTenants } from '../../test/support/plain-tenants.ts';
import { describeStores } from '../../test/support/stores.ts';
import { type Clock, FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { accepted, retry } from '../providers/index.ts';
import { type Claimed, createPostgresQueue, type Queue, Wake } from '../queue/index.ts';
import { BUILT_IN, categoriesFrom } from '../rules/index.ts';
import { createMetrics, type Metrics } from '../telemetry/index.ts';
import { scheduleFor } from './retry.ts';
import { type SettledOutcome, settle } from './settle.ts';
import { type Result, saveHeartbeat, writeResults } from './store.ts';
import { Sweep } from './sweep.ts';
import { decideUnknown } from './unknown-policy.ts';

describeStores('the sweep', (store) => {
  let queue: Queue;
  let sweep: Sweep;
  let metrics: Metrics;
  let startedAt = 0;
  let offsetMs = 0;
  const clock: Clock = { now: () => startedAt + offsetMs, sleep: async () => {} };

  before(() => {
    queue = createPostgresQueue(store().engine, clock);
    metrics = createMetrics();
    sweep = new Sweep({
      store: store(),
      clock,
      wake: new Wake(),
      logger: silentLogger,
      housekeeping: async () => {},
      categories: plainTenants.categories,
      metrics,
    });
  });
  beforeEach(async () => {
    startedAt = store().clock.now();
    offsetMs = 0;
    await store().engine.query('truncate deliveries, notifications, claims, workers, attempts');
  });

  async function startAttempts(
    count: number,
    extra: Parameters<typeof queueDeliveries>[2] = {},
  ): Promise<Claimed[]> {
    await queueDeliveries(store(), count, { dueAt: new Date(clock.now()), ...extra });
    const worker = uuidv7(1);
    await saveHeartbeat(
      store().engine,
      { id: worker, host: 'h', startedAt: new Date(clock.now()) },
      { now: new Date(clock.now()), aliveSince: new Date(clock.now()) },
    );
    const turns = [{ tenantId: TENANT, connection: 'hook', count: 100 }];
    return (await queue.claim(extra.lane ?? 'webhook.normal', worker, turns)).deliveries;
  }
  const idsOf = (claimed: Claimed[]) => claimed.map(({ id }) => id);
  const resultOf = (claimed: Claimed, outcome: unknown): Result => ({
    claimed,
    settlement: settle(outcome as SettledOutcome, {
      now: clock.now(),
      random: 0,
      retries: claimed.retries,
      expiresAt: claimed.expiresAt,
      schedule: scheduleFor('webhook', 'normal'),
      category: { evidenceMs: 0 },
      connection: claimed.connection,
      choice: claimed.choice,
      alternative: null,
      patience: 2,
      breakMs: 0,
    }),
    outcome: (outcome as SettledOutcome).kind,
    detail: null,
    startedAt: clock.now(),
    latencyMs: 1,
    finishedAt: clock.now(),
  });

  it('looks every second while anything is claimed or undecided, and every five when all is quiet', async () => {
    const claimed = await startAttempts(1);
    const own = new FakeClock(clock.now());
    const { store: counting, looksIn } = countLooks(store(), own, 'sweep_work');
    const options = { clock: own, wake: new Wake(), logger: silentLogger, housekeeping: async () => {} };
    const watching = new Sweep({ categories: plainTenants.categories, ...options, store: counting });
    watching.start();
    await looksIn(1);
    assert.equal(await looksIn(30), 30, 'the worker died, its attempt is unknown, its outcome is decided');
    assert.deepEqual(await statesOf(store(), idsOf(claimed)), { queued: 1 });
    await looksIn(2);
    assert.equal(await looksIn(50), 10);
    await watching.stop();
  });

  it('leaves the attempts of a living worker alone', async () => {
    const claimed = await startAttempts(2);
    offsetMs = 9_000;
    await sweep.sweepOnce();
    assert.deepEqual(await statesOf(store(), idsOf(claimed)), { sending: 2 });
  });

  it('makes unknown what a dead worker had under way, waits for evidence, and then sends again', async () => {
    const claimed = await startAttempts(2);
    offsetMs = 10_500;
    await sweep.sweepOnce();
    assert.deepEqual(await statesOf(store(), idsOf(claimed)), { unknown: 2 });
    const { rows } = await store().engine.query('select outcome, reason, n from attempts');
    assert.deepEqual(rows, Array(2).fill({ outcome: 'unknown', reason: 'worker_lost', n: 1 }));
    offsetMs += 9_000;
    assert.deepEqual([...(await sweep.sweepOnce())], []);
    offsetMs += 1_500;
    assert.deepEqual([...(await sweep.sweepOnce())], ['webhook.normal']);
    const again = await queue.claim('webhook.normal', uuidv7(2), [
      { tenantId: TENANT, connection: 'hook', count: 10 },
    ]);
    assert.deepEqual(
      again.deliveries.map(({ attempt, retries }) => [attempt, retries]),
      [
        [2, 1],
        [2, 1],
      ],
    );
    assert.ok(
      again.deliveries.every(({ choice }) => choice?.pinned),
      'only this connection may send it again',
    );
  });

  it('lets the late result of a worker that was given up change nothing', async () => {
    const [claimed] = await startAttempts(1);
    offsetMs = 10_500;
    await sweep.sweepOnce();
    assert.deepEqual(await writeResults(store().engine, [resultOf(claimed!, accepted('late'))]), new Set());
    assert.deepEqual(await statesOf(store(), [claimed!.id]), { unknown: 1 });
  });

  it('takes over what a worker claimed after it was given up, and died with', async () => {
    await startAttempts(1);
    await store().engine.query('delete from workers');
    await sweep.sweepOnce();
    const { rows } = await store().engine.query('select state, reason from deliveries');
    assert.deepEqual(rows, [{ state: 'unknown', reason: 'worker_lost' }]);
    assert.equal((await store().engine.query('select 1 from claims')).rowCount, 0);
  });

  it('writes a result once, and only for the attempt that it belongs to', async () => {
    const [claimed] = await startAttempts(1);
    const stale = { ...claimed!, attempt: 0 };
    assert.equal((await writeResults(store().engine, [resultOf(stale, accepted('x'))])).size, 0);
    assert.equal((await writeResults(store().engine, [resultOf(claimed!, accepted('x'))])).size, 1);
    assert.equal((await writeResults(store().engine, [resultOf(claimed!, accepted('y'))])).size, 0);
  });

  it('turns a retry into cancelled when cancelling was asked for meanwhile', async () => {
    const [claimed] = await startAttempts(1);
    await store().engine.query('update deliveries set cancel_requested = true where id = $1', [claimed!.id]);
    await writeResults(store().engine, [resultOf(claimed!, retry('provider_error'))]);
    const { rows } = await store().engine.query('select state, due_at from deliveries where id = $1', [
      claimed!.id,
    ]);
    assert.deepEqual(rows, [{ state: 'cancelled', due_at: null }]);
  });

  it('leaves to a person what its policy holds, once and for all, whatever its expiry', async () => {
    const holding = categoriesFrom([{ id: 'transactional', definition: { unknown: 'hold' } }]);
    const held = new Sweep({
      store: store(),
      clock,
      wake: new Wake(),
      logger: silentLogger,
      housekeeping: async () => {},
      categories: { forTenants: async () => new Map([[TENANT, holding]]) },
    });
    const [claimed] = await startAttempts(1);
    await held.takeOverAll();
    offsetMs = 7_200_000;
    await held.sweepOnce();
    await held.sweepOnce();
    const { rows } = await store().engine.query(
      'select state, problem, reason, decide_at, due_at from deliveries where id = $1',
      [claimed!.id],
    );
    assert.deepEqual(rows, [
      { state: 'unknown', problem: 'unknown', reason: 'waits_for_operator', decide_at: null, due_at: null },
    ]);
  });

  it('takes over everything at the start of an embedded database', async () => {
    const claimed = await startAttempts(3);
    await sweep.takeOverAll();
    assert.deepEqual(await statesOf(store(), idsOf(claimed)), { unknown: 3 });
    assert.ok(((await metrics.takenOver.get()).values[0]?.value ?? 0) >= 3);
  });
});

const unknown = (extra: Partial<Parameters<typeof decideUnknown>[0]> = {}) => {
  const delivery = {
    id: 'd',
    lane: 'email.normal',
    channel: 'email',
    provider: 'smtp',
    category: 'transactional',
    retries: 0,
    expiresAt: null,
    cancelRequested: false,
    ...extra,
  };
  return decideUnknown(delivery, BUILT_IN.of(delivery.category).unknown, 1_000).state;
};

it('the policy sends transactional messages again, and marketing only where a repeat cannot show', () => {
  assert.equal(unknown(), 'queued');
  assert.equal(unknown({ category: 'marketing' }), 'failed');
  assert.equal(
    unknown({ category: 'marketing', channel: 'push', lane: 'push.ios.low', provider: 'apns' }),
    'queued',
  );
  assert.equal(
    unknown({ category: 'marketing', channel: 'webhook', lane: 'webhook.low', provider: 'webhook' }),
    'queued',
  );
});

it('the policy ends what was cancelled, came too late, or was unknown too often', () => {
  assert.equal(unknown({ cancelRequested: true }), 'cancelled');
  assert.equal(unknown({ expiresAt: new Date(1_000) }), 'expired');
  assert.equal(unknown({ retries: 4 }), 'dead');
});

it('the policy that holds asks a person, unless somebody cancelled', () => {
  const delivery = {
    id: 'd',
    lane: 'webhook.normal',
    channel: 'webhook',
    provider: 'webhook',
    category: 'transactional',
    retries: 9,
    expiresAt: new Date(1),
    cancelRequested: false,
  };
  assert.equal(decideUnknown(delivery, 'hold', 1_000).state, 'unknown');
  assert.equal(decideUnknown({ ...delivery, cancelRequested: true }, 'hold', 1_000).state, 'cancelled');
});
