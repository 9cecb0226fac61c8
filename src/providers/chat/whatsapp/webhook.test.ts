import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import whatsapp from '../whatsapp.ts';

const DELIVERY = '019aa6b0-0000-7000-8000-000000000001';
const config = {
  phoneNumberId: '106540352242922',
  accessToken: new Secret('EAAtoken'),
  apiVersion: 'v25.0',
  language: 'de',
  appSecret: new Secret('app_secret'),
  verifyToken: new Secret('meatyhamhock'),
};
const context = { now: Date.UTC(2026, 10, 21, 12) };
const { verify, handshake, parse, inbound } = whatsapp.receipts!;
const URL_OF_OURS = 'https://bellhop.example/v1/receipts/acme/wa';

function post(body: string, signature?: string) {
  const mac = createHmac('sha256', 'app_secret').update(body).digest('hex');
  const headers = { 'x-hub-signature-256': signature ?? `sha256=${mac}` };
  return { method: 'POST', url: URL_OF_OURS, headers, body: Buffer.from(body) };
}
const change = (value: object, phoneNumberId = '106540352242922') =>
  post(
    JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: '1',
          changes: [{ field: 'messages', value: { metadata: { phone_number_id: phoneNumberId }, ...value } }],
        },
      ],
    }),
  );

test('the signature is of the raw bytes', () => {
  const body = '{"object":"whatsapp_business_account","entry":[]}';
  const signature = 'sha256=c236c758c9b2bd40b388a550eeca09eaca72384dd0aa5e7c31d19cddac5bba46';
  assert.equal(verify(post(body, signature), config, context), true);
  assert.equal(verify(post(`${body}\n`, signature), config, context), false);
  const { appSecret: _, ...without } = config;
  assert.equal(verify(post(body, signature), without, context), false);
  const escaped = String.raw`{"text":"\u0417\u0430"}`;
  assert.equal(verify(post(escaped), config, context), true);
});

test('the challenge is echoed to whoever knows the verify token', () => {
  const ask = (query: string, own: object = config, method = 'GET') =>
    handshake!(
      { method, url: `${URL_OF_OURS}?${query}`, headers: {}, body: Buffer.alloc(0) },
      own as typeof config,
      {
        ...context,
        verified: false,
      },
    );
  const query = 'hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=meatyhamhock';
  assert.deepEqual(ask(query), { contentType: 'text/plain', body: '1158201444' });
  assert.equal(ask(query.replace('meaty', 'lean')), null);
  assert.equal(ask(query.replace('subscribe', 'x')), null);
  assert.equal(ask('hub.mode=subscribe&hub.verify_token=meatyhamhock'), null);
  assert.equal(ask(query, { ...config, verifyToken: undefined }), null);
  assert.equal(ask(query, config, 'POST'), null);
});

test('statuses name our delivery and say what became of it', () => {
  const status = {
    id: 'wamid.1',
    status: 'read',
    timestamp: '1700000000',
    recipient_id: '15551234567',
    biz_opaque_callback_data: DELIVERY,
  };
  const failed = { ...status, status: 'failed', errors: [{ code: 131026, title: 'Message undeliverable' }] };
  const foreign = { ...status, status: 'sent', biz_opaque_callback_data: 'somebody else’s' };
  const at = 1_700_000_000_000;
  assert.deepEqual(
    parse(change({ statuses: [status, failed, foreign, { ...status, status: 'played' }] }), config),
    [
      { event: 'opened', deliveryId: DELIVERY, providerMessageId: 'wamid.1', at, eventKey: 'wamid.1:read' },
      {
        event: 'failed',
        deliveryId: DELIVERY,
        providerMessageId: 'wamid.1',
        at,
        eventKey: 'wamid.1:failed',
        reason: 'recipient_unreachable',
        code: '131026',
      },
      { event: 'sent', deliveryId: null, providerMessageId: 'wamid.1', at, eventKey: 'wamid.1:sent' },
    ],
  );
  assert.deepEqual(parse(change({ statuses: [status] }, '999'), config), [], 'another number of the app');
});

test('what people write or tap is heard', () => {
  const hear = (value: object) => inbound!.parse(change(value), config);
  const text = { from: '15551234567', id: 'wamid.2', type: 'text', text: { body: 'STOP' } };
  const button = {
    from_user_id: 'US.1349',
    id: 'wamid.3',
    type: 'button',
    button: { text: 'Stop', payload: 'x' },
  };
  const image = { from: '15551234567', id: 'wamid.4', type: 'image', image: { id: '1' } };
  assert.deepEqual(hear({ messages: [text, button, image] }), [
    { from: '+15551234567', text: 'STOP' },
    { from: 'US.1349', text: 'Stop' },
  ]);
  const preference = { wa_id: '16505551234', category: 'marketing_messages', value: 'stop', timestamp: 1 };
  assert.deepEqual(hear({ user_preferences: [preference] }), [], 'of marketing alone');
});

test('what became of texts is told for all numbers of the account', () => {
  const news = (value: object, field = 'message_template_status_update') => {
    const body = JSON.stringify({ entry: [{ id: '1', changes: [{ field, value }] }] });
    const request = { method: 'POST', url: 'https://b.example/r', headers: {}, body: Buffer.from(body) };
    return whatsapp.receipts!.vendorTemplates!(request, config);
  };
  const value = {
    event: 'REJECTED',
    message_template_id: 594425479261596,
    message_template_name: 'parcel_here',
    message_template_language: 'en_US',
    reason: 'INCORRECT_CATEGORY',
  };
  const parcel = { id: 'parcel_here', language: 'en_US' };
  assert.deepEqual(news(value), [{ ...parcel, state: 'rejected', reason: 'INCORRECT_CATEGORY' }]);
  assert.deepEqual(news({ ...value, event: 'APPROVED', reason: 'NONE' }), [{ ...parcel, state: 'approved' }]);
  assert.deepEqual(news({ ...value, event: 'PAUSED', reason: null }), [{ ...parcel, state: 'paused' }]);
  assert.deepEqual(news({ ...value, event: 'SOMETHING' }), []);
  assert.deepEqual(news(value, 'messages'), []);
});
