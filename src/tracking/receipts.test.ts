import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { keepProviderIds } from '../delivery/late-results.ts';
import { type Result, writeResults } from '../delivery/store.ts';
import { createServer, type Server } from '../http/index.ts';
import type { DeliveryState } from '../ledger/states.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { putConnection } from '../tenants/connection-changes.ts';
import { createConnections } from '../tenants/index.ts';
import { makeMasterKeys, makeTenant } from '../tenants/testing.ts';
import { callAsTwilio, mountReceipts, PUBLIC_URL, type TwilioCallback } from './testing.ts';

const TOKEN = 'the-auth-token-of-the-account';
const TABLE_OF_ENDED = ['failed', 'dead', 'skipped', 'expired', 'cancelled', 'queued'] as const;

describeStores('receipts of Twilio', (store) => {
  const clock = new FakeClock();
  let app: Server;
  let tenantId: string;
  let other: string;
  let notification: string;
  /** Delivered and undelivered, as the health of the connection was told. */
  const reported: number[][] = [];
  before(async () => {
    const options = { store: store(), clock, masterKeys: makeMasterKeys() };
    [tenantId, other] = [await makeTenant(store(), clock.now()), await makeTenant(store(), clock.now())];
    for (const [tenant, authToken] of [
      [tenantId, TOKEN],
      [other, 'the-token-of-somebody-else'],
    ] as const) {
      const config = { accountSid: `AC${'0'.repeat(32)}`, authToken, from: '+15005550006' };
      await putConnection(options, {
        tenantId: tenant,
        id: 'texts',
        request: { provider: 'twilio', config },
      });
    }
    const hook = { url: 'https://hook.example.com', secret: `whsec_${'a'.repeat(32)}` };
    await putConnection(options, { tenantId, id: 'hook', request: { provider: 'webhook', config: hook } });
    notification = await insertNotification(store(), tenantId);
    app = await createServer({
      authenticate: () => null,
      clock,
      logger: silentLogger,
      version: '0',
      bodyLimit: 10_000,
      requestsPerSecondPerKey: 0,
      authFailuresPerSecondPerAddress: 0,
      trustProxy: false,
    });
    const connections = createConnections(options);
    await mountReceipts(app, {
      store: store(),
      clock,
      logger: silentLogger,
      connections,
      publicUrl: PUBLIC_URL,
      health: { of: () => ({ reported: (...ends) => reported.push(ends) }) },
    });
    await app.ready();
  });
  after(() => app.close());

  const deliver = (state: DeliveryState, columns: object = {}) =>
    insertDelivery(store(), tenantId, { notification_id: notification, state, ...columns });
  const read = (id: string) => readDelivery(store(), id);
  const receiptsOf = async (id: string) =>
    (
      await store().engine.query('select event from receipts where delivery_id = $1 order by event', [id])
    ).rows.map((row) => row.event);

  /** Twilio calls about a delivery of the tenant; answers the status. */
  const report = (id: string, status: string, callback: Partial<TwilioCallback> = {}) =>
    callAsTwilio(app, { tenantId, token: TOKEN, id, status, ...callback });

  it('are refused without the right signature, and change nothing', async () => {
    const id = await deliver('sent');
    const forgeries: TwilioCallback['sign'][] = [
      () => undefined,
      () => '',
      () => 'AAAA',
      (signature) => signature.slice(0, -1),
      (signature) => `${signature}=`,
      (signature) => signature.toLowerCase(),
    ];
    for (const sign of forgeries) assert.equal(await report(id, 'failed', { sign }), 401);
    assert.equal(await report(id, 'failed', { token: 'the-token-of-somebody-else' }), 401);
    assert.equal(await report(id, 'failed', { token: '' }), 401);
    assert.deepEqual([(await read(id)).state, await receiptsOf(id)], ['sent', []]);
  });

  it('mark a sent delivery as delivered, once', async () => {
    const id = await deliver('sent');
    reported.length = 0;
    assert.equal(await report(id, 'delivered'), 204);
    const first = await read(id);
    assert.deepEqual([first.state, first.delivered_at.getTime()], ['sent', clock.now()]);
    assert.equal(first.provider_message_id, `SM${id}`);
    clock.advance(60_000);
    assert.equal(await report(id, 'delivered'), 204);
    assert.deepEqual(await read(id), first);
    assert.deepEqual(await receiptsOf(id), ['delivered']);
    const told = [
      [1, 0],
      [0, 0],
    ];
    assert.deepEqual(reported, told);
  });

  it('may come in any order', async () => {
    const id = await deliver('sending');
    for (const status of ['read', 'delivered', 'sent', 'queued']) assert.equal(await report(id, status), 204);
    const row = await read(id);
    assert.deepEqual([row.state, row.problem, row.reason], ['sent', null, null]);
    assert.ok(row.delivered_at && row.opened_at);
    assert.deepEqual(await receiptsOf(id), ['delivered', 'opened', 'queued', 'sent']);
  });

  it('turn a sent delivery into a failed one with the reason', async () => {
    const id = await deliver('sent');
    const before = await read(id);
    assert.equal(await report(id, 'undelivered', { code: '30003' }), 204);
    const row = await read(id);
    assert.deepEqual([row.state, row.problem, row.code], ['failed', 'failed', '30003']);
    assert.ok(row.reason);
    assert.deepEqual(row.finished_at, before.finished_at);
  });

  it('do not bring a failed delivery back when an older one arrives late', async () => {
    const id = await deliver('sent');
    await report(id, 'failed', { code: '30003' });
    await report(id, 'sent');
    const { state, problem, code } = await read(id);
    assert.deepEqual([state, problem, code], ['failed', 'failed', '30003']);
  });

  it('are evidence for an attempt whose outcome nobody knew', async () => {
    for (const [status, state, problem] of [
      ['sent', 'sent', null],
      ['delivered', 'sent', null],
      ['failed', 'failed', 'failed'],
    ]) {
      const id = await deliver('unknown', { reason: 'timeout', code: 'after_send' });
      await report(id, status!);
      const row = await read(id);
      assert.deepEqual([row.state, row.problem, row.decide_at], [state, problem, null], status!);
      assert.equal(row.finished_at.getTime(), clock.now());
    }
  });

  it('prove nothing while the vendor has the message in its own queue', async () => {
    for (const status of ['queued', 'sending', 'accepted']) {
      const unknown = await deliver('unknown', { reason: 'timeout', code: 'after_send' });
      const sending = await deliver('sending');
      for (const id of [unknown, sending]) {
        const before = await read(id);
        assert.equal(await report(id, status), 204);
        assert.deepEqual(await read(id), { ...before, provider_message_id: `SM${id}` }, status);
      }
    }
  });

  it('may overtake the answer to the attempt itself, which then writes nothing more', async () => {
    const id = await deliver('sending', { attempt: 3 });
    await report(id, 'delivered');
    const settled = await read(id);
    assert.deepEqual([settled.state, settled.attempt], ['sent', 3]);
    const result = {
      claimed: { id, attempt: 3, connection: 'texts', provider: 'twilio' },
      settlement: {
        state: 'unknown',
        reason: 'timeout',
        code: null,
        dueAt: null,
        decideAt: null,
        retries: 0,
      },
      finishedAt: clock.now() + 1,
    } as unknown as Result;
    assert.deepEqual(await writeResults(store().engine, [result]), new Set());
    assert.deepEqual(await read(id), settled);
  });

  it('leave room for the id that the vendor gave, when the answer to the attempt comes after them', async () => {
    for (const [state, kept] of [
      ['sent', 'SM-late'],
      ['failed', 'SM-late'],
      ['unknown', 'SM-late'],
      ['queued', null],
    ] as const) {
      const id = await deliver(state, { attempt: 3 });
      await keepProviderIds(store().engine, [lateResult(id, 2, 'SM-of-an-older-attempt')]);
      assert.equal((await read(id)).provider_message_id, null);
      const before = await read(id);
      await keepProviderIds(store().engine, [lateResult(id, 3, 'SM-late')]);
      assert.deepEqual(await read(id), { ...before, provider_message_id: kept }, state);
      await keepProviderIds(store().engine, [lateResult(id, 3, 'SM-second')]);
      assert.equal((await read(id)).provider_message_id, kept);
    }
  });
  const lateResult = (id: string, attempt: number, providerMessageId: string) =>
    ({ claimed: { id, tenantId, attempt }, settlement: { providerMessageId } }) as unknown as Result;

  it('overturn what was only supposed of an unknown outcome, and nothing is sent again', async () => {
    for (const [state, reason] of [
      ['queued', 'unknown_sent_again'],
      ['queued', 'settled_by_operator'],
      ['failed', 'settled_by_operator'],
      ['failed', 'unknown_not_repeated'],
      ['dead', 'unknown_retries_exhausted'],
    ] as const) {
      const id = await deliver(state, { reason, attempt: 1 });
      assert.equal(await report(id, 'delivered'), 204);
      const row = await read(id);
      assert.deepEqual([row.state, row.problem, row.due_at, row.reason], ['sent', null, null, null], reason);
      assert.equal(row.finished_at.getTime(), clock.now());
    }
  });

  it('turn into failed what a person had settled as sent', async () => {
    const id = await deliver('sent', { reason: 'settled_by_operator' });
    assert.equal(await report(id, 'undelivered', { code: '30003' }), 204);
    const row = await read(id);
    assert.deepEqual([row.state, row.problem, row.code], ['failed', 'failed', '30003']);
  });

  it('leave the state of an ended or queued delivery as it is', async () => {
    for (const state of TABLE_OF_ENDED) {
      const id = await deliver(state, { reason: 'because' });
      await report(id, 'sent');
      await report(id, 'failed', { code: '30003' });
      const row = await read(id);
      assert.deepEqual([row.state, row.reason], [state, 'because']);
    }
  });

  it('of somebody who opted out suppress his number', async () => {
    const user = uuidv7(clock.now());
    await store().engine.query(
      "insert into users (tenant_id, id, external_id, attributes, created_at, updated_at) values ($1, $2, 'bob', '{}', $3, $3)",
      [tenantId, user, new Date(clock.now())],
    );
    await store().engine.query(
      "insert into contacts (tenant_id, user_id, kind, address, updated_at) values ($1, $2, 'phone', '+4915112345678', $3)",
      [tenantId, user, new Date(clock.now())],
    );
    const id = await deliver('sent', { user_id: user, contact_kind: 'phone' });
    assert.equal(await report(id, 'undelivered', { code: '21610' }), 204);
    const { rows } = await store().engine.query(
      'select tenant_id, kind, address, reason, source from suppressions',
    );
    assert.deepEqual(rows, [
      {
        tenant_id: tenantId,
        kind: 'phone',
        address: '+4915112345678',
        reason: 'recipient_opted_out',
        source: 'texts',
      },
    ]);
  });

  it('about deliveries that nobody knows are taken and forgotten', async () => {
    assert.equal(await report(uuidv7(clock.now()), 'failed'), 204);
    assert.equal(await report('x', 'failed'), 204);
    assert.equal(await report(await deliver('sent'), 'of another kind'), 204);
  });

  it('speak only of deliveries of their own tenant and connection', async () => {
    const mine = await deliver('sent');
    assert.equal(await report(mine, 'failed', { tenantId: other, token: 'the-token-of-somebody-else' }), 204);
    const elsewhere = await deliver('sent', { connection: 'texts-2' });
    assert.equal(await report(elsewhere, 'failed'), 204);
    for (const id of [mine, elsewhere]) {
      assert.deepEqual([(await read(id)).state, await receiptsOf(id)], ['sent', []]);
    }
  });

  it('are refused where no connection takes them', async () => {
    const id = await deliver('sent');
    assert.equal(await report(id, 'sent', { tenantId: other }), 401);
    assert.equal(await report(id, 'sent', { connection: 'nothing' }), 404);
    assert.equal(await report(id, 'sent', { connection: 'hook' }), 404);
    assert.equal(await report(id, 'sent', { tenantId: uuidv7(1) }), 404);
    assert.equal(await report(id, 'sent', { tenantId: 'x' }), 400);
  });

  it('without a body or a type are refused too, not a crash', async () => {
    const url = `/v1/receipts/${tenantId}/texts`;
    for (const headers of [{}, { 'content-type': 'multipart/form-data' }, { 'content-type': 'a/b/c' }]) {
      const answer = await app.inject({ method: 'POST', url, headers });
      assert.ok([400, 401, 415].includes(answer.statusCode), String(answer.statusCode));
    }
    const long = await app.inject({
      method: 'POST',
      url,
      payload: 'x'.repeat(2 * 1024 * 1024 + 1),
      headers: { 'content-type': 'text/plain' },
    });
    assert.equal(long.statusCode, 413);
  });
});
