import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { OverloadedError } from '../lib/batcher.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Receipt } from '../providers/index.ts';
import { createMetrics } from '../telemetry/index.ts';
import { makeTenant } from '../tenants/testing.ts';
import { createReceiptLane, type LanePost, type ReceiptLane } from './lane.ts';

describeStores('the lane of receipts', (store) => {
  const clock = new FakeClock();
  const metrics = createMetrics();
  const tenants: string[] = [];
  let notifications: string[];
  let lane: ReceiptLane;
  let warned: object[];
  /** The statements of each transaction, by their names or first words. */
  let transactions: string[][];

  before(async () => {
    for (let n = 0; n < 3; n++) tenants.push(await makeTenant(store(), clock.now()));
    notifications = await Promise.all(tenants.map((tenant) => insertNotification(store(), tenant)));
  });
  beforeEach(() => {
    warned = [];
    transactions = [];
    lane = createReceiptLane({
      store: { ...store(), receipts: listenedTo(store().receipts, transactions) },
      clock,
      logger: { ...silentLogger, warn: (fields: object) => warned.push(fields) },
      maxWaiting: 50,
      metrics,
    });
  });

  const deliver = (n: number, columns: object = {}) =>
    insertDelivery(store(), tenants[n]!, { notification_id: notifications[n]!, state: 'sent', ...columns });
  const receipt = (deliveryId: string, more: Partial<Receipt> = {}): Receipt => ({
    event: 'delivered',
    deliveryId,
    providerMessageId: null,
    at: null,
    eventKey: 'delivered',
    ...more,
  });
  const post = (n: number, receipts: Receipt[], more: Partial<LanePost> = {}): LanePost => ({
    tenantId: tenants[n]!,
    connection: 'texts',
    provider: 'twilio',
    channel: 'sms',
    receipts,
    ...more,
  });
  const countOf = async (id: string) =>
    (await store().engine.query('select event from receipts where delivery_id = $1', [id])).rows.length;

  it('commits the posts of all tenants together, by as many statements as one post needs', async () => {
    const bounce = {
      event: 'bounced',
      reason: 'recipient_invalid',
      effect: { type: 'suppress-contact' },
    } as const;
    const of = async (n: number) =>
      post(n, [receipt(await deliver(n, { choice: { step: 0 } }), bounce), receipt(await deliver(n))]);
    await lane.add(await of(0));
    const posts = await Promise.all([0, 1, 2, 0, 1, 2].map(of));
    await Promise.all(posts.map((each) => lane.add(each)));
    assert.equal(transactions.length, 2);
    assert.deepEqual(transactions[1], transactions[0]);
    for (const { receipts } of posts) {
      const [bounced, delivered] = await Promise.all(
        receipts.map(({ deliveryId }) => readDelivery(store(), deliveryId!)),
      );
      assert.deepEqual([bounced.state, bounced.reason], ['failed', 'recipient_invalid']);
      assert.deepEqual([delivered.state, delivered.delivered_at.getTime()], ['sent', clock.now()]);
    }
  });

  it('leaves out what can not be stored, and nothing else of its post or of others', async () => {
    const ids = await Promise.all([0, 0, 0, 1, 2].map((n) => deliver(n)));
    const poison = [{ code: 'a\u0000b' }, { at: Number.NaN }];
    await Promise.all([
      lane.add(post(0, [receipt(ids[0]!), receipt(ids[1]!, poison[0]), receipt(ids[2]!)])),
      lane.add(post(1, [receipt(ids[3]!, poison[1])])),
      lane.add(post(2, [receipt(ids[4]!)])),
    ]);
    assert.deepEqual(await Promise.all(ids.map(countOf)), [1, 0, 1, 0, 1]);
    assert.deepEqual(
      warned.map((fields) => (fields as { tenant: string }).tenant),
      [tenants[0], tenants[1]],
    );
  });

  it('fails alone where we are wrong about it, so that its vendor comes again', async () => {
    const ids = await Promise.all([0, 1].map((n) => deliver(n)));
    const ends = await Promise.allSettled([
      lane.add(post(0, [receipt(ids[0]!)])),
      lane.add(post(2, [receipt(null as never, { deliveryId: 7 as never })])),
      lane.add(post(1, [receipt(ids[1]!)])),
    ]);
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(await Promise.all(ids.map(countOf)), [1, 1]);
    assert.deepEqual(warned, []);
  });

  it('does not take the word of a stranger, even beside that of the owner', async () => {
    const id = await deliver(0);
    const lies = { event: 'failed', reason: 'recipient_invalid' } as const;
    await Promise.all([
      lane.add(post(1, [receipt(id, lies)])),
      lane.add(post(0, [receipt(id, lies)], { connection: 'other' })),
      lane.add(post(0, [receipt(id)])),
      lane.add(post(2, [receipt(id, lies)])),
    ]);
    const row = await readDelivery(store(), id);
    assert.deepEqual([row.state, row.delivered_at.getTime()], ['sent', clock.now()]);
    assert.equal(await countOf(id), 1);
  });

  it('takes repeats within a batch once, and tells the connection what was new', async () => {
    const told: [string, number, number][] = [];
    const [first, second] = [await deliver(0), await deliver(1)];
    const telling = (n: number, receipts: Receipt[]) =>
      lane.add(post(n, receipts, { reported: (...ends) => told.push([tenants[n]!, ...ends]) }));
    const failed = receipt(second, { event: 'failed', eventKey: 'failed' });
    await Promise.all([
      telling(0, [receipt(first)]),
      telling(0, [receipt(first), receipt(first)]),
      telling(1, [failed, receipt(second)]),
    ]);
    assert.deepEqual(told, [
      [tenants[0], 1, 0],
      [tenants[1], 1, 1],
    ]);
  });

  it('takes a post that is larger than a batch in parts', async () => {
    const id = await deliver(0);
    const receipts = Array.from({ length: 1_200 }, (_, n) => receipt(id, { eventKey: `open ${n}` }));
    await lane.add(post(0, receipts));
    assert.equal(await countOf(id), 1_200);
    assert.ok(transactions.length >= 3);
  });

  it('switches off the device behind a delivery whose token the vendor calls dead', async () => {
    const user = uuidv7(clock.now());
    const device = uuidv7(clock.now());
    await insertDevice(store(), { tenant: tenants[0]!, user, device, now: clock.now() });
    const dead = { event: 'failed', effect: { type: 'prune-device' } } as const;
    const test = await deliver(0, { device_id: device, user_id: user, live: false });
    const isActive = async () =>
      (await store().engine.query('select inactive_reason from devices where id = $1', [device])).rows[0]
        .inactive_reason;
    await lane.add(post(0, [receipt(test, dead)]));
    assert.equal(await isActive(), null);
    await lane.add(post(0, [receipt(await deliver(0, { device_id: device, user_id: user }), dead)]));
    assert.equal(await isActive(), 'device_unregistered');
  });

  it('refuses what does not fit into its line', async () => {
    const id = await deliver(0);
    const adding = Array.from({ length: 60 }, () => lane.add(post(0, [receipt(id)])));
    const ends = await Promise.allSettled(adding);
    const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    assert.equal(refused.length, 10);
    assert.ok(refused.every((error) => error instanceof OverloadedError));
    assert.equal(await countOf(id), 1);
  });
});

