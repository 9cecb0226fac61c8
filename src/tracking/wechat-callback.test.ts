import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { createServer, type Server } from '../http/index.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import wechat from '../providers/chat/wechat.ts';
import {
  call,
  callbackToken,
  encodingAesKey,
  eventXml,
  NOW,
  OPENID,
  plainPost,
  securePost,
} from '../providers/chat/weixin/testing.ts';
import type { ReceiptRequest } from '../providers/index.ts';
import { signParts } from '../providers/wire/wechat-crypt.ts';
import type { Connection } from '../tenants/index.ts';
import { makeTenant } from '../tenants/testing.ts';
import { mountReceipts } from './testing.ts';

const VENDOR_ID = '1864323726461255680';

describeStores('the callback of a WeChat account in secure mode', (store) => {
  const clock = new FakeClock(NOW);
  const config = { ...wechat.testConfig(), callbackToken, encodingAesKey };
  let app: Server;
  let tenantId: string;
  before(async () => {
    tenantId = await makeTenant(store(), clock.now());
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
    const connection = { tenantId, id: 'account', providerId: 'wechat', channel: 'chat', config };
    await mountReceipts(app, {
      store: store(),
      clock,
      logger: silentLogger,
      connections: { get: async () => connection as unknown as Connection },
      publicUrl: 'https://bellhop.example',
      health: { of: () => ({ reported: () => {} }) },
    });
    await app.ready();
  });
  after(() => app.close());

  const send = ({ method, url, body }: ReceiptRequest) =>
    app.inject({
      method: method as 'GET' | 'POST',
      url: `/v1/receipts/${tenantId}/account${new URL(url).search}`,
      ...(body.length > 0 && { payload: Buffer.from(body), headers: { 'content-type': 'text/xml' } }),
    });

  it('answers the trial of its address', async () => {
    const timestamp = `${NOW / 1000}`;
    const signature = signParts(callbackToken, timestamp, 'nonce123');
    const answer = await send(call('GET', { signature, echostr: '5577006791947779410' }));
    assert.deepEqual([answer.statusCode, answer.body], [200, '5577006791947779410']);
    assert.equal((await send(call('GET', { signature: 'x', echostr: '1' }))).statusCode, 401);
  });

  it('finds the delivery by the number that WeChat gave it', async () => {
    const notification = await insertNotification(store(), tenantId);
    const id = await insertDelivery(store(), tenantId, {
      notification_id: notification,
      state: 'sent',
      channel: 'chat',
      lane: 'chat.normal',
      provider: 'wechat',
      connection: 'account',
    });
    await store().engine.query(
      `insert into provider_messages (tenant_id, connection, provider_message_id, delivery_id, expires_at)
        values ($1, 'account', $2, $3, $4)`,
      [tenantId, VENDOR_ID, id, new Date(NOW + 60_000)],
    );
    const report = eventXml(
      'TEMPLATESENDJOBFINISH',
      `<MsgID>${VENDOR_ID}</MsgID><Status><![CDATA[success]]></Status>`,
    );
    assert.equal((await send(plainPost(report))).statusCode, 401);
    assert.equal((await readDelivery(store(), id)).delivered_at, null);
    const answer = await send(securePost(report, config.appId));
    assert.deepEqual([answer.statusCode, answer.body], [200, 'success']);
    assert.ok((await readDelivery(store(), id)).delivered_at);
  });

  it('learns who follows the account no more, and who came back', async () => {
    const suppressed = async () => {
      const text = 'select kind, address, reason from suppressions where tenant_id = $1';
      return (await store().engine.query(text, [tenantId])).rows;
    };
    const answer = await send(securePost(eventXml('unsubscribe'), config.appId));
    assert.deepEqual([answer.statusCode, answer.body], [200, 'success']);
    assert.deepEqual(await suppressed(), [
      { kind: 'wechat', address: OPENID, reason: 'recipient_opted_out' },
    ]);
    await send(securePost(eventXml('subscribe'), config.appId));
    assert.deepEqual(await suppressed(), []);
  });
});
