import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import type { Receipt, ReceiptRequest } from '../../contract.ts';
import plivo from '../plivo.ts';

const config = { ...plivo.testConfig(), authToken: new Secret('atok') };

function post(url: string, body: string, headers: Record<string, string> = {}): ReceiptRequest {
  return { method: 'POST', url, headers, body: Buffer.from(body) };
}
const verify = (request: ReceiptRequest, settings: object = {}) =>
  plivo.receipts!.verify(request, { ...config, ...settings }, { now: 0 });

/** Also made by the vendor's SDK. */
const URL_ALONE = 'https://ex.com/plivo';
const FORM = 'To=1&From=2&MessageUUID=u';
const SIGNED = {
  'x-plivo-signature-v3': 'wuJ7dGeiBkLOGTD8DZRYFnJQ9YZ2FXrY9VhhpSabCFI=',
  'x-plivo-signature-v3-nonce': '12345',
};
/** Signed with node:crypto over a base that is written out. */
const signed = (base: string, token = 'atok') => ({
  'x-plivo-signature-v3': createHmac('sha256', token).update(`${base}.12345`).digest('base64'),
  'x-plivo-signature-v3-nonce': '12345',
});

test("the form of the SDK's vector verifies", () => {
  assert.equal(verify(post(URL_ALONE, FORM, SIGNED)), true);
});

test('a form that was changed, cut or unsigned does not verify', () => {
  assert.equal(verify(post(URL_ALONE, `${FORM}&X=1`, SIGNED)), false);
  assert.equal(verify(post(`${URL_ALONE}/`, FORM, SIGNED)), false);
  assert.equal(verify(post(`${URL_ALONE}?a=1`, FORM, SIGNED)), false);
  assert.equal(verify(post(URL_ALONE, FORM, { ...SIGNED, 'x-plivo-signature-v3-nonce': '12346' })), false);
  for (const name of Object.keys(SIGNED))
    assert.equal(verify(post(URL_ALONE, FORM, { ...SIGNED, [name]: '' })), false);
  assert.equal(verify(post(URL_ALONE, FORM)), false);
});

test('the query is signed sorted and decoded, apart from the form', () => {
  const url = 'https://ex.com:8443/plivo?delivery=d%201&a=2&a=1';
  const base = 'https://ex.com:8443/plivo?a=1&a=2&delivery=d 1.From2MessageUUIDuTo1';
  assert.equal(verify(post(url, FORM, signed(base))), true);
  assert.equal(verify(post(url.replace('d%201', 'd2'), FORM, signed(base))), false);
  assert.equal(verify(post(url, '', signed('https://ex.com:8443/plivo?a=1&a=2&delivery=d 1'))), true);
});

test('V2, which leaves the body out, is not taken', () => {
  const v2 = {
    'x-plivo-signature-v2': '+VilDnfV7jYN3AjunAldsLDj5Xmf9gt+LgeCaLtPFIY=',
    'x-plivo-signature-v2-nonce': '12345',
  };
  assert.equal(verify(post(URL_ALONE, FORM, v2)), false);
});

test('one of several signatures is enough, and that of the main account is one', () => {
  const several = { ...SIGNED, 'x-plivo-signature-v3': `AAAA,${SIGNED['x-plivo-signature-v3']}` };
  assert.equal(verify(post(URL_ALONE, FORM, several)), true);
  const main = {
    'x-plivo-signature-v3': 'AAAA',
    'x-plivo-signature-ma-v3': SIGNED['x-plivo-signature-v3'],
    'x-plivo-signature-v3-nonce': '12345',
  };
  const tokens = { authToken: new Secret('sub'), secondaryAuthToken: new Secret('atok') };
  assert.equal(verify(post(URL_ALONE, FORM, main), tokens), true);
  assert.equal(verify(post(URL_ALONE, FORM, main), { authToken: new Secret('sub') }), false);
});

// ---------------------------------------------------------------------------------------------- parse

const CALLBACK = 'https://bellhop.example/v1/receipts/t1/c1?delivery=d1';
function parse(status: string, extra: Record<string, string> = {}): Receipt[] {
  const form = new URLSearchParams({ MessageUUID: 'u1', Status: status, To: '1', From: '2', ...extra });
  return plivo.receipts!.parse(post(CALLBACK, form.toString()), config);
}

test('a status callback is a receipt of the delivery in its URL', () => {
  assert.deepEqual(parse('delivered', { ErrorCode: '000' }), [
    { event: 'delivered', deliveryId: 'd1', providerMessageId: 'u1', at: null, eventKey: 'u1:delivered' },
  ]);
});

test('a part of a long text tells of the message that was sent', () => {
  const [receipt] = parse('sent', { MessageUUID: 'u2', ParentMessageUUID: 'u1', PartInfo: '2 of 2' });
  assert.deepEqual([receipt?.providerMessageId, receipt?.eventKey], ['u1', 'u2:sent']);
});

test('every status has its event', () => {
  const events = {
    queued: 'queued',
    sent: 'sent',
    delivered: 'delivered',
    read: 'opened',
    undelivered: 'failed',
    failed: 'failed',
    rejected: 'failed',
  };
  for (const [status, event] of Object.entries(events)) assert.equal(parse(status)[0]?.event, event, status);
});

const FAILURES: [codes: string, cause: Pick<Receipt, 'event' | 'reason' | 'effect'>][] = [
  ['50 70', { event: 'bounced', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } }],
  ['200', { event: 'bounced', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } }],
  ['80 420', { event: 'failed', reason: 'recipient_unreachable' }],
  ['30 451', { event: 'failed', reason: 'content_refused' }],
  ['10', { event: 'failed', reason: 'request_invalid' }],
  ['110', { event: 'failed', reason: 'content_too_large' }],
  ['40 201', { event: 'failed', reason: 'sender_not_allowed' }],
  ['90 100 450 910 960', { event: 'failed', reason: 'account_misconfigured' }],
  ['900', { event: 'failed', reason: 'quota_exhausted' }],
  ['20 60 300 1000 777', { event: 'failed', reason: 'provider_error' }],
];

for (const [codes, cause] of FAILURES) {
  for (const code of codes.split(' ')) {
    test(`undelivered with ${code} is ${cause.event}: ${cause.reason}`, () => {
      const common = {
        deliveryId: 'd1',
        providerMessageId: 'u1',
        at: null,
        eventKey: 'u1:undelivered',
        code,
      };
      assert.deepEqual(parse('undelivered', { ErrorCode: code }), [{ ...common, ...cause }]);
    });
  }
}

test('unknown statuses and broken posts are no receipts', () => {
  assert.deepEqual(parse('constructor'), []);
  for (const body of ['', 'Status=sent', 'MessageUUID=u1', '{"MessageUUID":"u1"}', '%E0%A4%A'])
    assert.deepEqual(plivo.receipts!.parse(post('not a url', body), config), []);
});

test('what a user answers is an inbound message, a status is none', () => {
  const hear = (body: string) => plivo.receipts!.inbound!.parse(post(CALLBACK, body), config);
  const inbound = 'From=14155550100&To=14155550101&Text=STOP&Type=sms&MessageUUID=u9';
  assert.deepEqual(hear(inbound), [{ from: '+14155550100', text: 'STOP' }]);
  assert.deepEqual(hear(`${inbound}&Status=sent`), []);
  assert.deepEqual(hear('From=14155550100&Text=STOP'), []);
});
