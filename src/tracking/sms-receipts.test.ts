import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { after, before, beforeEach, it } from 'node:test';
import { describeStores } from '../../test/support/stores.ts';
import type { Result } from '../delivery/store.ts';
import { insertVendorIds } from '../delivery/vendor-ids.ts';
import { createServer, type Server } from '../http/index.ts';
import { insertDelivery, insertNotification, readDelivery } from '../ledger/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import { putConnection } from '../tenants/connection-changes.ts';
import { createConnections } from '../tenants/index.ts';
import { makeMasterKeys, makeTenant } from '../tenants/testing.ts';
import { mountReceipts, PUBLIC_URL } from './testing.ts';

const KEY = 'the-key-that-signs';
const ADA = '+4915112345678';
const DIGITS = ADA.slice(1);
/** More digits than a JavaScript number has. */
const TERMII_ID = '9122821270554876574';
const clock = new FakeClock();

interface Call {
  url: string;
  body?: string;
}
type Happening = 'delivered' | 'optedOut' | 'stop';

/** How a vendor reports: what it calls for, and how it signs that. Signed with node:crypto, by each vendor's rules. */
interface Vendor {
  config: Record<string, string>;
  /** Reports carry nothing of ours: the id that was in the answer finds the delivery. */
  answeredId?: string;
  calls: Partial<Record<Happening, (url: string, delivery: string) => Call>>;
  sign(call: Call, key: string): Record<string, string>;
  /** What the vendor wants as an answer to a receipt. */
  answer?: [status: number, body: string];
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
function jwt(claims: object, key: string): string {
  const input = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}
const seconds = () => Math.floor(clock.now() / 1000);
const json = (url: string, body: object): Call => ({ url, body: JSON.stringify(body) });
const form = (url: string, fields: Record<string, string>): Call => ({
  url,
  body: new URLSearchParams(fields).toString(),
});
const query = (url: string, fields: Record<string, string>): Call => ({
  url: `${url}&${new URLSearchParams(fields)}`,
});

const VENDORS: Record<string, Vendor> = {
  vonage: {
    config: { apiKey: 'abcd1234', apiSecret: 's', from: 'Shop', signatureSecret: KEY },
    calls: {
      delivered: (url) => json(url, { message_uuid: 'v1', status: 'delivered' }),
      optedOut: (url) => json(url, { message_uuid: 'v1', status: 'undeliverable', error: { title: 1240 } }),
      stop: (url) => json(url, { channel: 'sms', message_uuid: 'v2', from: DIGITS, text: 'STOP' }),
    },
    sign: ({ body = '' }, key) => ({
      authorization: `Bearer ${jwt({ iat: seconds(), payload_hash: sha256(body) }, key)}`,
    }),
  },
  termii: {
    config: { apiKey: 'k', from: 'Shop', secretKey: KEY },
    answeredId: TERMII_ID,
    calls: {
      delivered: (url) => ({
        url: url.split('?')[0]!,
        body: `{"type":"outbound","message_id":${TERMII_ID},"status":"Delivered"}`,
      }),
      stop: (url) => json(url, { type: 'inbound', sender: DIGITS, message: 'STOP' }),
    },
    sign: ({ body = '' }, key) => ({
      'x-termii-signature': createHmac('sha512', key).update(body).digest('hex'),
    }),
  },
  plivo: {
    config: { authId: 'MAXXXXXXXXXXXXXXXXXX', authToken: KEY, from: DIGITS },
    calls: {
      delivered: (url) => form(url, { MessageUUID: 'p1', Status: 'delivered' }),
      optedOut: (url) => form(url, { MessageUUID: 'p1', Status: 'undelivered', ErrorCode: '200' }),
      stop: (url) => form(url, { MessageUUID: 'p2', From: DIGITS, Text: 'STOP' }),
    },
    sign: ({ url, body = '' }, key) => {
      const sorted = [...new URLSearchParams(body)].sort(([a], [b]) => (a < b ? -1 : 1)).flat();
      const signed = `${url}.${sorted.join('')}.nonce`;
      return {
        'x-plivo-signature-v3': createHmac('sha256', key).update(signed).digest('base64'),
        'x-plivo-signature-v3-nonce': 'nonce',
      };
    },
  },
  messagebird: {
    config: { accessKey: 'k', originator: 'Shop', signingKey: KEY },
    calls: {
      delivered: (url) => query(url, { id: 'm1', recipient: DIGITS, status: 'delivered' }),
      optedOut: (url) =>
        query(url, { id: 'm1', recipient: DIGITS, status: 'delivery_failed', statusReason: 'opted out' }),
    },
    sign: ({ url }, key) => ({
      'messagebird-signature-jwt': jwt(
        { iss: 'MessageBird', nbf: seconds(), exp: seconds() + 60, jti: 'j', url_hash: sha256(url) },
        key,
      ),
    }),
    answer: [200, 'OK'],
  },
};

describeStores('receipts of the vendors of text messages', (store) => {
  let app: Server;
  let origin: string;
  let tenantId: string;
  let notification: string;
  let user: string;
  before(async () => {
    const options = { store: store(), clock, masterKeys: makeMasterKeys() };
    tenantId = await makeTenant(store(), clock.now());
    for (const [provider, { config }] of Object.entries(VENDORS))
      await putConnection(options, { tenantId, id: provider, request: { provider, config } });
    notification = await insertNotification(store(), tenantId);
    user = uuidv7(clock.now());
    const at = new Date(clock.now());
    await store().engine.query(
      "insert into users (tenant_id, id, external_id, attributes, created_at, updated_at) values ($1, $2, 'ada', '{}', $3, $3)",
      [tenantId, user, at],
    );
    await store().engine.query(
      "insert into contacts (tenant_id, user_id, kind, address, updated_at) values ($1, $2, 'phone', $3, $4)",
      [tenantId, user, ADA, at],
    );
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
  beforeEach(() => store().engine.query('truncate suppressions'));
  after(() => app.close());

  async function deliver(vendor: string): Promise<string> {
    const id = await insertDelivery(store(), tenantId, {
      notification_id: notification,
      state: 'sent',
      provider: vendor,
      connection: vendor,
      user_id: user,
      contact_kind: 'phone',
    });
    const { answeredId } = VENDORS[vendor]!;
    if (answeredId) {
      const claimed = { id, tenantId, live: true, connection: vendor, provider: vendor };
      const result = { claimed, settlement: { providerMessageId: answeredId } } as unknown as Result;
      await insertVendorIds(store().engine, [result], clock.now());
    }
    return id;
  }
  const suppressed = async () =>
    (await store().engine.query('select address, reason, source from suppressions')).rows;

  /** The vendor calls over a socket; the signature covers the address that it knows. */
  async function call(vendor: string, happening: Happening, delivery: string, key = KEY) {
    const { calls, sign } = VENDORS[vendor]!;
    const url = `${PUBLIC_URL}/v1/receipts/${tenantId}/${vendor}?delivery=${delivery}`;
    const made = calls[happening]!(url, delivery);
    const reply = await fetch(origin + made.url.slice(PUBLIC_URL.length), {
      method: made.body === undefined ? 'GET' : 'POST',
      headers: sign(made, key),
      ...(made.body !== undefined && { body: made.body }),
    });
    return [reply.status, await reply.text()];
  }

  for (const [vendor, { calls, answer = [204, ''] }] of Object.entries(VENDORS)) {
    it(`mark a delivery by ${vendor} as delivered, once, and are refused when somebody else signed`, async () => {
      const id = await deliver(vendor);
      assert.equal((await call(vendor, 'delivered', id, 'another-key'))[0], 401);
      assert.equal((await readDelivery(store(), id)).delivered_at, null);
      for (let n = 0; n < 2; n++) assert.deepEqual(await call(vendor, 'delivered', id), answer);
      assert.equal((await readDelivery(store(), id)).delivered_at.getTime(), clock.now());
      const { rows } = await store().engine.query('select event from receipts where delivery_id = $1', [id]);
      assert.deepEqual(rows, [{ event: 'delivered' }]);
    });

    if (calls.optedOut)
      it(`of a recipient who opted out at ${vendor} suppress his number`, async () => {
        const id = await deliver(vendor);
        assert.deepEqual(await call(vendor, 'optedOut', id), answer);
        const { state, reason } = await readDelivery(store(), id);
        assert.deepEqual([state, reason], ['failed', 'recipient_opted_out']);
        assert.deepEqual(await suppressed(), [
          { address: ADA, reason: 'recipient_opted_out', source: vendor },
        ]);
      });

    if (calls.stop)
      it(`are told apart from STOP, which ${vendor} delivers to the same address`, async () => {
        assert.equal((await call(vendor, 'stop', uuidv7(clock.now())))[0], 200);
        assert.deepEqual(await suppressed(), [
          { address: ADA, reason: 'recipient_opted_out', source: 'stop' },
        ]);
      });
  }
});
