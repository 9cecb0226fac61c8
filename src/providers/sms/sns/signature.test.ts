import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../../lib/secret.ts';
import { signAws } from './signature.ts';

const NOW = Date.UTC(2015, 7, 30, 12, 36);
const keys = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: new Secret('wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'),
};

test("the request of AWS's own documentation has its signature", () => {
  const request = {
    method: 'GET',
    url: new URL('https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08'),
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: '',
  };
  assert.deepEqual(signAws(request, { region: 'us-east-1', service: 'iam', now: NOW }, keys), {
    'x-amz-date': '20150830T123600Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, ' +
      'SignedHeaders=content-type;host;x-amz-date, ' +
      'Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  });
});

// https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html
const SUITE: [
  name: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: string,
  signature: string,
][] = [
  ['get-vanilla', 'GET', '/', {}, '', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  [
    'get-vanilla-query-order-key-case',
    'GET',
    '/?Param2=value2&Param1=value1',
    {},
    '',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
  ['post-vanilla', 'POST', '/', {}, '', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
  [
    'post-x-www-form-urlencoded',
    'POST',
    '/',
    { 'content-type': 'application/x-www-form-urlencoded' },
    'Param1=value1',
    'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  ],
];

for (const [name, method, path, headers, body, signature] of SUITE) {
  test(`the request ${name} of the test suite has its signature`, () => {
    const request = { method, url: new URL(`https://example.amazonaws.com${path}`), headers, body };
    const { authorization } = signAws(request, { region: 'us-east-1', service: 'service', now: NOW }, keys);
    assert.ok(String(authorization).endsWith(`Signature=${signature}`), String(authorization));
  });
}

test('a session token is signed and sent, and not printed', () => {
  const request = {
    method: 'POST',
    url: new URL('https://sns.us-east-1.amazonaws.com/'),
    headers: {},
    body: 'a=b',
  };
  const place = { region: 'us-east-1', service: 'sns', now: NOW };
  const sign = (sessionToken?: Secret) =>
    signAws(request, place, { ...keys, ...(sessionToken && { sessionToken }) });
  const token = new Secret('the-session-token');
  const headers = sign(token);
  assert.match(String(headers.authorization), /SignedHeaders=host;x-amz-date;x-amz-security-token, /);
  assert.equal(headers['x-amz-security-token'], token);
  assert.notEqual(String(headers.authorization), String(sign(new Secret('another')).authorization));
  assert.doesNotMatch(JSON.stringify(headers), /the-session-token/);
});
