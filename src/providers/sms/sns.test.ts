import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome, revealAll } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Message, Outcome, RequestContext } from '../contract.ts';
import sns from './sns.ts';

const config = {
  region: 'eu-central-1',
  accessKeyId: 'AKIDEXAMPLEAKIDEXAMPLE',
  secretAccessKey: new Secret('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'),
  smsType: 'Transactional',
};
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: sns.baseUrl,
};

function message(content: Message['content']): Message {
  const recipient = { address: '+4915112345678' };
  return { channel: 'sms', recipient, content, priority: 'high', category: 'otp', userId: 'u1' };
}
const formOf = (one: Message, settings: object = {}) =>
  new URLSearchParams(String(sns.request(one, { ...config, ...settings }, context).body));

// ---------------------------------------------------------------------------------------------- request

conformance(sns, {
  golden: [
    {
      name: 'a Publish to the number, signed for the region',
      message: message({ body: 'Ihr Code: 1 & 2' }),
      config,
      expected: {
        method: 'POST',
        url: 'https://sns.eu-central-1.amazonaws.com/',
        body:
          'Action=Publish&Version=2010-03-31&PhoneNumber=%2B4915112345678&Message=Ihr+Code%3A+1+%26+2' +
          '&MessageAttributes.entry.1.Name=AWS.SNS.SMS.SMSType&MessageAttributes.entry.1.Value.DataType=String' +
          '&MessageAttributes.entry.1.Value.StringValue=Transactional',
      },
    },
  ],
});

test('the signature names the day, the region, the service and what is signed', () => {
  const { headers } = revealAll(sns.request(message({ body: 'x' }), config, context)) as {
    headers: Record<string, string>;
  };
  assert.equal(headers['content-type'], 'application/x-www-form-urlencoded; charset=utf-8');
  assert.equal(headers['x-amz-date'], '20261121T120000Z');
  assert.match(
    headers.authorization!,
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLEAKIDEXAMPLE\/20261121\/eu-central-1\/sns\/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}$/,
  );
});

test('each region has its endpoint, and a base URL of its own comes before it', () => {
  const urlOf = (region: string, baseUrl = sns.baseUrl) =>
    sns.request(message({ body: 'x' }), { ...config, region }, { ...context, baseUrl }).url;
  assert.equal(urlOf('us-east-1'), 'https://sns.us-east-1.amazonaws.com/');
  assert.equal(urlOf('cn-north-1'), 'https://sns.cn-north-1.amazonaws.com.cn/');
  assert.equal(urlOf('us-gov-west-1'), 'https://sns.us-gov-west-1.amazonaws.com/');
  assert.equal(urlOf('eu-west-1', 'http://127.0.0.1:4566'), 'http://127.0.0.1:4566/');
});

test('attributes are numbered in order, those that are not set are left out', () => {
  const settings = {
    senderId: 'Shop',
    maxPrice: 0.5,
    originationNumber: '+491511',
    entityId: 'e',
    templateId: 't',
  };
  const form = formOf(message({ title: 'x' }), settings);
  const entries = [1, 2, 3, 4, 5, 6].map((n) =>
    ['Name', 'Value.DataType', 'Value.StringValue'].map((part) =>
      form.get(`MessageAttributes.entry.${n}.${part}`),
    ),
  );
  assert.deepEqual(entries, [
    ['AWS.SNS.SMS.SenderID', 'String', 'Shop'],
    ['AWS.SNS.SMS.SMSType', 'String', 'Transactional'],
    ['AWS.SNS.SMS.MaxPrice', 'Number', '0.5'],
    ['AWS.MM.SMS.OriginationNumber', 'String', '+491511'],
    ['AWS.MM.SMS.EntityId', 'String', 'e'],
    ['AWS.MM.SMS.TemplateId', 'String', 't'],
  ]);
  assert.equal(form.has('MessageAttributes.entry.7.Name'), false);
});

test('passthrough parameters replace ours', () => {
  const extra = { Message: 'y', Subject: { a: 1 } };
  const form = formOf(message({ body: 'x', passthrough: { sns: extra } }));
  assert.deepEqual([form.get('Message'), form.get('Subject')], ['y', '{"a":1}']);
});

