import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import type { Receipt, ReceiptRequest } from '../../contract.ts';
import messagebird from '../messagebird.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const URL_SIGNED = 'https://ex.com/b?x=1';
const URL_HASH = 'b5d8b72e0ec39757cf39aed073de11efcb1bdea5d4a82903817577b559c79771';
const BODY = '{"a":1}';
const BODY_HASH = '015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862';
const config = { ...messagebird.testConfig(), signingKey: new Secret('signing-key') };
const claims = { iss: 'MessageBird', nbf: NOW / 1000, exp: NOW / 1000 + 60, jti: 'j', url_hash: URL_HASH };
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The hashes were made elsewhere, the token is signed with node:crypto. */
function sign(of: object, alg = 'HS256', key = 'signing-key'): string {
  const input = `${encode({ alg, typ: 'JWT' })}.${encode(of)}`;
  return `${input}.${createHmac(alg.replace('HS', 'sha'), key).update(input).digest('base64url')}`;
}

function request(token: string | undefined, { body = '', url = URL_SIGNED } = {}): ReceiptRequest {
  const headers: Record<string, string> = token === undefined ? {} : { 'messagebird-signature-jwt': token };
  return { method: body ? 'POST' : 'GET', url, headers, body: Buffer.from(body) };
}
const verify = (received: ReceiptRequest, settings: object = {}, now = NOW) =>
  messagebird.receipts!.verify(received, { ...config, ...settings }, { now });

test('the hashes are those of the URL and of the raw body', () => {
  assert.equal(createHash('sha256').update(URL_SIGNED).digest('hex'), URL_HASH);
  assert.equal(createHash('sha256').update(BODY).digest('hex'), BODY_HASH);
});

test('a report signed with the signing key verifies, by each algorithm, with a body and without', () => {
  for (const alg of ['HS256', 'HS384', 'HS512']) {
    assert.equal(verify(request(sign(claims, alg))), true, alg);
    assert.equal(
      verify(request(sign({ ...claims, payload_hash: BODY_HASH }, alg), { body: BODY })),
      true,
      alg,
    );
  }
});

test('another URL, another body, a body that nobody signed and none where one was do not verify', () => {
  assert.equal(verify(request(sign(claims), { url: `${URL_SIGNED}1` })), false);
  assert.equal(verify(request(sign({ ...claims, url_hash: undefined }))), false);
  const withBody = sign({ ...claims, payload_hash: BODY_HASH });
  assert.equal(verify(request(withBody, { body: `${BODY} ` })), false);
  assert.equal(verify(request(withBody)), false);
  assert.equal(verify(request(sign(claims), { body: BODY })), false);
});

test('another key, issuer or algorithm does not verify', () => {
  assert.equal(verify(request(sign(claims, 'HS256', 'other'))), false);
  assert.equal(verify(request(sign({ ...claims, iss: 'Mallory' }))), false);
  assert.equal(verify(request(`${encode({ alg: 'none' })}.${encode(claims)}.`)), false);
  assert.equal(verify(request(undefined)), false);
  assert.equal(verify(request(sign(claims)), { signingKey: undefined }), false);
  const rotated = { signingKey: new Secret('new'), secondarySigningKey: new Secret('signing-key') };
  assert.equal(verify(request(sign(claims)), rotated), true);
});

test('a token is good from five seconds before its time to five seconds after', () => {
  const cases: [offsetMs: number, isGood: boolean][] = [
    [-5_001, false],
    [-5_000, true],
    [65_000, true],
    [65_001, false],
  ];
  for (const [offsetMs, isGood] of cases) {
    assert.equal(verify(request(sign(claims)), {}, NOW + offsetMs), isGood, `${offsetMs}`);
  }
  for (const odd of [{ nbf: undefined }, { exp: undefined }, { exp: 'x' }])
    assert.equal(verify(request(sign({ ...claims, ...odd }))), false);
});

// ---------------------------------------------------------------------------------------------- parse

const CALLBACK = 'https://bellhop.example/v1/receipts/t1/c1?delivery=d1';
function report(fields: Record<string, string>): URLSearchParams {
  const all = { id: 'm1', reference: 'd1', recipient: '31612345678', ...fields };
  return new URLSearchParams(all);
}
const parse = (fields: Record<string, string>): Receipt[] =>
  messagebird.receipts!.parse(request('', { url: `${CALLBACK}&${report(fields)}` }), config);

test('a report in the query is a receipt of the delivery in it', () => {
  const fields = { status: 'delivered', statusDatetime: '2026-11-21T12:00:01+00:00' };
  const receipt = {
    event: 'delivered',
    deliveryId: 'd1',
    providerMessageId: 'm1',
    at: NOW + 1_000,
    eventKey: 'm1:31612345678:delivered',
  };
  assert.deepEqual(parse(fields), [receipt]);
  const unencoded = `${CALLBACK}&id=m1&recipient=31612345678&status=delivered&statusDatetime=${fields.statusDatetime}`;
  assert.deepEqual(messagebird.receipts!.parse(request('', { url: unencoded }), config), [receipt]);
});

test('a posted form is the same receipt, and without our address the reference tells', () => {
  const body = report({ status: 'sent', reference: 'd2' }).toString();
  const [receipt] = messagebird.receipts!.parse(
    request('', { url: 'https://bellhop.example/r', body }),
    config,
  );
  assert.deepEqual([receipt?.event, receipt?.deliveryId, receipt?.at], ['sent', 'd2', null]);
});

test('every status has its event', () => {
  const events = {
    scheduled: 'queued',
    buffered: 'queued',
    sent: 'sent',
    delivered: 'delivered',
    expired: 'failed',
    delivery_failed: 'failed',
  };
  for (const [status, event] of Object.entries(events))
    assert.equal(parse({ status })[0]?.event, event, status);
  for (const status of ['', 'constructor', 'pondering']) assert.deepEqual(parse({ status }), []);
});

test('why a delivery failed is told by the whole of its reason', () => {
  const why = (status: string, statusReason: string) => {
    const [receipt] = parse({ status, statusReason, statusErrorCode: '1' });
    return [receipt?.event, receipt?.reason, receipt?.code, receipt?.effect?.type];
  };
  const suppressed = 'suppress-contact';
  assert.deepEqual(why('delivery_failed', 'unknown subscriber'), [
    'bounced',
    'recipient_invalid',
    '1',
    suppressed,
  ]);
  assert.deepEqual(why('delivery_failed', 'Opted out'), ['bounced', 'recipient_opted_out', '1', suppressed]);
  assert.deepEqual(why('delivery_failed', 'carrier rejected'), ['failed', 'content_refused', '1', undefined]);
  assert.deepEqual(why('delivery_failed', 'not an unknown subscriber'), [
    'failed',
    'provider_error',
    '1',
    undefined,
  ]);
  assert.deepEqual(why('expired', ''), ['failed', 'recipient_unreachable', '1', undefined]);
  assert.equal(parse({ status: 'expired', statusErrorCode: 'a b' })[0]?.code, undefined);
});
