import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome, revealAll } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, Message, Outcome, RequestContext } from '../contract.ts';
import snsPush from './sns-push.ts';

const DELIVERY = '019aa6b0-0000-7000-8000-000000000001';
const config = {
  region: 'us-east-1',
  accessKeyId: 'AKIDEXAMPLEAKIDEXAMPLE',
  secretAccessKey: new Secret('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'),
};
const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: DELIVERY,
  baseUrl: snsPush.baseUrl,
};
const arn = (vendor: string, region = 'eu-central-1') =>
  `arn:aws:sns:${region}:123456789012:endpoint/${vendor}/shop/3f9d6b7a-0000-4000-8000-000000000001`;

function message(vendor: string, content: Content, expiresAt?: number): Message {
  const recipient = { address: arn(vendor), platform: vendor === 'GCM' ? 'android' : 'ios' } as const;
  return { channel: 'push', recipient, content, priority: 'high', category: 'c', userId: 'u1', expiresAt };
}
const formOf = (one: Message) =>
  new URLSearchParams(String(snsPush.request(one, config, context).body)) as URLSearchParams;
const messagesOf = (one: Message) => JSON.parse(formOf(one).get('Message')!);

// ---------------------------------------------------------------------------------------------- request

conformance(snsPush, {
  golden: [
    {
      name: 'a Publish to an Apple endpoint, with the payload as text within text',
      message: message('APNS_SANDBOX', { title: 'T', body: 'B' }, context.now + 90_500),
      config,
      expected: {
        method: 'POST',
        url: 'https://sns.eu-central-1.amazonaws.com/',
        body:
          'Action=Publish&Version=2010-03-31' +
          '&TargetArn=arn%3Aaws%3Asns%3Aeu-central-1%3A123456789012%3Aendpoint%2FAPNS_SANDBOX%2Fshop%2F3f9d6b7a-0000-4000-8000-000000000001' +
          '&MessageStructure=json' +
          '&Message=%7B%22default%22%3A%22-%22%2C%22APNS_SANDBOX%22%3A%22%7B%5C%22aps%5C%22%3A%7B%5C%22alert%5C%22%3A%7B%5C%22title%5C%22%3A%5C%22T%5C%22%2C%5C%22body%5C%22%3A%5C%22B%5C%22%7D%2C%5C%22sound%5C%22%3A%5C%22default%5C%22%2C%5C%22category%5C%22%3A%5C%22c%5C%22%7D%7D%22%7D' +
          '&MessageAttributes.entry.1.Name=AWS.SNS.MOBILE.APNS.PUSH_TYPE&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=alert' +
          '&MessageAttributes.entry.2.Name=AWS.SNS.MOBILE.APNS.PRIORITY&MessageAttributes.entry.2.Value.DataType=String&MessageAttributes.entry.2.Value.StringValue=10' +
          `&MessageAttributes.entry.3.Name=AWS.SNS.MOBILE.APNS.COLLAPSE_ID&MessageAttributes.entry.3.Value.DataType=String&MessageAttributes.entry.3.Value.StringValue=${DELIVERY}` +
          '&MessageAttributes.entry.4.Name=AWS.SNS.MOBILE.APNS_SANDBOX.TTL&MessageAttributes.entry.4.Value.DataType=String&MessageAttributes.entry.4.Value.StringValue=90',
      },
    },
  ],
});

test("an Android endpoint gets Google's message in the form of HTTP v1, without a token", () => {
  const one = message('GCM', { title: 'T', body: 'B', data: { n: 1 } }, context.now + 3_600_000);
  assert.deepEqual(JSON.parse(messagesOf(one).GCM), {
    fcmV1Message: {
      message: {
        notification: { title: 'T', body: 'B' },
        data: { n: '1' },
        android: { priority: 'HIGH', ttl: '3600s', notification: { tag: DELIVERY, sound: 'default' } },
      },
    },
  });
  const form = formOf(one);
  assert.equal(form.get('MessageAttributes.entry.1.Name'), 'AWS.SNS.MOBILE.FCM.TTL');
  assert.equal(form.get('MessageAttributes.entry.1.Value.StringValue'), '3600');
  assert.equal(form.has('MessageAttributes.entry.2.Name'), false);
});

test('a silent push to an Apple device goes in the background', () => {
  const one = message('APNS', { silent: true, title: 'Unseen', data: { sync: 'now' } });
  assert.deepEqual(JSON.parse(messagesOf(one).APNS), { sync: 'now', aps: { 'content-available': 1 } });
  const form = formOf(one);
  assert.equal(form.get('MessageAttributes.entry.1.Value.StringValue'), 'background');
  assert.equal(form.get('MessageAttributes.entry.2.Value.StringValue'), '5');
});

