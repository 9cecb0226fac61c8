import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext } from '../contract.ts';
import twilio from './twilio.ts';

const ACCOUNT = `AC${'0'.repeat(32)}`;
const SERVICE = `MG${'1'.repeat(32)}`;
const config = { accountSid: ACCOUNT, authToken: new Secret('12345'), from: '+15005550006' };
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: 'https://api.twilio.com',
};

function message(content: Content, expiresAt?: number): Message {
  const recipient = { address: '+14155550100' };
  return { channel: 'sms', recipient, content, priority: 'high', category: 'otp', userId: 'u1', expiresAt };
}

// ---------------------------------------------------------------------------------------------- request

conformance(twilio, {
  golden: [
    {
      name: 'a form with the text, the callback and the time left',
      message: message({ body: 'Código: 1 & 2' }, context.now + 90_500),
      config,
      context: { callbackUrl: 'https://bellhop.example/v1/receipts/c1?delivery=d1' },
      expected: {
        method: 'POST',
        url: `https://api.twilio.com/2010-04-01/Accounts/${ACCOUNT}/Messages.json`,
        headers: {
          authorization: `Basic ${btoa(`${ACCOUNT}:12345`)}`,
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
        },
        body:
          'To=%2B14155550100&From=%2B15005550006&Body=C%C3%B3digo%3A+1+%26+2' +
          '&StatusCallback=https%3A%2F%2Fbellhop.example%2Fv1%2Freceipts%2Fc1%3Fdelivery%3Dd1&ValidityPeriod=90',
      },
    },
  ],
});

test('an API key authenticates before the auth token', () => {
  const keys = { apiKeySid: 'SK1', apiKeySecret: new Secret('s') };
  const { headers } = twilio.request(message({ body: 'x' }), { ...config, ...keys }, context);
  assert.equal((headers.authorization as Secret).reveal(), `Basic ${btoa('SK1:s')}`);
});

test('a messaging service chooses the sender', () => {
  const request = twilio.request(
    message({ body: 'x' }),
    { ...config, messagingServiceSid: SERVICE },
    context,
  );
  assert.equal(request.body, `To=%2B14155550100&MessagingServiceSid=${SERVICE}&Body=x`);
});

test('the validity period stays between 1 and 36000 seconds', () => {
  const validity = (ms: number) =>
    new URLSearchParams(
      String(twilio.request(message({ body: 'x' }, context.now + ms), config, context).body),
    ).get('ValidityPeriod');
  assert.equal(validity(-1), '1');
  assert.equal(validity(999), '1');
  assert.equal(validity(86_400_000), '36000');
});

test('passthrough parameters replace ours, lists repeat and objects become JSON', () => {
  const extra = {
    Body: [],
    MediaUrl: ['https://a.org/1', 'https://a.org/2'],
    ContentVariables: { 1: 'x' },
    RiskCheck: 'disable',
  };
  const { body } = twilio.request(message({ body: 'x', passthrough: { twilio: extra } }), config, context);
  assert.deepEqual([...new URLSearchParams(String(body))].slice(2), [
    ['MediaUrl', 'https://a.org/1'],
    ['MediaUrl', 'https://a.org/2'],
    ['ContentVariables', '{"1":"x"}'],
    ['RiskCheck', 'disable'],
  ]);
});

// ---------------------------------------------------------------------------------------------- classify

