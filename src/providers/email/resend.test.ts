import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Outcome, Receipt } from '../contract.ts';
import { DELIVERY, mailOf, NOW, posted } from './mail/testing.ts';
import resend from './resend.ts';

conformance(resend, {
  golden: [
    {
      name: 'both bodies, the pair of headers, our delivery as tag and as idempotency key',
      message: mailOf(),
      config: { apiKey: new Secret('re_key'), from: 'Acme <news@acme.org>' },
      expected: {
        method: 'POST',
        url: 'https://api.resend.com/emails',
        headers: {
          authorization: 'Bearer re_key',
          'content-type': 'application/json',
          accept: 'application/json',
          'idempotency-key': DELIVERY,
          'user-agent': 'bellhop',
        },
        body: {
          from: 'Acme <news@acme.org>',
          to: ['ann@example.org'],
          reply_to: 'help@acme.org',
          subject: 'Your parcel',
          text: 'It is here',
          html: '<p>It is <b>here</b></p>',
          headers: {
            'Auto-Submitted': 'auto-generated',
            'List-Unsubscribe': '<https://acme.org/u/1>',
            'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
          },
          tags: [{ name: 'bellhop_delivery', value: DELIVERY }],
        },
      },
    },
    {
      name: 'topic and passthrough',
      message: mailOf({ text: 'Hi', passthrough: { resend: { scheduled_at: '2026-11-22T00:00:00Z' } } }),
      config: { from: 'news@acme.org', topicId: 't1' },
      expected: {
        body: {
          from: 'news@acme.org',
          to: ['ann@example.org'],
          subject: '',
          text: 'Hi',
          html: '<p>Hi</p>',
          headers: { 'Auto-Submitted': 'auto-generated' },
          tags: [{ name: 'bellhop_delivery', value: DELIVERY }],
          topic_id: 't1',
          scheduled_at: '2026-11-22T00:00:00Z',
        },
      },
    },
  ],
});

// ---------------------------------------------------------------------------------------------- answers

test('the name of an error decides, and its status where the name is new', () => {
  const table: [number, string, Partial<Outcome> & Pick<Outcome, 'kind'>][] = [
    [401, 'restricted_api_key', { kind: 'unavailable', reason: 'credentials_invalid' }],
    [403, 'invalid_api_key', { kind: 'unavailable', reason: 'credentials_invalid' }],
    [403, 'suspended_api_key', { kind: 'unavailable', reason: 'account_suspended' }],
    [422, 'invalid_from_address', { kind: 'unavailable', reason: 'sender_not_allowed' }],
    [422, 'invalid_access', { kind: 'unavailable', reason: 'account_misconfigured' }],
    [422, 'invalid_region', { kind: 'unavailable', reason: 'account_misconfigured' }],
    [451, 'security_error', { kind: 'unavailable', reason: 'account_suspended' }],
    [400, 'validation_error', { kind: 'rejected', reason: 'request_invalid' }],
    [400, 'invalid_idempotency_key', { kind: 'rejected', reason: 'request_invalid' }],
    [422, 'invalid_parameter', { kind: 'rejected', reason: 'request_invalid' }],
    [404, 'not_found', { kind: 'rejected', reason: 'request_invalid' }],
    [405, 'method_not_allowed', { kind: 'rejected', reason: 'request_invalid' }],
    [409, 'resource_locked', { kind: 'retry', reason: 'provider_unavailable', afterMs: 2_000 }],
    [429, 'monthly_quota_exceeded', { kind: 'unavailable', reason: 'quota_exhausted' }],
    [500, 'application_error', { kind: 'retry', reason: 'provider_error' }],
    [429, 'constructor', { kind: 'retry', reason: 'rate_limited', afterMs: 1_000 }],
    [502, 'new_one', { kind: 'retry', reason: 'provider_error', code: 'new_one' }],
  ];
  for (const [status, name, expected] of table) {
    const body = JSON.stringify({ statusCode: status, name, message: '' });
    assertOutcome(resend.classify({ status, headers: {}, body }, { now: NOW }), expected);
  }
});

// ---------------------------------------------------------------------------------------------- receipts

// Agrees with the vendor's own library.
const SECRET = new Secret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
const BODY = '{"type":"email.delivered","data":{"email_id":"e1"}}';
const SIGNATURE = 'v1,MMz24nVQqoHi1hzpAWl5bQtL92sSnHWwHKlsPXHI4bQ=';
const SIGNED_AT = 1_700_000_000_000;
const config = { ...resend.testConfig(), webhookSecret: SECRET };

