import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Outcome, Receipt } from '../contract.ts';
import { DELIVERY, mailOf, NOW, posted } from './mail/testing.ts';
import mailchimp from './mailchimp.ts';

const own = { apiKey: new Secret('md-key'), from: 'Acme, Inc <news@acme.org>' };

conformance(mailchimp, {
  golden: [
    {
      name: 'both bodies, the pair of headers, our delivery in the metadata, the key in the body',
      message: mailOf(),
      config: own,
      expected: {
        method: 'POST',
        url: 'https://mandrillapp.com/api/1.0/messages/send.json',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: {
          key: 'md-key',
          message: {
            html: '<p>It is <b>here</b></p>',
            text: 'It is here',
            subject: 'Your parcel',
            from_email: 'news@acme.org',
            from_name: 'Acme, Inc',
            to: [{ email: 'ann@example.org', type: 'to' }],
            headers: {
              'Auto-Submitted': 'auto-generated',
              'List-Unsubscribe': '<https://acme.org/u/1>',
              'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
              'Reply-To': 'help@acme.org',
            },
            metadata: { bellhop_delivery: DELIVERY },
          },
          async: false,
        },
      },
    },
    {
      name: 'settings and passthrough, which can not bring another key',
      message: mailOf({
        text: 'Hi',
        passthrough: { mailchimp: { key: 'x', message: { tags: ['orders'] } } },
      }),
      config: {
        ...own,
        from: 'news@acme.org',
        subaccount: 's1',
        ipPool: 'main',
        trackOpens: false,
        trackClicks: true,
      },
      expected: {
        body: {
          key: 'md-key',
          message: {
            html: '<p>Hi</p>',
            text: 'Hi',
            subject: '',
            from_email: 'news@acme.org',
            to: [{ email: 'ann@example.org', type: 'to' }],
            headers: { 'Auto-Submitted': 'auto-generated' },
            metadata: { bellhop_delivery: DELIVERY },
            track_opens: false,
            track_clicks: true,
            subaccount: 's1',
            tags: ['orders'],
          },
          async: false,
          ip_pool: 'main',
        },
      },
    },
  ],
});

test('the body, which holds the key, is not printed', () => {
  const context = {
    now: NOW,
    random: (bytes: number) => new Uint8Array(bytes),
    deliveryId: DELIVERY,
    baseUrl: mailchimp.baseUrl,
  };
  const request = mailchimp.request(mailOf(), { ...mailchimp.testConfig(), ...own }, context);
  assert.doesNotMatch(inspect(request) + JSON.stringify(request), /md-key/);
});

// ---------------------------------------------------------------------------------------------- answers

type Expected = Partial<Outcome> & Pick<Outcome, 'kind'>;
const classify = (status: number, body: unknown) =>
  mailchimp.classify({ status, headers: {}, body: JSON.stringify(body) }, { now: NOW });

test('the name of an error decides, whatever its status', () => {
  const table: [string, Expected][] = [
    ['Invalid_Key', { kind: 'unavailable', reason: 'credentials_invalid' }],
    ['PaymentRequired', { kind: 'unavailable', reason: 'account_suspended' }],
    ['Unknown_Template', { kind: 'unavailable', reason: 'account_misconfigured' }],
    ['ValidationError', { kind: 'rejected', reason: 'request_invalid' }],
    ['GeneralError', { kind: 'retry', reason: 'provider_error' }],
    ['ServiceUnavailable', { kind: 'retry', reason: 'provider_unavailable' }],
    ['New_Error', { kind: 'rejected', reason: 'request_invalid', code: 'New_Error' }],
  ];
  for (const [name, expected] of table) {
    for (const status of [200, 500]) {
      assertOutcome(classify(status, { status: 'error', code: 0, name, message: '' }), expected);
    }
  }
});

test('an answer of 200 can refuse the recipient', () => {
  const table: [string, Expected][] = [
    ['invalid', { kind: 'rejected', reason: 'recipient_invalid', effect: { type: 'suppress-contact' } }],
    ['spam', { kind: 'rejected', reason: 'recipient_opted_out', effect: { type: 'suppress-contact' } }],
    ['custom', { kind: 'rejected', reason: 'recipient_opted_out' }],
    ['invalid-sender', { kind: 'unavailable', reason: 'sender_not_allowed' }],
    ['test-mode-limit', { kind: 'unavailable', reason: 'quota_exhausted' }],
    ['rule', { kind: 'rejected', reason: 'content_refused', code: 'rule' }],
    ['new', { kind: 'rejected', reason: 'content_refused', code: 'rejected' }],
  ];
  for (const [reject_reason, expected] of table) {
    assertOutcome(classify(200, [{ status: 'rejected', reject_reason, _id: 'm1' }]), expected);
  }
  for (const body of [[], {}, null, [{ status: 'new' }]]) {
    assertOutcome(classify(200, body), { kind: 'unknown', reason: 'response_unreadable' });
  }
});

