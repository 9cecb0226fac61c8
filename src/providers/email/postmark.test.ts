import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Outcome, Receipt } from '../contract.ts';
import { DELIVERY, mailOf, NOW, posted } from './mail/testing.ts';
import postmark from './postmark.ts';

conformance(postmark, {
  golden: [
    {
      name: 'both bodies, the pair of headers, our delivery in the metadata',
      message: mailOf(),
      config: { serverToken: new Secret('POSTMARK_API_TEST'), from: 'Acme, Inc <news@acme.org>' },
      expected: {
        method: 'POST',
        url: 'https://api.postmarkapp.com/email',
        headers: {
          'x-postmark-server-token': 'POSTMARK_API_TEST',
          'content-type': 'application/json',
          accept: 'application/json',
        },
        body: {
          From: '"Acme, Inc" <news@acme.org>',
          To: 'ann@example.org',
          ReplyTo: 'help@acme.org',
          Subject: 'Your parcel',
          TextBody: 'It is here',
          HtmlBody: '<p>It is <b>here</b></p>',
          Headers: [
            { Name: 'Auto-Submitted', Value: 'auto-generated' },
            { Name: 'List-Unsubscribe', Value: '<https://acme.org/u/1>' },
            { Name: 'List-Unsubscribe-Post', Value: 'List-Unsubscribe=One-Click' },
          ],
          Metadata: { bellhop_delivery: DELIVERY },
          MessageStream: 'outbound',
        },
      },
    },
    {
      name: 'stream, tracking and passthrough',
      message: mailOf({ text: 'Hi', passthrough: { postmark: { Tag: 'orders', Metadata: { a: 'b' } } } }),
      config: {
        from: 'news@acme.org',
        messageStream: 'broadcast',
        trackOpens: false,
        trackLinks: 'HtmlOnly',
      },
      expected: {
        body: {
          From: 'news@acme.org',
          To: 'ann@example.org',
          Subject: '',
          TextBody: 'Hi',
          HtmlBody: '<p>Hi</p>',
          Headers: [{ Name: 'Auto-Submitted', Value: 'auto-generated' }],
          Metadata: { bellhop_delivery: DELIVERY, a: 'b' },
          MessageStream: 'broadcast',
          TrackOpens: false,
          TrackLinks: 'HtmlOnly',
          Tag: 'orders',
        },
      },
    },
  ],
});

// ---------------------------------------------------------------------------------------------- answers

const classify = (status: number, ErrorCode: number, Message = '') =>
  postmark.classify({ status, headers: {}, body: JSON.stringify({ ErrorCode, Message }) }, { now: NOW });

