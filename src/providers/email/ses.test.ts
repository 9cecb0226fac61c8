import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Outcome } from '../contract.ts';
import { DELIVERY, mailOf, NOW } from './mail/testing.ts';
import ses from './ses.ts';

const own = {
  region: 'eu-central-1',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: new Secret('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'),
  from: 'Zoë, Acme <news@acme.org>',
};
const config = { ...ses.testConfig(), ...own };
const context = {
  now: NOW,
  random: (bytes: number) => new Uint8Array(bytes),
  deliveryId: DELIVERY,
  baseUrl: ses.baseUrl,
};

conformance(ses, {
  golden: [
    {
      name: 'simple content with both bodies, the pair of headers and our delivery as tag',
      message: mailOf({ ...mailOf().content, headers: { ...mailOf().content.headers, 'X-A': 'Zoë' } }),
      config: { ...own, configurationSet: 'events', fromArn: 'arn:aws:ses:eu-central-1:1:identity/acme.org' },
      expected: {
        method: 'POST',
        url: 'https://email.eu-central-1.amazonaws.com/v2/email/outbound-emails',
        body: {
          FromEmailAddress: '=?UTF-8?B?Wm/DqywgQWNtZQ==?= <news@acme.org>',
          FromEmailAddressIdentityArn: 'arn:aws:ses:eu-central-1:1:identity/acme.org',
          Destination: { ToAddresses: ['ann@example.org'] },
          ReplyToAddresses: ['help@acme.org'],
          Content: {
            Simple: {
              Subject: { Data: 'Your parcel', Charset: 'UTF-8' },
              Body: {
                Text: { Data: 'It is here', Charset: 'UTF-8' },
                Html: { Data: '<p>It is <b>here</b></p>', Charset: 'UTF-8' },
              },
              Headers: [
                { Name: 'Auto-Submitted', Value: 'auto-generated' },
                { Name: 'List-Unsubscribe', Value: '<https://acme.org/u/1>' },
                { Name: 'List-Unsubscribe-Post', Value: 'List-Unsubscribe=One-Click' },
                { Name: 'X-A', Value: '=?UTF-8?B?Wm/Dqw==?=' },
              ],
            },
          },
          EmailTags: [{ Name: 'bellhop_delivery', Value: DELIVERY }],
          ConfigurationSetName: 'events',
        },
      },
    },
  ],
});

// ---------------------------------------------------------------------------------------------- request

test('the request is signed for SES in its region, over the bytes that are sent', () => {
  const { headers, body } = ses.request(mailOf(), config, context);
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const canonical =
    'POST\n/v2/email/outbound-emails\n\ncontent-type:application/json\n' +
    'host:email.eu-central-1.amazonaws.com\nx-amz-date:20261121T120000Z\n\n' +
    `content-type;host;x-amz-date\n${sha256(String(body))}`;
  const text = `AWS4-HMAC-SHA256\n20261121T120000Z\n20261121/eu-central-1/ses/aws4_request\n${sha256(canonical)}`;
  let key: Buffer | string = `AWS4${own.secretAccessKey.reveal()}`;
  for (const part of ['20261121', 'eu-central-1', 'ses', 'aws4_request'])
    key = createHmac('sha256', key).update(part).digest();
  assert.equal(
    (headers.authorization as Secret).reveal(),
    'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261121/eu-central-1/ses/aws4_request, ' +
      `SignedHeaders=content-type;host;x-amz-date, Signature=${createHmac('sha256', key).update(text).digest('hex')}`,
  );
  assert.deepEqual(Object.keys(headers).sort(), ['authorization', 'content-type', 'x-amz-date']);
});

test('temporary credentials send their token', () => {
  const { headers } = ses.request(mailOf(), { ...config, sessionToken: new Secret('s1') }, context);
  assert.equal((headers['x-amz-security-token'] as Secret).reveal(), 's1');
});

test('China has a domain of its own, and a base URL that was set comes first', () => {
  const urlOf = (settings: object, baseUrl = ses.baseUrl) =>
    ses.request(mailOf(), { ...config, ...settings }, { ...context, baseUrl }).url;
  assert.match(
    String(urlOf({ region: 'cn-north-1' })),
    /^https:\/\/email\.cn-north-1\.amazonaws\.com\.cn\/v2\//,
  );
  assert.match(String(urlOf({}, 'https://vpce.acme.org')), /^https:\/\/vpce\.acme\.org\/v2\//);
});

// ---------------------------------------------------------------------------------------------- answers

const classify = (status: number, type: string, message = '', inBody = false) =>
  ses.classify(
    inBody
      ? { status, headers: {}, body: JSON.stringify({ __type: type, message }) }
      : { status, headers: { 'x-amzn-errortype': type }, body: JSON.stringify({ message }) },
    { now: NOW },
  );

test('the type of an error decides, wherever it stands', () => {
  const table: [number, string, Partial<Outcome> & Pick<Outcome, 'kind'>][] = [
    [400, 'AccountSuspendedException', { kind: 'unavailable', reason: 'account_suspended' }],
    [400, 'MailFromDomainNotVerifiedException', { kind: 'unavailable', reason: 'sender_not_allowed' }],
    [400, 'LimitExceededException', { kind: 'unavailable', reason: 'quota_exhausted' }],
    [400, 'BadRequestException', { kind: 'rejected', reason: 'request_invalid' }],
    [400, 'Throttling', { kind: 'retry', reason: 'rate_limited', scope: 'connection' }],
    [403, 'InvalidClientTokenId', { kind: 'unavailable', reason: 'credentials_invalid' }],
    [403, 'ExpiredToken', { kind: 'unavailable', reason: 'credentials_expired' }],
    [403, 'AccessDeniedException', { kind: 'unavailable', reason: 'account_misconfigured' }],
    [400, 'RequestExpired', { kind: 'unavailable', reason: 'account_misconfigured' }],
    [500, 'InternalFailure', { kind: 'retry', reason: 'provider_error' }],
    [418, 'NewOneException', { kind: 'rejected', reason: 'request_invalid', code: 'NewOneException' }],
    [502, 'constructor', { kind: 'unknown', reason: 'provider_error' }],
  ];
  for (const [status, type, expected] of table) {
    assertOutcome(classify(status, type), expected);
    assertOutcome(classify(status, `com.amazonaws.sesv2#${type}`, '', true), expected);
  }
});

test('a bad request is told apart by its words, and suppresses nobody', () => {
  for (const said of [
    "Missing final '@domain'",
    'Illegal address',
    'Local address contains control or whitespace',
  ])
    assert.deepEqual(classify(400, 'BadRequestException', said), {
      kind: 'rejected',
      reason: 'recipient_invalid',
      code: 'BadRequestException',
    });
  assertOutcome(classify(400, 'BadRequestException', 'Message length is more than 41943040 bytes long'), {
    kind: 'rejected',
    reason: 'content_too_large',
  });
});
