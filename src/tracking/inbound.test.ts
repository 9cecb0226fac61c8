import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import { createServer, type Server } from '../http/index.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { createMetrics } from '../telemetry/index.ts';
import { putConnection } from '../tenants/connection-changes.ts';
import { createConnections } from '../tenants/index.ts';
import { makeMasterKeys, makeTenant } from '../tenants/testing.ts';
import { suppressContacts } from '../users/index.ts';
import { mountReceipts, PUBLIC_URL, signAsTwilio } from './testing.ts';

const TOKEN = 'the-auth-token-of-the-account';
const ADA = '+4915123456789';
const same = (signature: string) => signature;

interface Answer {
  from?: string;
  token?: string;
  sign?(signature: string): string;
  OptOutType?: string;
}

describeStores('what users answer to text messages', (store) => {
  const clock = new FakeClock();
  const metrics = createMetrics();
  let app: Server;
  let origin: string;
  let tenantId: string;
  let other: string;
  before(async () => {
    const options = { store: store(), clock, masterKeys: makeMasterKeys() };
    [tenantId, other] = [await makeTenant(store(), clock.now()), await makeTenant(store(), clock.now())];
    for (const tenant of [tenantId, other]) {
      const config = { accountSid: `AC${'0'.repeat(32)}`, authToken: TOKEN + tenant, from: '+15005550006' };
      const request = { provider: 'twilio', config };
      await putConnection(options, { tenantId: tenant, id: 'texts', request });
    }
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
      metrics,
      health: { of: () => ({ reported: () => {} }) },
    });
    origin = await app.listen({ port: 0, host: '127.0.0.1' });
  });
  beforeEach(() => store().engine.query('truncate suppressions'));
  after(() => app.close());

  /** Twilio posts a message that came in, as documented, over a socket. */
  const answer = async (
    text: string,
    { from = ADA, token = TOKEN + tenantId, sign = same, ...extra }: Answer = {},
  ) => {
    const path = `/v1/receipts/${tenantId}/texts`;
    const fields = {
      AccountSid: `AC${'0'.repeat(32)}`,
      ApiVersion: '2010-04-01',
      Body: text,
      From: from,
      FromCountry: 'DE',
      MessageSid: `SM${'1'.repeat(32)}`,
      NumMedia: '0',
      NumSegments: '1',
      SmsMessageSid: `SM${'1'.repeat(32)}`,
      SmsSid: `SM${'1'.repeat(32)}`,
      SmsStatus: 'received',
      To: '+15005550006',
      ...extra,
    };
    const reply = await fetch(origin + path, {
      method: 'POST',
      headers: { 'x-twilio-signature': sign(signAsTwilio(PUBLIC_URL + path, fields, token)) },
      body: new URLSearchParams(fields),
    });
    return { status: reply.status, type: reply.headers.get('content-type'), body: await reply.text() };
  };
  const suppressed = async () =>
    (
      await store().engine.query(
        'select tenant_id, address, reason, source from suppressions order by address',
      )
    ).rows.map((row) => [row.tenant_id === tenantId, row.address, row.reason, row.source]);
  const list = (reason: string, source: string) =>
    suppressContacts(store().engine, clock.now(), [
      { tenantId, kind: 'phone', address: ADA, reason, source },
    ]);
  const STOPPED = [[true, ADA, 'recipient_opted_out', 'stop']];

  it('stops them for the whole tenant, however often it is said, and starts them again', async () => {
    for (let n = 0; n < 3; n++)
      assert.deepEqual(await answer(' stop. '), { status: 200, type: 'text/xml', body: '<Response/>' });
    assert.deepEqual(await suppressed(), STOPPED);
    assert.match(await metrics.render(), /suppressions_total\{channel="sms",source="stop"\} [1-9]/);
    for (let n = 0; n < 2; n++) assert.equal((await answer('START')).status, 200);
    assert.deepEqual(await suppressed(), []);
  });

  it('is heeded for numbers in any form, and words of their countries', async () => {
    assert.equal((await answer('Abmelden', { from: '+49 (1512) 345-6789' })).status, 200);
    assert.deepEqual(await suppressed(), STOPPED);
  });

  it('is heeded in the words of the customer, which Twilio reads', async () => {
    await answer('No more pizza', { OptOutType: 'STOP' });
    assert.deepEqual(await suppressed(), STOPPED);
    await answer('Pizza!', { OptOutType: 'START' });
    assert.deepEqual(await suppressed(), []);
  });

  it('starts again what the vendor had refused because of its own list', async () => {
    await list('recipient_opted_out', 'texts');
    await answer('START');
    assert.deepEqual(await suppressed(), []);
  });

  it('leaves alone what was suppressed for another reason, or by an operator', async () => {
    for (const [reason, source] of [
      ['recipient_invalid', 'texts'],
      ['manual', 'api'],
      ['recipient_opted_out', 'api'],
    ] as const) {
      await list(reason, source);
      for (const text of ['STOP', 'START']) assert.equal((await answer(text)).status, 200);
      assert.deepEqual(await suppressed(), [[true, ADA, reason, source]]);
      await store().engine.query('truncate suppressions');
    }
  });

  it('means nothing when it is a call for help, an ordinary answer or no number', async () => {
    for (const text of ['HELP', 'Please do not stop', '', '😀'])
      assert.equal((await answer(text)).status, 200);
    assert.equal((await answer('STOP', { from: '12345' })).status, 200);
    assert.equal((await answer('STOP', { from: 'whatsapp:+4915123456789' })).status, 200);
    assert.deepEqual(await suppressed(), []);
  });

  it('is refused without the signature of this account, and changes nothing', async () => {
    const forgeries = [
      { sign: () => '' },
      { sign: () => 'AAAA' },
      { token: TOKEN + other },
      { sign: (signature: string) => signature.toLowerCase() },
    ];
    for (const forgery of forgeries) assert.equal((await answer('STOP', forgery)).status, 401);
    assert.deepEqual(await suppressed(), []);
  });

  it('is no receipt, and a receipt is no message', async () => {
    const notification = await insertNotification(store(), tenantId);
    const id = await insertDelivery(store(), tenantId, { notification_id: notification, state: 'sent' });
    const path = `/v1/receipts/${tenantId}/texts?delivery=${id}`;
    const fields = {
      Body: 'STOP',
      From: ADA,
      MessageSid: 'SM1',
      MessageStatus: 'delivered',
      SmsStatus: 'delivered',
    };
    const reply = await fetch(origin + path, {
      method: 'POST',
      headers: { 'x-twilio-signature': signAsTwilio(PUBLIC_URL + path, fields, TOKEN + tenantId) },
      body: new URLSearchParams(fields),
    });
    assert.equal(reply.status, 204);
    assert.deepEqual(await suppressed(), []);
    assert.ok((await readDelivery(store(), id)).delivered_at);
  });
});
