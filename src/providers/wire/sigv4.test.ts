import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { signAwsRequest } from './sigv4.ts';

// The test suite that AWS published for Signature Version 4, with the credentials and the moment of all its cases.
const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: new Secret('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'),
};
const scope = { region: 'us-east-1', service: 'service', now: Date.UTC(2015, 7, 30, 12, 36) };
const URL_OF_SUITE = 'https://example.amazonaws.com/';

function signatureOf(request: object, settings: object = {}, more: object = {}): string {
  const whole = { method: 'GET', url: URL_OF_SUITE, headers: {}, body: '', ...request };
  const signed = signAwsRequest(whole, { ...credentials, ...more }, { ...scope, ...settings });
  assert.equal(signed['x-amz-date'], '20150830T123600Z');
  return (signed.authorization as Secret).reveal();
}

const expected = (names: string, signature: string, service = 'service') =>
  `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/${service}/aws4_request, ` +
  `SignedHeaders=${names}, Signature=${signature}`;

test('get-vanilla', () => {
  assert.equal(
    signatureOf({}),
    expected('host;x-amz-date', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'),
  );
});

test('post-vanilla', () => {
  assert.equal(
    signatureOf({ method: 'POST' }),
    expected('host;x-amz-date', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'),
  );
});

test('post-x-www-form-urlencoded', () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  assert.equal(
    signatureOf({ method: 'POST', headers, body: 'Param1=value1' }),
    expected(
      'content-type;host;x-amz-date',
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ),
  );
});

test('get-vanilla-query-order-key-case', () => {
  assert.equal(
    signatureOf({ url: `${URL_OF_SUITE}?Param2=value2&Param1=value1` }),
    expected('host;x-amz-date', 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500'),
  );
});

test("the example of IAM's own guide: ListUsers", () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const url = 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08';
  assert.equal(
    signatureOf({ url, headers }, { service: 'iam' }),
    expected(
      'content-type;host;x-amz-date',
      '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
      'iam',
    ),
  );
});

test('the token of temporary credentials is sent and signed', () => {
  const authorization = signatureOf({}, {}, { sessionToken: new Secret('session') });
  assert.match(authorization, /SignedHeaders=host;x-amz-date;x-amz-security-token,/);
});
