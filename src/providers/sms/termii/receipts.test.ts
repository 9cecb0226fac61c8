import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import type { Receipt, ReceiptRequest } from '../../contract.ts';
import termii from '../termii.ts';

const config = { ...termii.testConfig(), secretKey: new Secret('tsk') };

/** Signed with node:crypto; its beginning is compared below with one that was made elsewhere. */
const HEX = createHmac('sha512', 'tsk').update('{"a":1}').digest('hex');

function post(body: string, signature?: string): ReceiptRequest {
  const headers: Record<string, string> = signature === undefined ? {} : { 'x-termii-signature': signature };
  return {
    method: 'POST',
    url: 'https://bellhop.example/v1/receipts/t1/c1',
    headers,
    body: Buffer.from(body),
  };
}
const verify = (request: ReceiptRequest, settings: object = {}) =>
  termii.receipts!.verify(request, { ...config, ...settings }, { now: 0 });

test('the raw body signed with the secret key verifies, in hex of any case and in base64', () => {
  assert.ok(HEX.startsWith('113d289cbf1eb11440197d5dc12a3c46e2f039cd'));
  const base64 = Buffer.from(HEX, 'hex').toString('base64');
  for (const signature of [HEX, HEX.toUpperCase(), base64])
    assert.equal(verify(post('{"a":1}', signature)), true);
});

test('a body of which a byte was changed, or a signature that was cut, does not verify', () => {
  assert.equal(verify(post('{"a": 1}', HEX)), false);
  for (const signature of [HEX.slice(0, -1), '', undefined])
    assert.equal(verify(post('{"a":1}', signature)), false);
});

test('nothing verifies without a key, the API key does not either, and during rotation both do', () => {
  assert.equal(verify(post('{"a":1}', HEX), { secretKey: undefined }), false);
  assert.equal(verify(post('{"a":1}', HEX), { secretKey: undefined, apiKey: new Secret('tsk') }), false);
  const rotated = { secretKey: new Secret('new'), secondarySecretKey: new Secret('tsk') };
  assert.equal(verify(post('{"a":1}', HEX), rotated), true);
});

// ---------------------------------------------------------------------------------------------- parse

function parse(status: string, extra: object = {}): Receipt[] {
  const report = {
    type: 'outbound',
    message_id: '9122821270554876574',
    receiver: '2348012345678',
    sender: 'Shop',
    message: 'Hi',
    sent_at: '2026-11-21 12:00:00',
    cost: '2.7',
    status,
    channel: 'generic',
    ...extra,
  };
  return termii.receipts!.parse(post(JSON.stringify(report)), config);
}

const STATUSES: [status: string, receipt: Partial<Receipt>][] = [
  ['Message Sent', { event: 'sent', eventKey: '9122821270554876574:message sent' }],
  ['Delivered', { event: 'delivered', eventKey: '9122821270554876574:delivered' }],
  [
    'DELIVERED | Message delivered to handset',
    { event: 'delivered', eventKey: '9122821270554876574:delivered' },
  ],
  [
    'Message Failed',
    {
      event: 'failed',
      eventKey: '9122821270554876574:message failed',
      reason: 'provider_error',
      code: 'message_failed',
    },
  ],
  [
    'Rejected',
    { event: 'failed', eventKey: '9122821270554876574:rejected', reason: 'provider_error', code: 'rejected' },
  ],
  [
    'Expired',
    {
      event: 'failed',
      eventKey: '9122821270554876574:expired',
      reason: 'recipient_unreachable',
      code: 'expired',
    },
  ],
  [
    'DND Active on Phone Number',
    {
      event: 'failed',
      eventKey: '9122821270554876574:dnd active on phone number',
      reason: 'recipient_unreachable',
      code: 'dnd_active_on_phone_number',
    },
  ],
];

for (const [status, receipt] of STATUSES) {
  test(`"${status}" is ${receipt.event}`, () => {
    const common = { deliveryId: null, providerMessageId: '9122821270554876574', at: null };
    assert.deepEqual(parse(status), [{ ...common, ...receipt }]);
  });
}

test('an id that was written as a number finds its message', () => {
  const body = '{"type":"outbound","message_id":9122821270554876574,"status":"Delivered"}';
  assert.equal(termii.receipts!.parse(post(body), config)[0]?.providerMessageId, '9122821270554876574');
});

test('unknown statuses, texts that came in and broken posts are no receipts', () => {
  assert.deepEqual(parse('Pondering'), []);
  assert.deepEqual(parse('Delivered', { type: 'inbound' }), []);
  for (const id of [null, '', {}, 1e300]) assert.deepEqual(parse('Delivered', { message_id: id }), []);
  for (const body of ['', '{', 'null', '[]'])
    assert.deepEqual(termii.receipts!.parse(post(body), config), []);
});

test('a text that came in is a message of its sender', () => {
  const hear = (body: string) => termii.receipts!.inbound!.parse(post(body), config);
  const message = '"message":"STOP","receiver":"2347080631234"';
  assert.deepEqual(hear(`{"type":"inbound","sender":"2348012345678",${message}}`), [
    { from: '+2348012345678', text: 'STOP' },
  ]);
  assert.deepEqual(hear(`{"type":"inbound","sender":2348012345678,${message}}`), [
    { from: '+2348012345678', text: 'STOP' },
  ]);
  assert.deepEqual(hear(`{"type":"outbound","sender":"2348012345678",${message}}`), []);
  assert.deepEqual(hear('{"type":"inbound","sender":"2348012345678"}'), []);
});
