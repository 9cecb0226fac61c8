import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import type { Receipt, ReceiptRequest } from '../../contract.ts';
import twilio from '../twilio.ts';

const config = { ...twilio.testConfig(), authToken: new Secret('12345') };
const suppress = { effect: { type: 'suppress-contact' } } as const;

function post(url: string, body: string, signature?: string): ReceiptRequest {
  const headers: Record<string, string> = signature === undefined ? {} : { 'x-twilio-signature': signature };
  return { method: 'POST', url, headers, body: Buffer.from(body) };
}

const FORM_URL = 'https://mycompany.com/myapp.php?foo=1&bar=2';
const FORM =
  'Digits=1234&CallSid=CA1234567890ABCDE&To=%2B18005551212&Caller=%2B14158675309&From=%2B14158675309';
const FORM_SIGNATURE = 'RSOYDt4T1cUTdK1PDd93/VVr8B8=';
const verify = (
  request: ReceiptRequest,
  settings: Partial<typeof config> & { secondaryAuthToken?: Secret } = {},
) => twilio.receipts!.verify(request, { ...config, ...settings }, { now: 0 });

test("the form of Twilio's own example verifies", () => {
  assert.equal(verify(post(FORM_URL, FORM, FORM_SIGNATURE)), true);
});

test('a form that was changed, cut or unsigned does not verify', () => {
  assert.equal(verify(post(FORM_URL, `${FORM}&X=1`, FORM_SIGNATURE)), false);
  assert.equal(verify(post(`${FORM_URL}3`, FORM, FORM_SIGNATURE)), false);
  assert.equal(verify(post(FORM_URL, FORM, FORM_SIGNATURE.slice(0, -1))), false);
  assert.equal(verify(post(FORM_URL, FORM, '')), false);
  assert.equal(verify(post(FORM_URL, FORM)), false);
});

test('nothing verifies without an auth token', () => {
  assert.equal(verify(post(FORM_URL, FORM, FORM_SIGNATURE), { authToken: undefined }), false);
});

test('during rotation the secondary auth token verifies too', () => {
  const rotated = { authToken: new Secret('new'), secondaryAuthToken: new Secret('12345') };
  assert.equal(verify(post(FORM_URL, FORM, FORM_SIGNATURE), rotated), true);
});

test('the default port and the fragment do not matter, another port does', () => {
  assert.equal(verify(post('https://mycompany.com:443/myapp.php?foo=1&bar=2', FORM, FORM_SIGNATURE)), true);
  assert.equal(verify(post(`${FORM_URL}#rc=2&rp=5xx`, FORM, FORM_SIGNATURE)), true);
  assert.equal(verify(post('https://mycompany.com:8443/myapp.php?foo=1&bar=2', FORM, FORM_SIGNATURE)), false);
  const withPort = createHmac('sha1', '12345').update('https://ex.com:443/cba1').digest('base64');
  assert.equal(verify(post('https://ex.com/cb', 'a=1', withPort)), true);
});

test('repeated parameters are signed once each, in order', () => {
  const signature = createHmac('sha1', '12345').update('https://ex.com/cba1a2b0').digest('base64');
  assert.equal(verify(post('https://ex.com/cb', 'b=0&a=2&a=1&a=2', signature)), true);
});

const JSON_URL =
  'https://ex.com/cb?bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862';
const JSON_SIGNATURE = '3dqZNMRIfTSzuN1wZ7gsMGtL0o4=';

test('a JSON body verifies by its hash in the signed URL', () => {
  assert.equal(verify(post(JSON_URL, '{"a":1}', JSON_SIGNATURE)), true);
  assert.equal(verify(post(JSON_URL, '{"a":2}', JSON_SIGNATURE)), false);
  assert.equal(verify(post(JSON_URL.replace('015a', '015b'), '{"a":1}', JSON_SIGNATURE)), false);
});

const CALLBACK = 'https://bellhop.example/v1/receipts/c1?delivery=d1';

function parse(status: string, errorCode = ''): Receipt[] {
  const form = new URLSearchParams({ MessageSid: 'SM1', MessageStatus: status, To: '+14155550100' });
  if (errorCode) form.set('ErrorCode', errorCode);
  return twilio.receipts!.parse(post(CALLBACK, form.toString()), config);
}

test('a status callback is a receipt of the delivery in its URL', () => {
  assert.deepEqual(parse('delivered'), [
    { event: 'delivered', deliveryId: 'd1', providerMessageId: 'SM1', at: null, eventKey: 'SM1:delivered' },
  ]);
});

test('every status of an outbound message has its event', () => {
  const events = {
    accepted: 'queued',
    scheduled: 'queued',
    queued: 'queued',
    sending: 'queued',
    sent: 'sent',
    delivered: 'delivered',
    partially_delivered: 'delivered',
    read: 'opened',
    undelivered: 'failed',
    failed: 'failed',
    canceled: 'failed',
  };
  for (const [status, event] of Object.entries(events)) assert.equal(parse(status)[0]?.event, event, status);
});

const FAILURES: [codes: string, cause: Pick<Receipt, 'event' | 'reason' | 'effect'>][] = [
  ['30005 30006 63003 63024', { event: 'bounced', reason: 'recipient_invalid', ...suppress }],
  ['30004 63033', { event: 'bounced', reason: 'recipient_opted_out', ...suppress }],
  ['30003 30036', { event: 'failed', reason: 'recipient_unreachable' }],
  ['30007 30450', { event: 'failed', reason: 'content_refused' }],
  ['30010', { event: 'failed', reason: 'request_invalid' }],
  ['30019', { event: 'failed', reason: 'content_too_large' }],
  ['63016', { event: 'failed', reason: 'content_invalid' }],
  ['30002', { event: 'failed', reason: 'account_suspended' }],
  ['63001', { event: 'failed', reason: 'credentials_invalid' }],
  ['30018 30024 30032 30033 30034 30035 30440 63007', { event: 'failed', reason: 'sender_not_allowed' }],
  ['30001 30022 30025 30026 63018', { event: 'failed', reason: 'rate_limited' }],
  ['30023 30027', { event: 'failed', reason: 'quota_exhausted' }],
  ['30008 30017 30020 30021 30410 63012 39999', { event: 'failed', reason: 'provider_error' }],
];

for (const [codes, cause] of FAILURES) {
  for (const code of codes.split(' ')) {
    test(`undelivered with ${code} is ${cause.event}: ${cause.reason}`, () => {
      const common = {
        deliveryId: 'd1',
        providerMessageId: 'SM1',
        at: null,
        eventKey: 'SM1:undelivered',
        code,
      };
      assert.deepEqual(parse('undelivered', code), [{ ...common, ...cause }]);
    });
  }
}

test('inbound messages, unknown statuses and broken posts are no receipts', () => {
  assert.deepEqual(parse('received'), []);
  assert.deepEqual(parse('constructor'), []);
  for (const body of ['', '{"MessageSid":"SM1"}', 'MessageStatus=sent', '%E0%A4%A', '\0']) {
    assert.deepEqual(twilio.receipts!.parse(post('not a url', body), config), []);
  }
});

test('a callback without our id is told by the message SID', () => {
  const [receipt] = twilio.receipts!.parse(
    post('https://bellhop.example/', 'SmsSid=SM1&SmsStatus=sent'),
    config,
  );
  assert.deepEqual([receipt?.deliveryId, receipt?.providerMessageId], [null, 'SM1']);
});
