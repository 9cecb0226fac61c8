import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Receipt } from '../contract.ts';
import { DELIVERY, mailOf, NOW, posted } from './mail/testing.ts';
import mailgun from './mailgun.ts';

const own = { apiKey: new Secret('key-1'), from: 'Acme, Inc <news@acme.org>' };
const context = {
  now: NOW,
  random: (bytes: number) => new Uint8Array(bytes),
  deliveryId: DELIVERY,
  baseUrl: mailgun.baseUrl,
};

conformance(mailgun, {
  golden: [
    {
      name: 'a form with both bodies, the pair of headers and our delivery as variable',
      message: mailOf(),
      config: own,
      expected: {
        method: 'POST',
        url: 'https://api.mailgun.net/v3/mg.example.com/messages',
        headers: {
          // api:key-1
          authorization: 'Basic YXBpOmtleS0x',
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
        },
      },
    },
  ],
});

test('the form says what it should, byte for byte', () => {
  const { body } = mailgun.request(mailOf(), { ...mailgun.testConfig(), ...own }, context);
  assert.equal(
    body,
    'from=%22Acme%2C+Inc%22+%3Cnews%40acme.org%3E&to=ann%40example.org&subject=Your+parcel&text=It+is+here' +
      '&html=%3Cp%3EIt+is+%3Cb%3Ehere%3C%2Fb%3E%3C%2Fp%3E&h%3AReply-To=help%40acme.org' +
      '&h%3AAuto-Submitted=auto-generated&h%3AList-Unsubscribe=%3Chttps%3A%2F%2Facme.org%2Fu%2F1%3E' +
      '&h%3AList-Unsubscribe-Post=List-Unsubscribe%3DOne-Click' +
      `&v%3Abellhop_delivery=${DELIVERY}`,
  );
});

test('settings and passthrough; the EU has its own address unless another was set', () => {
  const settings = { region: 'eu', requireTls: true, tracking: false, testMode: true };
  const config = { ...mailgun.testConfig(), ...own, ...settings };
  const passthrough = { mailgun: { 'o:tag': ['a', 'b'], 't:variables': { x: 1 }, subject: 'Mine' } };
  const request = mailgun.request(mailOf({ text: 'Hi', passthrough }), config, context);
  const form = new URLSearchParams(String(request.body));
  assert.deepEqual(form.getAll('o:tag'), ['a', 'b']);
  assert.deepEqual(form.getAll('subject'), ['Mine']);
  assert.equal(form.get('t:variables'), '{"x":1}');
  assert.deepEqual(
    ['o:require-tls', 'o:tracking', 'o:testmode'].map((name) => form.get(name)),
    ['yes', 'no', 'yes'],
  );
  assert.equal(request.url, 'https://api.eu.mailgun.net/v3/mg.example.com/messages');
  const moved = mailgun.request(mailOf(), config, { ...context, baseUrl: 'https://proxy.acme.org' });
  assert.equal(moved.url, 'https://proxy.acme.org/v3/mg.example.com/messages');
});

// ---------------------------------------------------------------------------------------------- answers

const classify = (status: number, message: string, headers = {}) =>
  mailgun.classify({ status, headers, body: JSON.stringify({ message }) }, { now: NOW });

test('a limit is waited out until the date in its words', () => {
  const until = 'recipient limit exceeded, try again after Sat, 21 Nov 2026 12:00:30 UTC';
  assertOutcome(classify(429, until), { kind: 'retry', reason: 'rate_limited', afterMs: 30_000 });
  assertOutcome(classify(420, until), { kind: 'retry', afterMs: 30_000, code: '420' });
  assertOutcome(classify(429, 'try again after Sat, 99 Nov 2026 99:99:99 UTC'), {
    kind: 'retry',
    afterMs: 60_000,
  });
  assertOutcome(classify(429, 'limit', { 'retry-after': '7' }), { kind: 'retry', afterMs: 7_000 });
});

// ---------------------------------------------------------------------------------------------- signatures

const TIME = 1_700_000_000;
const TOKEN = 'a'.repeat(50);
// Computed apart from this code, by node:crypto: Mailgun publishes none.
const SIGNATURE = 'c831b43c5b16fe108131ca2a0ee82b53808fd53255a924f124c12c5aa8b5c2a3';
const config = { ...mailgun.testConfig(), webhookSigningKey: new Secret('key-test') };

function verify(signature: object, { now = TIME * 1000, event = {}, settings = {} } = {}): boolean {
  const request = posted({ signature, 'event-data': event });
  return mailgun.receipts!.verify(request, { ...config, ...settings }, { now });
}
const vector = { timestamp: String(TIME), token: TOKEN, signature: SIGNATURE };
const signed = (token: string) => ({
  timestamp: String(TIME),
  token,
  signature: createHmac('sha256', 'key-test').update(`${TIME}${token}`).digest('hex'),
});

test('the signature of the vector verifies', () => {
  assert.equal(verify(vector), true);
});