test('the code in the body decides, not a status that looks like it', () => {
  const table: [number, number, Partial<Outcome> & Pick<Outcome, 'kind'>][] = [
    [422, 401, { kind: 'unavailable', reason: 'sender_not_allowed' }],
    [422, 402, { kind: 'rejected', reason: 'request_invalid' }],
    [422, 403, { kind: 'rejected', reason: 'request_invalid' }],
    [422, 409, { kind: 'rejected', reason: 'request_invalid' }],
    [422, 410, { kind: 'rejected', reason: 'request_invalid' }],
    [422, 11, { kind: 'rejected', reason: 'request_invalid' }],
    [422, 413, { kind: 'unavailable', reason: 'account_suspended' }],
    [422, 1101, { kind: 'rejected', reason: 'content_invalid' }],
    [422, 1235, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [422, 9999, { kind: 'rejected', reason: 'request_invalid', code: '9999' }],
    [200, 9999, { kind: 'rejected', reason: 'request_invalid' }],
    [500, 9999, { kind: 'retry', reason: 'provider_error' }],
  ];
  for (const [status, code, expected] of table) assertOutcome(classify(status, code), expected);
});

test('an invalid sender is our trouble, an invalid recipient is the recipient', () => {
  assertOutcome(classify(422, 300, "Invalid 'From' address: 'x'."), {
    kind: 'unavailable',
    reason: 'sender_not_allowed',
  });
  assertOutcome(classify(422, 300, "Error parsing 'To': Illegal email domain 'b'"), {
    kind: 'rejected',
    reason: 'recipient_invalid',
  });
});

test('an answer of 200 without a code leaves open whether the mail went out', () => {
  assertOutcome(postmark.classify({ status: 200, headers: {}, body: '<html>' }, { now: NOW }), {
    kind: 'unknown',
    reason: 'response_unreadable',
  });
});

// ---------------------------------------------------------------------------------------------- receipts

const config = { ...postmark.testConfig(), webhookPassword: new Secret('pass:word') };
const withPassword = (text: string) =>
  posted({}, { authorization: `Basic ${Buffer.from(text).toString('base64')}` });
const verify = (
  request: ReturnType<typeof posted>,
  settings: { webhookPassword?: Secret; webhookSecret?: Secret } = {},
) => postmark.receipts!.verify(request, { ...config, ...settings }, { now: NOW });

test('the name and password of the webhook are believed', () => {
  assert.equal(verify(withPassword('postmark:pass:word')), true);
  for (const wrong of ['postmark:pass', 'other:pass:word', ':', 'postmark:']) {
    assert.equal(verify(withPassword(wrong)), false, wrong);
  }
  assert.equal(verify(posted({}, { authorization: 'Basic' })), false);
  assert.equal(verify(withPassword('postmark:'), { webhookPassword: undefined }), false);
  assert.equal(verify(withPassword('postmark:'), { webhookPassword: new Secret('') }), false);
});

test('so is the secret in its own header, when there is one', () => {
  const secret = { webhookSecret: new Secret('s3cret') };
  assert.equal(verify(posted({}, { 'x-bellhop-secret': 's3cret' }), secret), true);
  assert.equal(verify(posted({}, { 'x-bellhop-secret': 's3cre' }), secret), false);
  assert.equal(verify(posted({}, { 'x-bellhop-secret': '' }), { webhookSecret: new Secret('') }), false);
  assert.equal(verify(posted({}, { 'x-bellhop-secret': 's3cret' })), false);
});

const ID = 'b7bc2f4a-e38e-4336-af7d-e6c392c2f817';
const base = { MessageID: ID, Recipient: 'ann@example.org', Metadata: { bellhop_delivery: DELIVERY } };
const parse = (record: object) => postmark.receipts!.parse(posted({ ...base, ...record }), config);
const suppress = { effect: { type: 'suppress-contact' } } as const;

test('a delivery names our delivery, the id of the answer and its time', () => {
  const DeliveredAt = '2026-11-21T12:00:00Z';
  assert.deepEqual(parse({ RecordType: 'Delivery', DeliveredAt, Details: '250 OK' }), [
    {
      event: 'delivered',
      deliveryId: DELIVERY,
      providerMessageId: ID,
      at: NOW,
      eventKey: `Delivery::${ID}:ann@example.org:${DeliveredAt}`,
    },
  ]);
});

test('each record is told in our words', () => {
  const table: [object, Partial<Receipt>][] = [
    [{ RecordType: 'Open', FirstOpen: true }, { event: 'opened' }],
    [{ RecordType: 'Click', OriginalLink: 'https://acme.org' }, { event: 'clicked' }],
    [{ RecordType: 'SpamComplaint' }, { event: 'complained', reason: 'recipient_opted_out', ...suppress }],
    [
      { RecordType: 'SubscriptionChange', SuppressSending: true, SuppressionReason: 'ManualSuppression' },
      { event: 'unsubscribed', reason: 'recipient_opted_out', ...suppress },
    ],
    ...(
      [
        ['HardBounce', 'bounced', 'recipient_invalid', true],
        ['BadEmailAddress', 'bounced', 'recipient_invalid', true],
        ['SoftBounce', 'bounced', 'recipient_unreachable', false],
        ['Transient', 'bounced', 'recipient_unreachable', false],
        ['DnsError', 'bounced', 'recipient_unreachable', false],
        ['Unknown', 'bounced', 'recipient_unreachable', false],
        ['Blocked', 'bounced', 'content_refused', false],
        ['SpamNotification', 'bounced', 'content_refused', false],
        ['DMARCPolicy', 'bounced', 'account_misconfigured', false],
        ['SMTPApiError', 'bounced', 'provider_error', false],
        ['ManuallyDeactivated', 'failed', 'recipient_opted_out', true],
        ['Unsubscribe', 'unsubscribed', 'recipient_opted_out', true],
        ['SpamComplaint', 'complained', 'recipient_opted_out', true],
        ['VirusNotification', 'failed', 'content_refused', false],
        ['TemplateRenderingFailed', 'failed', 'content_invalid', false],
      ] as const
    ).map(([Type, event, reason, isFinal]): [object, Partial<Receipt>] => [
      { RecordType: 'Bounce', Type, ID: 42 },
      { event, reason, code: Type, ...(isFinal && suppress) },
    ]),
  ];
  for (const [record, expected] of table) {
    const [receipt, ...others] = parse(record);
    assert.deepEqual(others, []);
    const { deliveryId, providerMessageId, at, eventKey, ...told } = receipt!;
    assert.deepEqual(told, expected, JSON.stringify(record));
  }
});

test('what is no end of a mail is ignored', () => {
  const records = [
    ...['AutoResponder', 'ChallengeVerification', 'AddressChange', 'Subscribe', 'constructor'].map(
      (Type) => ({
        RecordType: 'Bounce',
        Type,
      }),
    ),
    { RecordType: 'SubscriptionChange', SuppressSending: false },
    { RecordType: 'SubscriptionChange', SuppressSending: true, SuppressionReason: 'HardBounce' },
    { RecordType: 'Inbound' },
    { RecordType: 'Delivery', MessageID: null },
  ];
  for (const record of records) assert.deepEqual(parse(record), [], JSON.stringify(record));
});

test('a repeated post has the same key, a later one another', () => {
  const key = (ReceivedAt: string) => parse({ RecordType: 'Open', ReceivedAt })[0]!.eventKey;
  assert.equal(key('2026-11-21T12:00:00Z'), key('2026-11-21T12:00:00Z'));
  assert.notEqual(key('2026-11-21T12:00:00Z'), key('2026-11-21T12:00:01Z'));
});
