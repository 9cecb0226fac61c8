import assert from 'node:assert/strict';
import { createHash, createSign, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { posted } from '../mail/testing.ts';
import ses from '../ses.ts';
import { textToSign } from './sns.ts';

const TOPIC = 'arn:aws:sns:us-east-1:123456789012:bellhop';
const CERTIFICATE_URL = 'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem';
const { verify, certificateUrl, confirmationUrl } = ses.receipts!;
const config = { ...ses.testConfig(), topicArn: TOPIC };

// Amazon's key cannot sign for us: a pair of our own stands in, and its public half for the certificate.
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = (pair_ = pair) => pair_.publicKey.export({ type: 'spki', format: 'pem' }) as string;

function envelopeOf(fields: object = {}): Record<string, string> {
  return {
    Type: 'Notification',
    MessageId: 'm1',
    TopicArn: TOPIC,
    Subject: 's',
    Message: 'hello',
    Timestamp: '2026-01-01T00:00:00.000Z',
    SignatureVersion: '1',
    SigningCertURL: CERTIFICATE_URL,
    ...fields,
  };
}
function signed(fields: object = {}, changed: object = {}) {
  const envelope = envelopeOf(fields);
  const sign = createSign(envelope.SignatureVersion === '2' ? 'sha256' : 'sha1');
  const Signature = sign.update(textToSign(envelope)!).sign(pair.privateKey, 'base64');
  return posted({ ...envelope, Signature, ...changed });
}
const check = (request: ReturnType<typeof signed>, { certificate = pem(), settings = {} } = {}) =>
  verify(request, { ...config, ...settings }, { now: 0, certificate });

const CONFIRMATION = {
  Type: 'SubscriptionConfirmation',
  Token: 't1',
  SubscribeURL: 'https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=t1',
};

test('the text to sign is that of the vector', () => {
  const text = textToSign(envelopeOf({ TopicArn: 'arn:aws:sns:us-east-1:1:t' }));
  assert.equal(
    text,
    'Message\nhello\nMessageId\nm1\nSubject\ns\nTimestamp\n2026-01-01T00:00:00.000Z\n' +
      'TopicArn\narn:aws:sns:us-east-1:1:t\nType\nNotification\n',
  );
  assert.equal(
    createHash('sha256').update(text).digest('hex'),
    'f8e4ba838fad33485c6b148385be571d4dbe5584c4c9b45dde9151643a6ada40',
  );
});

test('all three types verify, with SHA-1 and SHA-256, with and without a subject', () => {
  for (const SignatureVersion of ['1', '2']) {
    assert.equal(check(signed({ SignatureVersion })), true);
    assert.equal(check(signed({ SignatureVersion, Subject: undefined })), true);
    assert.equal(check(signed({ ...CONFIRMATION, SignatureVersion })), true);
    assert.equal(check(signed({ ...CONFIRMATION, Type: 'UnsubscribeConfirmation', SignatureVersion })), true);
  }
});

test('what was changed, signed by another key, or by nobody does not verify', () => {
  assert.equal(check(signed({}, { Message: 'other' })), false);
  assert.equal(check(signed({}, { Subject: undefined })), false);
  assert.equal(check(signed({}, { SignatureVersion: '2' })), false);
  assert.equal(check(signed({}, { SignatureVersion: '3' })), false);
  assert.equal(check(signed({}, { Type: 'Other' })), false);
  assert.equal(check(signed({}, { Signature: '' })), false);
  assert.equal(
    check(signed(), { certificate: pem(generateKeyPairSync('rsa', { modulusLength: 2048 })) }),
    false,
  );
  assert.equal(check(signed(), { certificate: 'no certificate' }), false);
  assert.equal(verify(signed(), config, { now: 0 }), false);
});

test('another topic is refused although Amazon signed it', () => {
  const foreign = { TopicArn: 'arn:aws:sns:us-east-1:999999999999:theirs' };
  assert.equal(check(signed(foreign)), false);
  assert.equal(check(signed(), { settings: { topicArn: undefined } }), false);
  assert.equal(certificateUrl!(signed(foreign), config), null);
  assert.equal(confirmationUrl!(signed({ ...CONFIRMATION, ...foreign }), config), null);
  assert.equal(confirmationUrl!(signed(CONFIRMATION), { ...config, topicArn: undefined }), null);
});

test('a topic that signs with SHA-256 can be held to it', () => {
  const settings = { sha256Only: true };
  assert.equal(check(signed({ SignatureVersion: '1' }), { settings }), false);
  assert.equal(check(signed({ SignatureVersion: '2' }), { settings }), true);
});

test('a certificate is looked for at SNS alone', () => {
  const at = (SigningCertURL: unknown) => certificateUrl!(signed({}, { SigningCertURL }), config);
  assert.equal(at(CERTIFICATE_URL), CERTIFICATE_URL);
  assert.equal(
    at('https://sns.cn-north-1.amazonaws.com.cn/a.pem'),
    'https://sns.cn-north-1.amazonaws.com.cn/a.pem',
  );
  for (const url of [
    'http://sns.us-east-1.amazonaws.com/a.pem',
    'https://sns.us-east-1.amazonaws.com.evil.example/a.pem',
    'https://evil.example/sns.us-east-1.amazonaws.com/a.pem',
    'https://sns.us-east-1.amazonaws.com@evil.example/a.pem',
    'https://user:x@sns.us-east-1.amazonaws.com/a.pem',
    'https://sns.us-east-1.amazonaws.com:8443/a.pem',
    'https://sns.us-east-1.amazonaws.com/a.crt',
    'https://sns.us-east-1.amazonaws.com/?a=.pem',
    'https://s3.us-east-1.amazonaws.com/bucket/a.pem',
    'https://sns.a.b.amazonaws.com/a.pem',
    'file:///etc/a.pem',
    '',
    7,
    null,
  ]) {
    assert.equal(at(url), null, String(url));
  }
});

test('a subscription of our topic is confirmed at SNS alone', () => {
  assert.equal(confirmationUrl!(signed(CONFIRMATION), config), CONFIRMATION.SubscribeURL);
  assert.equal(confirmationUrl!(signed(), config), null);
  assert.equal(confirmationUrl!(signed({ ...CONFIRMATION, Type: 'UnsubscribeConfirmation' }), config), null);
  const elsewhere = { ...CONFIRMATION, SubscribeURL: 'https://169.254.169.254/latest' };
  assert.equal(confirmationUrl!(signed(elsewhere), config), null);
});