test('another time, token, key or none do not verify', () => {
  assert.equal(verify({ ...vector, timestamp: String(TIME + 1) }), false);
  assert.equal(verify({ ...vector, token: 'b'.repeat(50) }), false);
  assert.equal(verify({ ...vector, signature: SIGNATURE.toUpperCase() }), false);
  assert.equal(verify({ ...vector, signature: null }), false);
  assert.equal(verify(vector, { settings: { webhookSigningKey: new Secret('other') } }), false);
  assert.equal(verify(vector, { settings: { webhookSigningKey: undefined } }), false);
});

test('a signature is worth the nine hours in which Mailgun repeats a post', () => {
  assert.equal(verify(vector, { now: TIME * 1000 + 9 * 3_600_000 }), true);
  assert.equal(verify(vector, { now: TIME * 1000 + 9 * 3_600_000 + 1 }), false);
  assert.equal(verify(vector, { now: TIME * 1000 - 9 * 3_600_000 - 1 }), false);
});

test('a token vouches for the first body only, which may be repeated', () => {
  const token = signed('t'.repeat(50));
  assert.equal(verify(token, { event: { id: 'e1' } }), true);
  assert.equal(verify(token, { event: { id: 'e1' } }), true);
  assert.equal(verify(token, { event: { id: 'e2' } }), false);
  assert.equal(verify(signed('u'.repeat(50)), { event: { id: 'e2' } }), true);
});

// ---------------------------------------------------------------------------------------------- events

const suppress = { effect: { type: 'suppress-contact' } } as const;
const base = {
  id: 'e1',
  timestamp: 1_700_000_000.25,
  recipient: 'ann@example.org',
  message: { headers: { 'message-id': '20261121120000.1.5F1E@mg.example.com' } },
  'user-variables': { bellhop_delivery: DELIVERY },
};
const parse = (event: object) =>
  mailgun.receipts!.parse(posted({ 'event-data': { ...base, ...event } }), config);

test('each event is told in our words', () => {
  const failed = (reason: string, status: object = {}) => ({
    event: 'failed',
    severity: 'permanent',
    reason,
    'delivery-status': status,
  });
  const table: [object, Partial<Receipt>][] = [
    [{ event: 'accepted' }, { event: 'queued' }],
    [{ event: 'delivered' }, { event: 'delivered' }],
    [{ event: 'opened' }, { event: 'opened' }],
    [{ event: 'clicked', url: 'https://acme.org' }, { event: 'clicked' }],
    [{ event: 'complained' }, { event: 'complained', reason: 'recipient_opted_out', ...suppress }],
    [{ event: 'unsubscribed' }, { event: 'unsubscribed', reason: 'recipient_opted_out', ...suppress }],
    [{ event: 'rejected' }, { event: 'failed', reason: 'provider_error' }],
    [
      { event: 'failed', severity: 'temporary', reason: 'generic', 'delivery-status': { code: 421 } },
      { event: 'delayed', code: '421' },
    ],
    [
      failed('bounce', { code: 550, message: 'User unknown', 'enhanced-code': '5.1.1' }),
      { event: 'bounced', reason: 'recipient_invalid', code: '5.1.1', ...suppress },
    ],
    [
      failed('bounce', { code: 550, 'bounce-type': 'hard' }),
      { event: 'bounced', reason: 'recipient_invalid', code: '550', ...suppress },
    ],
    [
      failed('bounce', { code: 552, message: 'Mailbox full', 'enhanced-code': '5.2.2' }),
      { event: 'bounced', reason: 'recipient_unreachable', code: '5.2.2' },
    ],
    [
      failed('bounce', { code: 550, message: 'SPF', 'enhanced-code': '5.7.26' }),
      { event: 'bounced', reason: 'account_misconfigured', code: '5.7.26' },
    ],
    [failed('bounce'), { event: 'bounced', reason: 'recipient_unreachable' }],
    [
      failed('suppress-bounce', { code: 605 }),
      { event: 'failed', reason: 'recipient_invalid', code: '605', ...suppress },
    ],
    [
      failed('suppress-complaint', { code: 607 }),
      { event: 'failed', reason: 'recipient_opted_out', code: '607', ...suppress },
    ],
    [
      failed('suppress-unsubscribe', { code: 606 }),
      { event: 'failed', reason: 'recipient_opted_out', code: '606', ...suppress },
    ],
    [failed('espblock'), { event: 'bounced', reason: 'content_refused' }],
    [failed('old'), { event: 'bounced', reason: 'recipient_unreachable' }],
    [failed('generic'), { event: 'bounced', reason: 'recipient_unreachable' }],
  ];
  const named = {
    deliveryId: DELIVERY,
    providerMessageId: '20261121120000.1.5F1E@mg.example.com',
    at: 1_700_000_000_250,
    eventKey: 'e1',
  };
  for (const [event, expected] of table) assert.deepEqual(parse(event), [{ ...named, ...expected }]);
});

test('what is no event of a mail is ignored', () => {
  for (const event of ['stored', 'list_member_uploaded', 'constructor', 7, null]) {
    assert.deepEqual(parse({ event }), []);
  }
  assert.deepEqual(parse({ event: 'delivered', id: undefined }), []);
});
