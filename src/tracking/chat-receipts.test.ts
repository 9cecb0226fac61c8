import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { createServer, type Server } from '../http/index.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { putConnection } from '../tenants/connection-changes.ts';
import { createConnections } from '../tenants/index.ts';
import { makeMasterKeys, makeTenant } from '../tenants/testing.ts';
import { mountReceipts, PUBLIC_URL } from './testing.ts';

const clock = new FakeClock();
const WHATSAPP = {
  phoneNumberId: '106540352242922',
  accessToken: 'EAAtoken',
  appSecret: 'app_secret',
  verifyToken: 'meatyhamhock',
};
const SLACK = { botToken: 'xoxb-17653672481', signingSecret: 'slack-secret' };

describeStores('what chat services post', (store) => {
  let app: Server;
  let origin: string;
  let tenantId: string;
  let notification: string;
  before(async () => {
    const options = { store: store(), clock, masterKeys: makeMasterKeys() };
    tenantId = await makeTenant(store(), clock.now());
    for (const [provider, config] of Object.entries({ whatsapp: WHATSAPP, slack: SLACK }))
      await putConnection(options, { tenantId, id: provider, request: { provider, config } });
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
    await mountReceipts(app, {
      store: store(),
      clock,
      logger: silentLogger,
      connections: createConnections(options),
      publicUrl: PUBLIC_URL,
      health: { of: () => ({ reported: () => {} }) },
    });
    origin = await app.listen({ port: 0, host: '127.0.0.1' });
  });
  after(() => app.close());

  const deliver = () =>
    insertDelivery(store(), tenantId, {
      notification_id: notification,
      state: 'sent',
      channel: 'chat',
      provider: 'whatsapp',
      connection: 'whatsapp',
      contact_kind: 'whatsapp',
    });
  const at = (connection: string, query = '') => `${origin}/v1/receipts/${tenantId}/${connection}${query}`;

  function status(delivery: string, own: object): string {
    const sent = {
      id: `wamid.${delivery}`,
      timestamp: String(clock.now() / 1_000),
      biz_opaque_callback_data: delivery,
    };
    const value = {
      messaging_product: 'whatsapp',
      metadata: { phone_number_id: WHATSAPP.phoneNumberId },
      statuses: [{ ...sent, ...own }],
    };
    return JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [{ id: '1', changes: [{ field: 'messages', value }] }],
    });
  }

  async function report(body: string, secret = WHATSAPP.appSecret): Promise<number> {
    const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signature };
    return (await fetch(at('whatsapp'), { method: 'POST', headers, body })).status;
  }

  it('WhatsApp tries out the address with the verify token of the connection', async () => {
    const ask = (token: string) =>
      fetch(at('whatsapp', `?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=${token}`));
    const right = await ask('meatyhamhock');
    assert.deepEqual([right.status, await right.text()], [200, '1158201444']);
    assert.equal((await ask('wrong')).status, 401);
  });

  it('a status marks the delivery that the message carried as delivered, if WhatsApp signed it', async () => {
    const id = await deliver();
    const body = status(id, { status: 'delivered' });
    assert.equal(await report(body, 'another secret'), 401);
    assert.equal((await readDelivery(store(), id)).delivered_at, null);
    for (let n = 0; n < 2; n++) assert.equal(await report(body), 204);
    assert.ok((await readDelivery(store(), id)).delivered_at);
    const { rows } = await store().engine.query('select event from receipts where delivery_id = $1', [id]);
    assert.deepEqual(rows, [{ event: 'delivered' }]);
  });

  it('a message that came too late for free text ends as failed, with the code that says so', async () => {
    const id = await deliver();
    const errors = [{ code: 131047, title: 'Re-engagement message' }];
    assert.equal(await report(status(id, { status: 'failed', errors })), 204);
    const { state, reason } = await readDelivery(store(), id);
    assert.deepEqual([state, reason], ['failed', 'content_refused']);
  });

  it('Slack tries out the address with a signed challenge', async () => {
    const body = JSON.stringify({ type: 'url_verification', token: 'x', challenge: '3eZbrw1aBm2rZgRNFdxV' });
    const seconds = Math.floor(clock.now() / 1_000);
    const ask = (secret: string) => {
      const mac = createHmac('sha256', secret).update(`v0:${seconds}:${body}`).digest('hex');
      const headers = {
        'content-type': 'application/json',
        'x-slack-request-timestamp': `${seconds}`,
        'x-slack-signature': `v0=${mac}`,
      };
      return fetch(at('slack'), { method: 'POST', headers, body });
    };
    const right = await ask(SLACK.signingSecret);
    assert.deepEqual([right.status, await right.text()], [200, '3eZbrw1aBm2rZgRNFdxV']);
    assert.equal((await ask('another secret')).status, 401);
  });
});
