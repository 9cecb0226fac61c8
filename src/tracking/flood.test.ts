import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openPostgresTestStore, stopOwnCluster } from '../../test/support/stores.ts';
import { createServer, type Server } from '../http/index.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Store } from '../store/index.ts';
import { createMetrics } from '../telemetry/index.ts';
import { putConnection } from '../tenants/connection-changes.ts';
import { createConnections } from '../tenants/index.ts';
import { makeMasterKeys, makeTenant } from '../tenants/testing.ts';
import { callAsTwilio, mountReceipts, PUBLIC_URL, type TwilioCallback } from './testing.ts';

const TOKEN = 'the-auth-token-of-the-account';
const MAX_POSTS = 20;
const PER_SECOND = 30;

describe('a flood of receipts', () => {
  const clock = new FakeClock();
  const metrics = createMetrics();
  let store: Store;
  let app: Server;
  let tenantId: string;
  let id: string;

  before(async () => {
    store = await openPostgresTestStore(2);
    const options = { store, clock, masterKeys: makeMasterKeys() };
    tenantId = await makeTenant(store, clock.now());
    const config = { accountSid: `AC${'0'.repeat(32)}`, authToken: TOKEN, from: '+15005550006' };
    for (const name of ['texts', 'others'])
      await putConnection(options, { tenantId, id: name, request: { provider: 'twilio', config } });
    const notification = await insertNotification(store, tenantId);
    id = await insertDelivery(store, tenantId, { notification_id: notification, state: 'sent' });
    app = await createServer({
      authenticate: () => null,
      clock,
      logger: silentLogger,
      version: '0',
      bodyLimit: 10_000,
      requestsPerSecondPerKey: 0,
      authFailuresPerSecondPerAddress: 0,
      trustProxy: false,
      metrics,
    });
    await mountReceipts(app, {
      store,
      clock,
      logger: silentLogger,
      connections: createConnections(options),
      publicUrl: PUBLIC_URL,
      health: { of: () => ({ reported: () => {} }) },
      limits: { maxPosts: MAX_POSTS, postsPerSecond: PER_SECOND },
      metrics,
    });
    await app.ready();
  });
  after(async () => {
    await app.close();
    await store.close();
    await stopOwnCluster();
  });

  const call = (more: Partial<TwilioCallback> = {}) =>
    callAsTwilio(app, { tenantId, token: TOKEN, id, status: 'delivered', ...more });
  const statuses = async (calls: Promise<number>[]) =>
    Object.entries(Object.groupBy(await Promise.all(calls), String)).map(([status, list]) => [
      Number(status),
      list!.length,
    ]);

  it('waits behind its own connections, is bounded, and leaves everybody else theirs', async () => {
    assert.equal(await call(), 204);
    clock.advance(1_000);
    const held = [await store.receipts.connect(), await store.receipts.connect()];
    const calls = Array.from({ length: MAX_POSTS + 5 }, () => call());
    const refused = await Promise.race([calls.at(-1)!, calls[0]!.then(() => 'the line did not wait')]);
    assert.equal(refused, 503);
    for (const pool of [store.api, store.acceptHigh, store.acceptBulk, store.engine, store.engineHigh])
      assert.equal((await pool.query('select 1 as one')).rows[0].one, 1);
    for (const client of held) client.release();
    assert.deepEqual(await statuses(calls), [
      [204, MAX_POSTS],
      [503, 5],
    ]);
    assert.match(await metrics.render(), /bellhop_receipts_turned_away_total\{reason="full"\} 5/);
    assert.match(await metrics.render(), /bellhop_receipts_waiting 0/);
  });

  it('of one connection is told to come again, before anything is read; another connection is not', async () => {
    clock.advance(1_000);
    for (let n = 0; n < PER_SECOND; n++) assert.equal(await call({ token: 'a forger' }), 401);
    const answer = await app.inject({ method: 'POST', url: `/v1/receipts/${tenantId}/texts`, payload: 'x' });
    assert.deepEqual([answer.statusCode, answer.headers['retry-after']], [503, '5']);
    assert.equal(await call({ connection: 'others' }), 204);
    clock.advance(1_000);
    assert.equal(await call(), 204);
    assert.ok((await readDelivery(store, id)).delivered_at);
  });

  it('of addresses where nobody is does not reach the database for long', async () => {
    clock.advance(1_000);
    const guess = async () => {
      const url = `/v1/receipts/${uuidv7(clock.now())}/texts`;
      return (await app.inject({ method: 'POST', url, payload: 'x' })).statusCode;
    };
    for (let n = 0; n < 50; n++) assert.equal(await guess(), 404);
    const held = [await store.receipts.connect(), await store.receipts.connect()];
    assert.equal(await guess(), 404);
    for (const client of held) client.release();
    assert.equal(await call(), 204);
  });
});