test('endpoints of other vendors get the text, and a token that is no endpoint goes by its platform', () => {
  assert.deepEqual(messagesOf(message('ADM', { title: 'T', body: 'B' })), { default: 'B' });
  const recipient = { address: 'abc', platform: 'macos' } as const;
  assert.deepEqual(Object.keys(messagesOf({ ...message('GCM', {}), recipient })), ['default', 'MACOS']);
});

test("the endpoint's own region is asked and signed for, a base URL comes before it", () => {
  const request = (address: string, baseUrl = snsPush.baseUrl) => {
    const one = { ...message('GCM', {}), recipient: { address, platform: 'android' as const } };
    return revealAll(snsPush.request(one, config, { ...context, baseUrl })) as {
      url: string;
      headers: { authorization: string };
    };
  };
  assert.equal(request(arn('GCM', 'ap-northeast-1')).url, 'https://sns.ap-northeast-1.amazonaws.com/');
  assert.match(
    request(arn('GCM', 'ap-northeast-1')).headers.authorization,
    /\/20261121\/ap-northeast-1\/sns\//,
  );
  assert.equal(request('abc').url, 'https://sns.us-east-1.amazonaws.com/');
  // Whoever registers a device may not choose a host.
  assert.equal(
    request('arn:aws:sns:evil.example/x:1:endpoint/GCM/a/b').url,
    'https://sns.us-east-1.amazonaws.com/',
  );
  assert.equal(request(arn('GCM'), 'http://127.0.0.1:4566').url, 'http://127.0.0.1:4566/');
});

test("passthrough goes to Apple's and Google's payloads by their names, and to the request by ours", () => {
  const passthrough = {
    'sns-push': { Subject: 's' },
    apns: { aps: { 'thread-id': 'x' } },
    fcm: { android: { direct_boot_ok: true } },
  };
  assert.equal(formOf(message('APNS', { passthrough })).get('Subject'), 's');
  assert.equal(JSON.parse(messagesOf(message('APNS', { passthrough })).APNS).aps['thread-id'], 'x');
  const { android } = JSON.parse(messagesOf(message('GCM', { passthrough })).GCM).fcmV1Message.message;
  assert.equal(android.direct_boot_ok, true);
});

// ---------------------------------------------------------------------------------------------- classify

const gone = { kind: 'rejected', reason: 'device_unregistered', effect: { type: 'prune-device' } } as const;
const misconfigured = { kind: 'unavailable', reason: 'account_misconfigured' } as const;
const REFUSALS: [status: number, codes: string, said: string, outcome: Partial<Outcome>][] = [
  [400, 'EndpointDisabled', 'Endpoint is disabled', gone],
  [404, 'NotFound', 'Endpoint does not exist', gone],
  [404, 'NotFound', 'PlatformApplication does not exist', misconfigured],
  [404, 'NotFound', 'Topic does not exist', misconfigured],
  [400, 'InvalidParameter ParameterValueInvalid', 'Invalid parameter: TargetArn Reason: x', gone],
  [
    400,
    'InvalidParameter',
    'Invalid parameter: Message too long',
    { kind: 'rejected', reason: 'content_too_large' },
  ],
  [
    400,
    'InvalidParameter ParameterValueInvalid ValidationError MissingParameter',
    'x',
    { kind: 'rejected', reason: 'request_invalid', effect: undefined },
  ],
  [400, 'PlatformApplicationDisabled', '', misconfigured],
  [403, 'AuthorizationError AccessDenied', '', misconfigured],
  [400, 'KMSAccessDenied KMSDisabled KMSInvalidState KMSNotFound KMSOptInRequired', '', misconfigured],
  [
    403,
    'InvalidSecurity InvalidClientTokenId SignatureDoesNotMatch',
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
  [429, 'Throttled', '', { kind: 'retry', reason: 'rate_limited' }],
  [500, 'InternalError InternalFailure', '', { kind: 'retry', reason: 'provider_error' }],
  [503, 'ServiceUnavailable', '', { kind: 'retry', reason: 'provider_unavailable' }],
  // Not in the table.
  [400, 'SomethingNew', '', { kind: 'rejected', reason: 'request_invalid' }],
  [403, 'SomethingNew', '', misconfigured],
  [500, 'SomethingNew', '', { kind: 'retry', reason: 'provider_error' }],
];

for (const [status, codes, said, expected] of REFUSALS) {
  for (const code of codes.split(' ')) {
    test(`${status} ${code} "${said}": ${expected.kind}`, () => {
      const body = `<ErrorResponse><Error><Code>${code}</Code><Message>${said}</Message></Error></ErrorResponse>`;
      assertOutcome(snsPush.classify({ status, headers: {}, body }, context), { ...expected, code });
    });
  }
}

test('an answer that AWS did not write may hide a message that was sent', () => {
  for (const status of [200, 500, 502, 504])
    assertOutcome(snsPush.classify({ status, headers: {}, body: '<html>' }, context), { kind: 'unknown' });
});
