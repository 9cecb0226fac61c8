import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { Secret } from '../../src/lib/secret.ts';
import { signWebhook } from '../../src/lib/standard-webhooks.ts';
import resend from '../../src/providers/email/resend.ts';
import sendgrid from '../../src/providers/email/sendgrid.ts';
import plivo from '../../src/providers/sms/plivo.ts';
import twilio from '../../src/providers/sms/twilio.ts';
import { signAwsRequest } from '../../src/providers/wire/sigv4.ts';

// What vendors publish for their customers must agree with what we sign and verify.
const isInstalled = existsSync(new URL('node_modules', import.meta.url));
if (!isInstalled && process.env.BELLHOP_TEST_REQUIRE_VENDORS)
  throw new Error('The libraries of vendors are not installed: npm ci --prefix test/vendors');
const load = createRequire(import.meta.url);
const skip = isInstalled ? false : 'run npm ci --prefix test/vendors';

const NOW = Date.UTC(2026, 10, 21, 12);
const URL_OF_OURS = 'https://bellhop.example/v1/receipts/t1/c1?delivery=d1&b=2';

function post(body: string, headers: Record<string, string>) {
  return { method: 'POST', url: URL_OF_OURS, headers, body: Buffer.from(body) };
}

describe('the libraries that vendors publish', { skip }, () => {
  it('verify our webhooks (standardwebhooks)', () => {
    const { Webhook } = load('standardwebhooks');
    const secret = `whsec_${randomBytes(24).toString('base64')}`;
    const body = '{"type":"delivery.sent","data":{"text":"Grüße 📦"}}';
    const headers = signWebhook({ id: 'msg_1', body, now: Date.now() }, [new Secret(secret)]);
    assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
    assert.throws(() => new Webhook(secret).verify(body.replace('sent', 'dead'), headers));
  });

  it('sign requests to AWS as we do (@smithy/signature-v4)', async () => {
    const { SignatureV4 } = load('@smithy/signature-v4');
    const { Sha256 } = load('@aws-crypto/sha256-js');
    const credentials = {
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG',
      sessionToken: 'tok/en=',
    };
    const body = 'Action=Publish&Message=Gr%C3%BC%C3%9Fe%20%2A';
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const host = 'sns.eu-central-1.amazonaws.com';
    const signer = new SignatureV4({
      credentials,
      region: 'eu-central-1',
      service: 'sns',
      sha256: Sha256,
      applyChecksum: false,
    });
    const theirs = await signer.sign(
      {
        method: 'POST',
        protocol: 'https:',
        hostname: host,
        path: '/',
        query: {},
        headers: { ...headers, host },
        body,
      },
      { signingDate: new Date(NOW) },
    );
    const ours = signAwsRequest(
      { method: 'POST', url: `https://${host}/`, headers, body },
      {
        accessKeyId: credentials.accessKeyId,
        secretAccessKey: new Secret(credentials.secretAccessKey),
        sessionToken: new Secret(credentials.sessionToken),
      },
      { region: 'eu-central-1', service: 'sns', now: NOW },
    );
    assert.equal((ours.authorization as Secret).reveal(), theirs.headers.authorization);
  });

  it('sign receipts as Twilio does (twilio)', () => {
    const { getExpectedTwilioSignature } = load('twilio');
    const authToken = 'the-auth-token';
    const parameters = {
      MessageSid: 'SM1',
      MessageStatus: 'delivered',
      To: '+4915112345678',
      Body: 'Grüße & mehr',
    };
    const signature = getExpectedTwilioSignature(authToken, URL_OF_OURS, parameters);
    const config = { ...twilio.testConfig(), authToken: new Secret(authToken) };
    const request = post(new URLSearchParams(parameters).toString(), { 'x-twilio-signature': signature });
    assert.equal(twilio.receipts!.verify(request, config, { now: NOW }), true);
    const forged = post('MessageSid=SM2', { 'x-twilio-signature': signature });
    assert.equal(twilio.receipts!.verify(forged, config, { now: NOW }), false);
  });

  it('agree on what Plivo signed (plivo)', () => {
    const { validateV3Signature } = load('plivo');
    const parameters = { MessageUUID: 'u1', Status: 'delivered', To: '4915112345678' };
    const authToken = 'the-auth-token';
    const nonce = '05429567804466091622';
    const query = [...new URL(URL_OF_OURS).searchParams]
      .sort()
      .map((pair) => pair.join('='))
      .join('&');
    const form = Object.entries(parameters).sort().flat().join('');
    const signed = `https://bellhop.example/v1/receipts/t1/c1?${query}.${form}.${nonce}`;
    const signature = createHmac('sha256', authToken).update(signed).digest('base64');
    const config = { ...plivo.testConfig(), authToken: new Secret(authToken) };
    for (const [given, expected] of [
      [signature, true],
      [`${signature.slice(0, -2)}A=`, false],
    ] as const) {
      assert.equal(validateV3Signature('POST', URL_OF_OURS, nonce, authToken, given, parameters), expected);
      const headers = { 'x-plivo-signature-v3': given, 'x-plivo-signature-v3-nonce': nonce };
      const request = post(new URLSearchParams(parameters).toString(), headers);
      assert.equal(plivo.receipts!.verify(request, config, { now: NOW }), expected);
    }
  });

  it('agree on what SendGrid signed (@sendgrid/eventwebhook)', () => {
    const { EventWebhook } = load('@sendgrid/eventwebhook');
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const webhookPublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const theirs = new EventWebhook();
    const key = theirs.convertPublicKeyToECDSA(webhookPublicKey);
    const body = '[{"event":"delivered"}]\r\n';
    const timestamp = '1795262400';
    const signature = sign('sha256', Buffer.from(timestamp + body), privateKey).toString('base64');
    for (const text of [body, body.replace('delivered', 'bounce')]) {
      const headers = {
        'x-twilio-email-event-webhook-signature': signature,
        'x-twilio-email-event-webhook-timestamp': timestamp,
      };
      const ours = sendgrid.receipts!.verify(
        post(text, headers),
        { ...sendgrid.testConfig(), webhookPublicKey },
        { now: NOW },
      );
      assert.equal(ours, theirs.verifySignature(key, text, signature, timestamp));
      assert.equal(ours, text === body);
    }
  });

  it('sign events as Resend does (svix)', () => {
    const { Webhook } = load('svix');
    const secret = `whsec_${randomBytes(24).toString('base64')}`;
    const body = '{"type":"email.delivered","data":{}}';
    const signature = new Webhook(secret).sign('msg_1', new Date(NOW), body);
    const headers = { 'svix-id': 'msg_1', 'svix-timestamp': `${NOW / 1_000}`, 'svix-signature': signature };
    const config = { ...resend.testConfig(), webhookSecret: new Secret(secret) };
    assert.equal(resend.receipts!.verify(post(body, headers), config, { now: NOW }), true);
    assert.equal(resend.receipts!.verify(post(`${body} `, headers), config, { now: NOW }), false);
  });
});
