import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { queueDeliveries, statesOf, TENANT } from '../../test/support/ledger.ts';
import { describeStores, openPostgresTestStore, stopOwnCluster } from '../../test/support/stores.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Store } from '../store/index.ts';
import { createPostgresQueue } from './postgres.ts';
import type { Queue } from './queue.ts';

const WORKER = uuidv7(1);
const OTHER_TENANT = '01900000-0000-7000-8000-00000000000b';
const turn = (count: number, connection = 'hook', tenantId = TENANT) => ({ tenantId, connection, count });

// What every driver of the queue must do; PostgreSQL is the first.
describeStores('the queue', (store) => {
  let queue: Queue;
  before(() => {
    queue = createPostgresQueue(store().engine, store().clock);
  });
  beforeEach(async () => {
    await store().engine.query('truncate deliveries, notifications, claims');
  });

  it('hands out what is due, once, with all that an attempt needs', async () => {
    const ids = await queueDeliveries(store(), 3);
    const { deliveries } = await queue.claim('webhook.normal', WORKER, [turn(10)]);
    assert.deepEqual(deliveries.map(({ id }) => id).sort(), ids.toSorted());
    const [first] = deliveries;
    assert.deepEqual(
      [first!.attempt, first!.retries, first!.category, first!.priority],
      [1, 0, 'transactional', 'normal'],
    );
    assert.deepEqual([first!.user.externalId, first!.request], ['ada', { message: { title: 'Hi' } }]);
    assert.deepEqual((await queue.claim('webhook.normal', WORKER, [turn(10)])).deliveries, []);
  });

  it('writes down which attempts are under way in the commit that starts them', async () => {
    const ids = await queueDeliveries(store(), 2);
    const claim = await queue.claim('webhook.normal', WORKER, [turn(10)]);
    const { rows } = await store().engine.query('select id, worker_id, delivery_ids, attempts from claims');
    assert.deepEqual(
      [rows.length, rows[0].id, rows[0].worker_id, rows[0].attempts],
      [1, claim.id, WORKER, [1, 1]],
    );
    assert.deepEqual(rows[0].delivery_ids.toSorted(), ids.toSorted());
    assert.deepEqual(await statesOf(store(), ids), { sending: 2 });
  });

  it('leaves no claim behind when there was nothing to start', async () => {
    await queue.claim('webhook.normal', WORKER, [turn(10)]);
    const { rowCount } = await store().engine.query('select 1 from claims');
    assert.equal(rowCount, 0);
  });

  it('hands a claim back whose answer got lost, unless it was cancelled meanwhile', async () => {
    const [kept, cancelled] = await queueDeliveries(store(), 2);
    const losing = {
      query: (async (statement: { name?: string }) => {
        const answer = await store().engine.query(statement as never);
        if (statement.name === 'queue_claim') throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
        return answer;
      }) as Store['engine']['query'],
    };
    // The agenda is read through the other pool, and settles it all the same.
    const unlucky = createPostgresQueue(losing, store().clock, store().engine);
    await assert.rejects(unlucky.claim('webhook.normal', WORKER, [turn(10)]), /gone/);
    assert.deepEqual(await statesOf(store(), [kept!, cancelled!]), { sending: 2 });
    await store().engine.query('update deliveries set cancel_requested = true where id = $1', [cancelled]);
    await unlucky.agenda(10);
    assert.deepEqual(await statesOf(store(), [kept!]), { queued: 1 });
    assert.deepEqual(await statesOf(store(), [cancelled!]), { cancelled: 1 });
    assert.equal((await store().engine.query('select 1 from claims')).rowCount, 0);
    const { deliveries } = await queue.claim('webhook.normal', WORKER, [turn(10)]);
    assert.deepEqual(
      deliveries.map(({ id, attempt, retries }) => [id, attempt, retries]),
      [[kept, 2, 0]],
    );
  });

  it('takes no more of a connection than it was given turns for', async () => {
    await queueDeliveries(store(), 5);
    await queueDeliveries(store(), 5, { connection: 'slow' });
    const { deliveries } = await queue.claim('webhook.normal', WORKER, [turn(2), turn(1, 'slow')]);
    assert.deepEqual(deliveries.map(({ connection }) => connection).sort(), ['hook', 'hook', 'slow']);
  });

  it('leaves what is due later, or in another lane, alone', async () => {
    await queueDeliveries(store(), 1, { dueAt: new Date(store().clock.now() + 60_000) });
    await queueDeliveries(store(), 1, { lane: 'webhook.high' });
    assert.deepEqual((await queue.claim('webhook.normal', WORKER, [turn(10)])).deliveries, []);
  });

  it('lists each tenant and connection that has work, with its first due time, however much waits behind', async () => {
    const later = new Date(store().clock.now() + 60_000);
    await queueDeliveries(store(), 50);
    await queueDeliveries(store(), 1, { dueAt: later, connection: 'later' });
    await queueDeliveries(store(), 1, { tenantId: OTHER_TENANT });
    await queueDeliveries(store(), 1, { lane: 'email.high' });
    const agenda = await queue.agenda(64);
    assert.deepEqual(
      agenda.map(({ lane, tenantId, connection }) => `${lane} ${tenantId.at(-1)} ${connection}`).sort(),
      ['email.high a hook', 'webhook.normal a hook', 'webhook.normal a later', 'webhook.normal b hook'],
    );
    assert.equal(agenda.find(({ connection }) => connection === 'later')!.dueAt, later.getTime());
  });

  it('goes round among more connections than fit into one agenda', async () => {
    for (const connection of ['a', 'b', 'c', 'd', 'e']) await queueDeliveries(store(), 1, { connection });
    const seen: string[] = [];
    for (let round = 0; round < 3; round++)
      seen.push(...(await queue.agenda(2)).map(({ connection }) => connection));
    assert.deepEqual([...new Set(seen)].sort(), ['a', 'b', 'c', 'd', 'e']);
  });

  it('does not show an attempt the device of somebody else', async () => {
    const now = new Date(store().clock.now());
    const [owner, stranger, device] = [uuidv7(1), uuidv7(2), uuidv7(3)];
    await store().engine.query("insert into tenants values ($1, 'a', 'a', $2) on conflict do nothing", [
      TENANT,
      now,
    ]);
    for (const [id, name] of [
      [owner, 'owner'],
      [stranger, 'stranger'],
    ]) {
      await store().engine.query("insert into users values ($1, $2, $3, null, null, '{}', $4, $4)", [
        TENANT,
        id,
        name,
        now,
      ]);
    }
    await store().engine.query(
      "insert into devices (tenant_id, id, user_id, app, platform, token, token_hash, registered_at, last_active_at) values ($1, $2, $3, 'default', 'ios', 'abc', 'h', $4, $4)",
      [TENANT, device, stranger, now],
    );
    await queueDeliveries(store(), 1, { userId: owner, deviceId: device });
    const { deliveries } = await queue.claim('webhook.normal', WORKER, [turn(1)]);
    assert.equal(deliveries[0]!.device, null);
  });

  it('sees that an address was suppressed, however it is written', async () => {
    const { engine, clock } = store();
    const now = new Date(clock.now());
    const user = uuidv7(4);
    await engine.query("insert into tenants values ($1, 'a', 'a', $2) on conflict do nothing", [TENANT, now]);
    await engine.query("insert into users values ($1, $2, 'shouter', null, null, '{}', $3, $3)", [
      TENANT,
      user,
      now,
    ]);
    await engine.query(
      `insert into contacts (tenant_id, user_id, kind, address, updated_at) values ($1, $2, 'email', 'Ada@Example.com', $3)`,
      [TENANT, user, now],
    );
    await engine.query(
      `insert into suppressions (tenant_id, kind, address, reason, source, created_at)
       values ($1, 'email', 'ada@example.com', 'complained', 'test', $2)`,
      [TENANT, now],
    );
    const [id] = await queueDeliveries(store(), 1, { userId: user });
    await engine.query("update deliveries set contact_kind = 'email' where id = $1", [id]);
    const { deliveries } = await queue.claim('webhook.normal', WORKER, [turn(1)]);
    assert.deepEqual(
      [deliveries[0]!.contact!.address, deliveries[0]!.contact!.suppressed],
      ['Ada@Example.com', true],
    );
  });
});

describe('the queue under several workers', () => {
  let store: Store;
  before(async () => {
    store = await openPostgresTestStore(8);
  });
  after(async () => {
    await store.close();
    await stopOwnCluster();
  });

  it('gives every delivery to exactly one of them', async () => {
    const ids = await queueDeliveries(store, 2_000);
    const queue = createPostgresQueue(store.engine, store.clock);
    const claimed: string[] = [];
    const worker = async () => {
      for (;;) {
        const { deliveries } = await queue.claim('webhook.normal', uuidv7(1), [turn(50)]);
        if (deliveries.length === 0) return;
        claimed.push(...deliveries.map(({ id }) => id));
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    // A worker may find everything locked and leave early; what is left is claimed by the next look.
    await worker();
    assert.equal(claimed.length, ids.length);
    assert.equal(new Set(claimed).size, ids.length);
  });
});