function verify({ body = BODY, signature = SIGNATURE, id = 'msg_1', now = SIGNED_AT, settings = {} } = {}) {
  const headers = { 'svix-id': id, 'svix-timestamp': '1700000000', 'svix-signature': signature };
  return resend.receipts!.verify(posted(body, headers), { ...config, ...settings }, { now });
}

test('the signature of the vector verifies, also among others', () => {
  assert.equal(verify(), true);
  assert.equal(verify({ signature: `v1a,xyz v1,AAAA ${SIGNATURE}` }), true);
});

test('other bytes, another id, another key or none do not verify', () => {
  assert.equal(verify({ body: `${BODY} ` }), false);
  assert.equal(verify({ id: 'msg_2' }), false);
  assert.equal(verify({ signature: SIGNATURE.replace('v1,', 'v2,') }), false);
  assert.equal(verify({ signature: '' }), false);
  assert.equal(verify({ settings: { webhookSecret: new Secret('whsec_AAAA') } }), false);
  assert.equal(verify({ settings: { webhookSecret: undefined } }), false);
  assert.equal(verify({ settings: { webhookSecret: new Secret('whsec_') } }), false);
});

test('during rotation the former secret verifies too', () => {
  const settings = { webhookSecret: new Secret('whsec_AAAA'), secondaryWebhookSecret: SECRET };
  assert.equal(verify({ settings }), true);
});

test('a signature is worth five minutes', () => {
  assert.equal(verify({ now: SIGNED_AT + 300_000 }), true);
  assert.equal(verify({ now: SIGNED_AT + 301_000 }), false);
  assert.equal(verify({ now: SIGNED_AT - 301_000 }), false);
});

const parse = (type: string, data: object = {}) =>
  resend.receipts!.parse(
    posted(
      {
        type,
        created_at: '2026-11-21T12:00:00.000Z',
        data: { email_id: 'e1', tags: { bellhop_delivery: DELIVERY }, ...data },
      },
      { 'svix-id': 'msg_1' },
    ),
    config,
  );
const suppress = { effect: { type: 'suppress-contact' } } as const;

test('each event is told in our words, and named by the id of its post', () => {
  const table: [string, object, Partial<Receipt>][] = [
    ['email.scheduled', {}, { event: 'queued' }],
    ['email.sent', {}, { event: 'sent' }],
    ['email.delivered', {}, { event: 'delivered' }],
    ['email.delivery_delayed', {}, { event: 'delayed' }],
    ['email.opened', {}, { event: 'opened' }],
    ['email.clicked', { click: { link: 'https://acme.org' } }, { event: 'clicked' }],
    [
      'email.bounced',
      { bounce: { type: 'Permanent', subType: 'General' } },
      { event: 'bounced', reason: 'recipient_invalid', ...suppress },
    ],
    [
      'email.bounced',
      { bounce: { type: 'Transient' } },
      { event: 'bounced', reason: 'recipient_unreachable' },
    ],
    ['email.bounced', {}, { event: 'bounced', reason: 'recipient_unreachable' }],
    ['email.complained', {}, { event: 'complained', reason: 'recipient_opted_out', ...suppress }],
    ['email.failed', {}, { event: 'failed', reason: 'provider_error' }],
    ['email.suppressed', {}, { event: 'failed', reason: 'recipient_opted_out', ...suppress }],
  ];
  const named = { deliveryId: DELIVERY, providerMessageId: 'e1', at: NOW, eventKey: 'msg_1' };
  for (const [type, data, expected] of table)
    assert.deepEqual(parse(type, data), [{ ...named, ...expected }]);
});

test('tags are read in both their forms', () => {
  const [receipt] = parse('email.sent', { tags: [{ name: 'bellhop_delivery', value: DELIVERY }] });
  assert.equal(receipt!.deliveryId, DELIVERY);
  assert.equal(parse('email.sent', { tags: undefined })[0]!.deliveryId, null);
});

test('what is about no mail of ours is ignored', () => {
  assert.deepEqual(parse('email.received'), []);
  assert.deepEqual(parse('contact.updated', { email_id: undefined, unsubscribed: true }), []);
  assert.deepEqual(parse('constructor'), []);
});