// ---------------------------------------------------------------------------------------------- classify

const suppress = { effect: { type: 'suppress-contact' } } as const;
const INVALID_NUMBER = 'Invalid parameter: PhoneNumber Reason: +1500 is not valid to publish to';
const REFUSALS: [status: number, codes: string, said: string, outcome: Partial<Outcome>][] = [
  [
    400,
    'InvalidParameter ParameterValueInvalid',
    INVALID_NUMBER,
    { kind: 'rejected', reason: 'recipient_invalid', ...suppress },
  ],
  [
    400,
    'InvalidParameter ParameterValueInvalid',
    'Invalid parameter: Message Reason: no PhoneNumber here',
    { kind: 'rejected', reason: 'request_invalid', effect: undefined },
  ],
  [
    400,
    'InvalidParameter',
    'Invalid parameter: Message too long',
    { kind: 'rejected', reason: 'content_too_large' },
  ],
  [
    403,
    'AuthorizationError',
    'Phone number is opted out',
    { kind: 'rejected', reason: 'recipient_opted_out', ...suppress },
  ],
  [400, 'OptedOut', '', { kind: 'rejected', reason: 'recipient_opted_out', ...suppress }],
  [400, 'EndpointDisabled', '', { kind: 'rejected', reason: 'recipient_unreachable' }],
  [400, 'PlatformApplicationDisabled', '', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [404, 'NotFound', '', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [403, 'AuthorizationError AccessDenied', '', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [
    400,
    'KMSAccessDenied KMSDisabled KMSInvalidState KMSNotFound KMSOptInRequired',
    '',
    { kind: 'unavailable', reason: 'account_misconfigured' },
  ],
  [
    403,
    'InvalidSecurity InvalidClientTokenId SignatureDoesNotMatch IncompleteSignature MissingAuthenticationToken',
    '',
    { kind: 'unavailable', reason: 'credentials_invalid' },
  ],
  [403, 'ExpiredToken', '', { kind: 'unavailable', reason: 'credentials_expired' }],
  [
    400,
    'Throttled Throttling ThrottlingException KMSThrottling',
    '',
    { kind: 'retry', reason: 'rate_limited', afterMs: 1_000, scope: 'connection' },
  ],
  [500, 'InternalError InternalFailure', '', { kind: 'retry', reason: 'provider_error' }],
  [503, 'ServiceUnavailable', '', { kind: 'retry', reason: 'provider_unavailable' }],
  // Not in the table.
  [400, 'SomethingNew', '', { kind: 'rejected', reason: 'request_invalid' }],
  [403, 'SomethingNew', '', { kind: 'unavailable', reason: 'account_misconfigured' }],
  [500, 'SomethingNew', '', { kind: 'retry', reason: 'provider_error' }],
];

for (const [status, codes, said, expected] of REFUSALS) {
  for (const code of codes.split(' ')) {
    test(`${status} ${code} "${said}": ${expected.kind}`, () => {
      const error = `<Type>Sender</Type><Code>${code}</Code><Message>${said}</Message>`;
      const body = `<ErrorResponse><Error>${error}</Error><RequestId>r</RequestId></ErrorResponse>`;
      assertOutcome(sns.classify({ status, headers: {}, body }, context), { ...expected, code });
    });
  }
}

test('an answer without a code goes by its status', () => {
  const cases: [number, Partial<Outcome>][] = [
    [400, { kind: 'rejected', reason: 'request_invalid' }],
    [413, { kind: 'rejected', reason: 'content_too_large' }],
    [429, { kind: 'retry', reason: 'rate_limited' }],
    [503, { kind: 'retry', reason: 'provider_unavailable' }],
    [500, { kind: 'unknown', reason: 'provider_error' }],
    [200, { kind: 'unknown', reason: 'response_unreadable' }],
    [307, { kind: 'unavailable', reason: 'account_misconfigured' }],
  ];
  for (const [status, expected] of cases) {
    for (const body of ['', '<html>', '{}', '<MessageId></MessageId>', '<Code>a b</Code>'])
      assertOutcome(sns.classify({ status, headers: {}, body }, context), { ...expected, code: `${status}` });
  }
});
