import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { queueDeliveries, statesOf, TENANT } from '../../test/support/ledger.ts';
import { describeStores } from '../../test/support/stores.ts';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { type Claim, createPostgresQueue, type Queue, Wake } from '../queue/index.ts';
import { type AttemptTools, attempt } from './attempt.ts';
import { Gate } from './gate.ts';
import { Heartbeat } from './heartbeat.ts';
import { releaseClaims, saveHeartbeat, writeResults } from './store.ts';
import { Sweep } from './sweep.ts';

const LIMITS = { connectTimeoutMs: 1, deadlineMs: 1, maxInFlight: 10 };

describeStores('a worker that was given up, or did not hear', (store) => {
  let queue: Queue;
  let sweep: Sweep;
  let worker: string;
  let offsetMs = 0;
  const clock: Clock = { now: () => store().clock.now() + offsetMs, sleep: async () => {} };

  before(() => {
    queue = createPostgresQueue(store().engine, clock);
    const housekeeping = async () => {};
    sweep = new Sweep({ store: store(), clock, wake: new Wake(), logger: silentLogger, housekeeping });
  });
  beforeEach(async () => {
    offsetMs = 0;
    worker = uuidv7(1);
    await store().engine.query('truncate deliveries, notifications, claims, workers, attempts');
  });

  async function claim(count: number): Promise<Claim> {
    await queueDeliveries(store(), count);
    return queue.claim('webhook.normal', worker, [{ tenantId: TENANT, connection: 'hook', count: 100 }]);
  }
  const beat = () =>
    saveHeartbeat(
      store().engine,
      { id: worker, host: 'h', startedAt: new Date(clock.now()) },
      new Date(clock.now()),
    );
  const idsOf = ({ deliveries }: Claim) => deliveries.map(({ id }) => id);

  /** What a process does with a claim when its own proof of life is too old. */
  async function attemptTooLate({ claimedAt, deliveries }: Claim): Promise<number> {
    const tools = { clock, logger: silentLogger, isAliveSince: () => false } as unknown as AttemptTools;
    const results = await Promise.all(
      deliveries.map((claimed) => {
        const gate = new Gate(LIMITS, clock.now());
        return attempt(
          { claimed, claimedAt, route: null, gate, template: null, findAlternative: () => null },
          tools,
        );
      }),
    );
    return (await writeResults(store().engine, results)).size;
  }

  it('puts back what nobody has taken over, so that it is not being sent for ever', async () => {
    const claimed = await claim(2);
    assert.equal(await attemptTooLate(claimed), 2);
    assert.deepEqual(await statesOf(store(), idsOf(claimed)), { queued: 2 });
    offsetMs = 1_500;
    const turns = [{ tenantId: TENANT, connection: 'hook', count: 10 }];
    const again = await queue.claim('webhook.normal', worker, turns);
    assert.deepEqual(idsOf(again).sort(), idsOf(claimed).sort());
  });

  it('changes nothing about what others have taken over', async () => {
    await beat();
    const claimed = await claim(2);
    offsetMs = 11_000;
    await sweep.sweepOnce();
    assert.equal(await attemptTooLate(claimed), 0);
    assert.deepEqual(await statesOf(store(), idsOf(claimed)), { unknown: 2 });
  });

  it('does not own again what it claimed before, however alive it is since', async () => {
    const heartbeat = new Heartbeat({ store: store(), clock, logger: silentLogger });
    await heartbeat.start();
    const claimedAt = clock.now();
    assert.equal(heartbeat.isAliveSince(claimedAt), true);
    offsetMs = 11_000;
    assert.equal(heartbeat.isAliveSince(claimedAt), false);
    await heartbeat.beat();
    assert.equal(heartbeat.isAliveSince(claimedAt), false);
    assert.equal(heartbeat.isAliveSince(clock.now()), true);
    await heartbeat.stop();
  });

  it('is swept up as well when it came back, claimed, and died before its next proof of life', async () => {
    const claimed = await claim(2);
    offsetMs = 9_000;
    await sweep.sweepOnce();
    assert.deepEqual(await statesOf(store(), idsOf(claimed)), { sending: 2 });
    offsetMs = 11_000;
    await sweep.sweepOnce();
    assert.deepEqual(await statesOf(store(), idsOf(claimed)), { unknown: 2 });
  });

  it('puts back a claim whose answer got lost, and no other', async () => {
    const heard = await claim(1);
    const unheard = await claim(2);
    const released = await releaseClaims(
      store().engine,
      { id: worker, known: [heard.id] },
      new Date(clock.now()),
    );
    assert.equal(released, 2);
    assert.deepEqual(await statesOf(store(), idsOf(heard)), { sending: 1 });
    assert.deepEqual(await statesOf(store(), idsOf(unheard)), { queued: 2 });
    const { rows } = await store().engine.query('select id from claims');
    assert.deepEqual(rows, [{ id: heard.id }]);
  });
});