// ---------------------------------------------------------------------------------------------- receipts

// Computed apart from this code, by node:crypto: Mailchimp publishes none.
const VECTOR = { url: 'https://ex.com/wh', key: 'mk', signature: '7dDjjkGWqXNY3DwEwH1/li2Arp4=' };
const EMPTY = 'mandrill_events=%5B%5D';
const config = { ...mailchimp.testConfig(), webhookKey: new Secret(VECTOR.key) };

function verify({ body = EMPTY, signature = VECTOR.signature, url = VECTOR.url, settings = {} } = {}) {
  const request = posted(body, { 'x-mandrill-signature': signature }, url);
  return mailchimp.receipts!.verify(request, { ...config, ...settings }, { now: NOW });
}
const sign = (key: string, text: string) => createHmac('sha1', key).update(text).digest('base64');

test('the signature of the vector verifies', () => {
  assert.equal(verify(), true);
  assert.equal(verify({ url: 'https://inside.example', settings: { webhookUrl: VECTOR.url } }), true);
});

test('parameters are signed in the order of their names', () => {
  const signature = sign('mk', 'https://ex.com/wha1b2');
  assert.equal(verify({ body: 'b=2&a=1', signature }), true);
  assert.equal(verify({ body: 'b=2&a=1&c=', signature }), false);
});

test('another URL, body, key or none do not verify', () => {
  assert.equal(verify({ url: 'https://ex.com/wh/' }), false);
  assert.equal(verify({ body: 'mandrill_events=%5B1%5D' }), false);
  assert.equal(verify({ signature: '' }), false);
  assert.equal(verify({ settings: { webhookKey: new Secret('other') } }), false);
  assert.equal(verify({ settings: { webhookKey: undefined } }), false);
});

test('the key of the trial vouches for nothing but an empty post', () => {
  assert.equal(verify({ signature: sign('test-webhook', 'https://ex.com/whmandrill_events[]') }), true);
  const event = '[{"event":"spam"}]';
  const body = new URLSearchParams({ mandrill_events: event }).toString();
  assert.equal(
    verify({ body, signature: sign('test-webhook', `https://ex.com/whmandrill_events${event}`) }),
    false,
  );
});

const suppress = { effect: { type: 'suppress-contact' } } as const;
const base = {
  ts: 1_700_000_000,
  _id: 'm1',
  msg: { _id: 'm1', email: 'ann@example.org', metadata: { bellhop_delivery: DELIVERY } },
};
const parse = (...events: unknown[]) =>
  mailchimp.receipts!.parse(
    posted(new URLSearchParams({ mandrill_events: JSON.stringify(events) }).toString()),
    config,
  );

test('each event is told in our words', () => {
  const table: [string, Partial<Receipt>][] = [
    ['send', { event: 'sent' }],
    ['delivered', { event: 'delivered' }],
    ['deferral', { event: 'delayed' }],
    ['soft_bounce', { event: 'bounced', reason: 'recipient_unreachable' }],
    ['hard_bounce', { event: 'bounced', reason: 'recipient_invalid', ...suppress }],
    ['open', { event: 'opened' }],
    ['click', { event: 'clicked' }],
    ['spam', { event: 'complained', reason: 'recipient_opted_out', ...suppress }],
    ['unsub', { event: 'unsubscribed', reason: 'recipient_opted_out', ...suppress }],
    ['reject', { event: 'failed', reason: 'provider_error' }],
  ];
  const named = { deliveryId: DELIVERY, providerMessageId: 'm1', at: 1_700_000_000_000 };
  for (const [event, expected] of table) {
    assert.deepEqual(parse({ ...base, event }), [
      { ...named, eventKey: `${event}:m1:1700000000`, ...expected },
    ]);
  }
});

test('a bounce carries the code of the diagnosis', () => {
  const msg = { ...base.msg, diag: 'smtp;550 5.1.1 The email account does not exist.' };
  assert.equal(parse({ ...base, event: 'hard_bounce', msg })[0]!.code, '5.1.1');
});

test('a batch keeps what it can use', () => {
  const sync = { type: 'blacklist', action: 'add', reject: { email: 'ann@example.org' } };
  const receipts = parse(
    null,
    sync,
    { event: 'send' },
    { ...base, event: 'open' },
    { ...base, event: 'constructor' },
  );
  assert.deepEqual(
    receipts.map(({ event }) => event),
    ['opened'],
  );
});