async function insertDevice(
  store: { engine: { query(text: string, values: unknown[]): Promise<unknown> } },
  { tenant, user, device, now }: { tenant: string; user: string; device: string; now: number },
): Promise<void> {
  await store.engine.query(
    "insert into users (tenant_id, id, external_id, attributes, created_at, updated_at) values ($1, $2, $3, '{}', $4, $4)",
    [tenant, user, user, new Date(now)],
  );
  await store.engine.query(
    `insert into devices (tenant_id, id, user_id, app, platform, token, token_hash, registered_at, last_active_at)
     values ($1, $2, $3, 'main', 'ios', 't', '\\x01', $4, $4)`,
    [tenant, device, user, new Date(now - 1)],
  );
}

/** The pool, with the statements of each of its transactions. */
// biome-ignore lint/suspicious/noExplicitAny: stands for a pool and its clients
function listenedTo(pool: any, transactions: string[][]): any {
  const listen = (target: object, hear: (text: string) => void) =>
    new Proxy(target, {
      // biome-ignore lint/suspicious/noExplicitAny: whatever a client has
      get(of: any, name) {
        if (name !== 'query') return typeof of[name] === 'function' ? of[name].bind(of) : of[name];
        return (...args: [string | { name: string; text: string }]) => {
          const [statement] = args;
          hear(typeof statement === 'string' ? statement.slice(0, 30) : statement.name);
          return of.query(...args);
        };
      },
    });
  return {
    connect: async () =>
      listen(await pool.connect(), (text) => {
        if (text === 'begin') transactions.push([]);
        transactions.at(-1)?.push(text);
      }),
  };
}