const suppress = { effect: { type: 'suppress-contact' } } as const;
const REFUSALS: [codes: string, status: number, outcome: Partial<Outcome>][] = [
  [
    '21211 21217 21614 21265 60205 21635 21662',
    400,
    { kind: 'rejected', reason: 'recipient_invalid', ...suppress },
  ],
  ['21610', 400, { kind: 'rejected', reason: 'recipient_opted_out', ...suppress }],
  ['21612 21214', 400, { kind: 'rejected', reason: 'recipient_unreachable', effect: undefined }],
  ['21408 21608 21219', 400, { kind: 'rejected', reason: 'account_misconfigured', effect: undefined }],
  ['21602 21619 21620 21623 21654 21655 21656', 400, { kind: 'rejected', reason: 'content_invalid' }],
  ['21605 21617', 400, { kind: 'rejected', reason: 'content_too_large' }],
  ['21618', 400, { kind: 'rejected', reason: 'content_refused' }],
  ['21604 21609 21624', 400, { kind: 'rejected', reason: 'request_invalid' }],
  [
    '21212 21601 21603 21606 21607 21616 21621 21622 21659 21660 21661',
    400,
    { kind: 'unavailable', reason: 'sender_not_allowed' },
  ],
  ['21701 21703 21704 21705 21709 21711', 400, { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['20404', 404, { kind: 'unavailable', reason: 'account_misconfigured' }],
  ['20003', 401, { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['20003', 403, { kind: 'unavailable', reason: 'credentials_invalid' }],
  ['10001 20005', 401, { kind: 'unavailable', reason: 'account_suspended' }],
  ['63038', 429, { kind: 'unavailable', reason: 'quota_exhausted', afterMs: 3_600_000 }],
  ['21611', 429, { kind: 'retry', reason: 'rate_limited', afterMs: 60_000, scope: 'connection' }],
  ['20429', 429, { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' }],
  ['14107', 429, { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'message' }],
  ['20500', 500, { kind: 'retry', reason: 'provider_error' }],
  ['20503', 503, { kind: 'retry', reason: 'provider_unavailable' }],
  // Not in the table.
  ['21699', 400, { kind: 'rejected', reason: 'request_invalid' }],
  ['29999', 400, { kind: 'unavailable', reason: 'account_misconfigured' }],
];

for (const [codes, status, expected] of REFUSALS) {
  for (const code of codes.split(' ')) {
    test(`${status} ${code}: ${expected.kind}`, () => {
      const body = JSON.stringify({ code: Number(code), message: 'm', status });
      assertOutcome(twilio.classify({ status, headers: {}, body }, context), { ...expected, code });
    });
  }
}

test('Retry-After is honoured before our own pause', () => {
  const headers = { 'retry-after': '7' };
  assertOutcome(twilio.classify({ status: 429, headers, body: '{"code":20429}' }, context), {
    kind: 'retry',
    afterMs: 7_000,
  });
});

test('an answer without a code goes by its status', () => {
  const cases: [number, Partial<Outcome>][] = [
    [401, { kind: 'unavailable', reason: 'credentials_invalid' }],
    [413, { kind: 'rejected', reason: 'content_too_large' }],
    [429, { kind: 'retry', reason: 'rate_limited' }],
    [503, { kind: 'retry', reason: 'provider_unavailable' }],
    [500, { kind: 'unknown', reason: 'provider_error' }],
    [502, { kind: 'unknown', reason: 'provider_error' }],
    [301, { kind: 'unavailable', reason: 'account_misconfigured' }],
    [201, { kind: 'unknown', reason: 'response_unreadable' }],
  ];
  for (const [status, expected] of cases) {
    for (const body of ['', '<html>', '{}', '{"code":{"toString":1}}']) {
      assertOutcome(twilio.classify({ status, headers: {}, body }, context), expected);
    }
  }
});

test('every example is classified as it says', () => {
  for (const { reply, outcome } of Object.values(twilio.examples))
    assertOutcome(twilio.classify(reply, context), outcome);
});

test('a text that was approved is named with its variables, in the place of words', () => {
  const approved = { id: 'HXb5b62575e6e4ff6129ad7c8efe1f983e', parameters: { 1: 'Ada', 2: '7' } };
  const content = { body: 'Your parcel is here', vendorTemplates: { twilio: approved } };
  const form = new URLSearchParams(String(twilio.request(message(content), config, context).body));
  assert.equal(form.get('ContentSid'), 'HXb5b62575e6e4ff6129ad7c8efe1f983e');
  assert.equal(form.get('ContentVariables'), '{"1":"Ada","2":"7"}');
  assert.equal(form.has('Body'), false);
});
