import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { queueDeliveries, TENANT } from '../../test/support/ledger.ts';
import { plainTenants } from '../../test/support/plain-tenants.ts';
import { describeStores } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { createPostgresQueue, type Queue, Wake } from '../queue/index.ts';
import type { Connections } from '../tenants/index.ts';
import type { AttemptTools } from './attempt.ts';
import { Bulkhead } from './bulkhead.ts';
import { Gate } from './gate.ts';
import { Gates } from './gates.ts';
import { HealthBoard } from './health-board.ts';
import { Recorder } from './recorder.ts';
import { Worker } from './worker.ts';

const TURN = { tenantId: TENANT, connection: 'hook', count: 10 };
const away = { forTenants: () => Promise.reject(new Error('the database is away')) };
const here = { forTenants: async () => new Map() };

describeStores('the worker', (store) => {
  let queue: Queue;
  before(() => {
    queue = createPostgresQueue(store().engine, store().clock);
  });
  beforeEach(async () => {
    await store().engine.query('truncate deliveries, notifications, claims, attempts');
  });

  async function run(isAlive: boolean, connections: Pick<Connections, 'forTenants'>) {
    const { clock } = store();
    const shared = { store: store(), clock, logger: silentLogger };
    const worker = new Worker({
      ...shared,
      id: uuidv7(clock.now()),
      wake: new Wake(),
      gates: new Gates(clock, new HealthBoard(shared)),
      recorder: new Recorder(shared),
      connections,
      templates: { compiled: async () => new Map() },
      ...plainTenants,
      tools: {
        clock,
        logger: silentLogger,
        random: (n: number) => new Uint8Array(n),
        isAlive: () => isAlive,
      } as unknown as AttemptTools,
    });
    const gate = new Gate({
      lane: 'webhook.normal',
      bulkhead: new Bulkhead({ maxInFlight: 50 }, clock.now()),
      shared: [],
    });
    const claim = await queue.claim('webhook.normal', worker.id, [TURN]);
    gate.reserve(claim.deliveries.length, clock.now());
    await worker.run(claim, () => gate);
    assert.equal(await worker.drain(10_000), 0);
    const { rows } = await store().engine.query(
      'select state, attempt, retries, due_at is not null as waits from deliveries',
    );
    const claims = await store().engine.query('select 1 from claims');
    return { rows, claims: claims.rowCount, inFlight: gate.inFlight };
  }
  const handedBack = {
    rows: [{ state: 'queued', attempt: 1, retries: 0, waits: true }],
    claims: 0,
    inFlight: 0,
  };

  it('hands back what it claimed when it may have been given up for dead', async () => {
    await queueDeliveries(store(), 1);
    assert.deepEqual(await run(false, here), handedBack);
  });

  it('hands back what it claimed when it can not read what the attempts need', async () => {
    await queueDeliveries(store(), 1);
    assert.deepEqual(await run(true, away), handedBack);
  });

  it('ends one that our own code breaks on, and the process goes on', async () => {
    await queueDeliveries(store(), 1);
    const broken = { forTenants: async () => new Map([[TENANT, [null]]]) };
    const ended = await run(true, broken as never);
    assert.deepEqual(ended, {
      rows: [{ state: 'failed', attempt: 1, retries: 0, waits: false }],
      claims: 0,
      inFlight: 0,
    });
  });
});
