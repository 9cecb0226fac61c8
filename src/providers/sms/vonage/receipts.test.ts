import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import type { Receipt, ReceiptRequest } from '../../contract.ts';
import vonage from '../vonage.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const SECRET = 'signature-secret';
const config = {
  apiKey: 'abcd1234',
  apiSecret: new Secret('s'),
  from: 'Shop',
  signatureSecret: new Secret(SECRET),
};
const BODY = '{"message_uuid":"m1","status":"delivered"}';
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Vonage publishes no vector: signed here with node:crypto, as its documentation describes. */
function sign(
  claims: object,
  { header = { alg: 'HS256', typ: 'JWT' } as object, hash = 'sha256', key = SECRET } = {},
) {
  const input = `${encode(header)}.${encode(claims)}`;
  return `Bearer ${input}.${createHmac(hash, key).update(input).digest('base64url')}`;
}
const claimsOf = (body = BODY) => ({
  iat: NOW / 1000,
  jti: 'c3a1',
  iss: 'Vonage',
  payload_hash: createHash('sha256').update(body).digest('hex'),
  api_key: 'abcd1234',
  application_id: 'aaaaaaaa-bbbb-cccc-dddd-0123456789ab',
});

function post(
  body: string,
  authorization?: string,
  url = 'https://bellhop.example/v1/receipts/t1/c1',
): ReceiptRequest {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  return { method: 'POST', url, headers, body: Buffer.from(body) };
}
const verify = (request: ReceiptRequest, settings: object = {}, now = NOW) =>
  vonage.receipts!.verify(request, { ...config, ...settings }, { now });

test('a webhook signed with the signature secret verifies', () => {
  assert.equal(verify(post(BODY, sign(claimsOf()))), true);
});

test('a webhook of which a byte was changed does not verify', () => {
  assert.equal(verify(post(`${BODY} `, sign(claimsOf()))), false);
  assert.equal(verify(post(BODY, `${sign(claimsOf())}x`)), false);
  assert.equal(verify(post(BODY, sign(claimsOf(), { key: 'other' }))), false);
  const { payload_hash: _, ...unbound } = claimsOf();
  assert.equal(verify(post(BODY, sign(unbound))), false, 'a token without the hash of the body fits any');
});

test('only HS256 is taken, whatever the token says', () => {
  for (const [alg, hash] of [
    ['HS512', 'sha512'],
    ['none', 'sha256'],
    ['hs256', 'sha256'],
  ] as const)
    assert.equal(verify(post(BODY, sign(claimsOf(), { header: { alg }, hash }))), false, alg);
  assert.equal(verify(post(BODY, `Bearer ${encode({ alg: 'none' })}.${encode(claimsOf())}.`)), false);
});

test('a token of another account, of long ago or of the future does not verify', () => {
  assert.equal(verify(post(BODY, sign({ ...claimsOf(), api_key: 'other' }))), false);
  const { api_key: _, ...nameless } = claimsOf();
  assert.equal(verify(post(BODY, sign(nameless))), true);
  for (const lateBy of [-300_000, 300_000]) {
    assert.equal(verify(post(BODY, sign(claimsOf())), {}, NOW + lateBy), true);
    assert.equal(verify(post(BODY, sign(claimsOf())), {}, NOW + lateBy * 1.01), false);
  }
  assert.equal(verify(post(BODY, sign({ ...claimsOf(), iat: undefined }))), false);
});

test('nothing verifies without a secret, and during rotation both do', () => {
  assert.equal(verify(post(BODY, sign(claimsOf())), { signatureSecret: undefined }), false);
  const rotated = { signatureSecret: new Secret('new'), secondarySignatureSecret: new Secret(SECRET) };
  assert.equal(verify(post(BODY, sign(claimsOf())), rotated), true);
});

// ---------------------------------------------------------------------------------------------- parse

const CALLBACK = 'https://bellhop.example/v1/receipts/t1/c1?delivery=d1';
function parse(status: string, extra: object = {}, url = CALLBACK): Receipt[] {
  const body = { message_uuid: 'm1', to: '447700900000', from: 'Shop', channel: 'sms', status, ...extra };
  return vonage.receipts!.parse(post(JSON.stringify(body), undefined, url), config);
}

test('a status is a receipt of the delivery in its URL, or else of the reference in its body', () => {
  const extra = { timestamp: '2026-11-21T12:00:01.000Z', client_ref: 'd2' };
  const receipt = {
    event: 'delivered',
    providerMessageId: 'm1',
    at: NOW + 1_000,
    eventKey: 'm1:delivered',
  };
  assert.deepEqual(parse('delivered', extra), [{ ...receipt, deliveryId: 'd1' }]);
  assert.deepEqual(parse('delivered', extra, 'https://bellhop.example/'), [{ ...receipt, deliveryId: 'd2' }]);
  assert.equal(parse('delivered', {}, 'not a url')[0]?.deliveryId, null);
});

test('every status of a message has its event', () => {
  const events = {
    submitted: 'sent',
    delivered: 'delivered',
    read: 'opened',
    rejected: 'failed',
    undeliverable: 'failed',
  };
  for (const [status, event] of Object.entries(events)) assert.equal(parse(status)[0]?.event, event, status);
});

const FAILURES: [codes: string, cause: Pick<Receipt, 'event' | 'reason' | 'effect'>][] = [
  ['1170 1190 1300', { event: 'bounced', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } }],
  ['1050 1240', { event: 'bounced', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } }],
  ['1180 1220 1230 1360 1260', { event: 'failed', reason: 'recipient_unreachable' }],
  ['1241', { event: 'failed', reason: 'recipient_rate_limited' }],
  ['1210', { event: 'failed', reason: 'content_refused' }],
  ['1120', { event: 'failed', reason: 'sender_not_allowed' }],
  ['1330 1999', { event: 'failed', reason: 'provider_error' }],
];

for (const [codes, cause] of FAILURES) {
  for (const code of codes.split(' ')) {
    test(`undeliverable with ${code} is ${cause.event}: ${cause.reason}`, () => {
      const [receipt] = parse('undeliverable', { error: { title: Number(code), detail: 'd' } });
      const common = {
        deliveryId: 'd1',
        providerMessageId: 'm1',
        at: null,
        eventKey: 'm1:undeliverable',
        code,
      };
      assert.deepEqual(receipt, { ...common, ...cause });
    });
  }
}

test('what was sent already, inbound messages and broken posts are no receipts', () => {
  assert.deepEqual(parse('rejected', { error: { title: '1320' } }), []);
  for (const status of ['constructor', '', 'accepted']) assert.deepEqual(parse(status), []);
  for (const body of ['', '{', 'null', '{"status":"delivered"}', '{"status":"delivered","message_uuid":7}'])
    assert.deepEqual(vonage.receipts!.parse(post(body), config), []);
});

test('what a user answers is an inbound message, a status is none', () => {
  const hear = (body: object) => vonage.receipts!.inbound!.parse(post(JSON.stringify(body)), config);
  const inbound = { channel: 'sms', message_uuid: 'i1', to: 'Shop', from: '447700900000', text: 'STOP' };
  assert.deepEqual(hear(inbound), [{ from: '+447700900000', text: 'STOP' }]);
  assert.deepEqual(hear({ ...inbound, from: '12345' }), [{ from: '12345', text: 'STOP' }]);
  for (const odd of [{ status: 'read' }, { channel: 'whatsapp' }, { text: undefined }, { from: 5 }])
    assert.deepEqual(hear({ ...inbound, ...odd }), []);
});
