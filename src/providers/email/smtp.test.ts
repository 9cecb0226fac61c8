import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { createTransport } from 'nodemailer';
import { Secret } from '../../lib/secret.ts';
import { assertOutcome } from '../conformance/valid.ts';
import { conformance } from '../conformance.ts';
import type { Content, MailRequest, Message, Outcome, RequestContext, SmtpReply } from '../contract.ts';
import smtp from './smtp.ts';

const context: RequestContext = {
  now: Date.UTC(2026, 10, 21, 12),
  random: (bytes) => new Uint8Array(bytes),
  deliveryId: '019aa6b0-0000-7000-8000-000000000001',
  baseUrl: '',
};
const config = { ...smtp.testConfig(), password: new Secret('pw'), from: 'Acme, Inc <news@acme.org>' };

function message(content: Content, address = 'ann@example.org'): Message {
  return {
    channel: 'email',
    recipient: { address },
    content,
    priority: 'normal',
    category: 'news',
    userId: 'u1',
  };
}

const build = (content: Content, address?: string) =>
  smtp.request(message(content, address), config, context);

/** The bytes and the envelope that nodemailer makes of a request. */
async function compose({ mail, envelope }: MailRequest) {
  const sent = await createTransport({ streamTransport: true, buffer: true, newline: 'unix' }).sendMail({
    ...mail,
    envelope,
  });
  const [head = '', ...body] = String(sent.message).split('\n\n');
  const names = head.split('\n').flatMap((line) => /^([^\s:]+):/.exec(line)?.[1] ?? []);
  return { names, head, body: body.join('\n\n'), to: sent.envelope.to };
}

// ---------------------------------------------------------------------------------------------- request

const headers = {
  'List-Unsubscribe': '<https://acme.org/u/1>',
  'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
};

conformance(smtp, {
  golden: [
    {
      name: 'server, envelope and mail',
      message: message({
        subject: 'Hello',
        text: 'Hi',
        html: '<p>Hi</p>',
        replyTo: 'help@acme.org',
        headers,
      }),
      config,
      expected: {
        server: {
          host: 'smtp.example.com',
          port: 587,
          security: 'starttls',
          username: 'bellhop',
          password: 'pw',
          clientName: undefined,
        },
        dkim: undefined,
        envelope: { from: 'news@acme.org', to: 'ann@example.org' },
        mail: {
          messageId: '<019aa6b0-0000-7000-8000-000000000001@acme.org>',
          from: 'Acme, Inc <news@acme.org>',
          to: 'ann@example.org',
          replyTo: 'help@acme.org',
          subject: 'Hello',
          text: 'Hi',
          html: '<p>Hi</p>',
          headers: { 'Auto-Submitted': 'auto-generated', ...headers },
        },
      },
    },
  ],
});

test('mail is signed when domain, selector and key are all set', () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const key = new Secret(privateKey);
  const half = { ...config, dkimDomain: 'acme.org', dkimPrivateKey: key };
  assert.equal(smtp.request(message({}), half, context).dkim, undefined);
  const whole = { ...half, dkimSelector: 's1' };
  assert.deepEqual(smtp.request(message({}), whole, context).dkim, {
    domainName: 'acme.org',
    keySelector: 's1',
    privateKey: key,
  });
});

test('the part that is missing is made from the other', () => {
  const fromText = build({ text: 'A & <b>\nsecond line' }).mail;
  assert.equal(fromText.html, '<p>A &amp; &lt;b&gt;<br>\nsecond line</p>');
  const fromHtml = build({
    html: '<p>Hi &amp; <a href="https://acme.org/r">reset</a></p>',
    body: 'short',
  }).mail;
  assert.equal(fromHtml.text, 'Hi & reset (https://acme.org/r)');
});

test('a message without e-mail fields becomes a mail of its title, body and link', () => {
  const { mail } = build({ title: 'Parcel', body: 'It is here.', url: 'https://acme.org/p' });
  assert.equal(mail.subject, 'Parcel');
  assert.equal(mail.text, 'It is here.\n\nhttps://acme.org/p');
  assert.equal(mail.html, '<p>It is here.</p>\n<p><a href="https://acme.org/p">https://acme.org/p</a></p>');
});

test('a header given twice in different case is sent once, and can replace Auto-Submitted', () => {
  const { headers } = build({ headers: { 'X-A': '1', 'x-a': '2', 'auto-submitted': 'no' } }).mail;
  assert.deepEqual(headers, { 'auto-submitted': 'no', 'x-a': '2' });
});

// ---------------------------------------------------------------------------------------------- injection

const HOSTILE = 'x\r\nBcc: eve@evil.example\n\nX-Evil: 1\0\r';

test('line breaks and NUL become one space in subject, addresses and header values', () => {
  const { mail, envelope } = smtp.request(
    message(
      { subject: HOSTILE, replyTo: HOSTILE, headers: { 'X-A': HOSTILE } },
      `ann@example.org\r\n${HOSTILE}`,
    ),
    { ...config, from: `Acme${HOSTILE} <news@acme.org>` },
    context,
  );
  assert.equal(mail.subject, 'x Bcc: eve@evil.example X-Evil: 1');
  for (const value of [mail.messageId, mail.from, mail.to, mail.replyTo, envelope.to, mail.headers['X-A']]) {
    assert.doesNotMatch(value!, /[\r\n\0]/);
  }
  assert.equal(envelope.from, 'news@acme.org');
});

test('no hostile value makes a header or a recipient on the wire', async () => {
  const plain = await compose(
    build({ subject: 's', text: 't', replyTo: 'r@acme.org', headers: { 'X-A': '1' } }),
  );
  const hostile = await compose(
    build({
      subject: HOSTILE,
      text: 't',
      replyTo: HOSTILE,
      headers: { 'X-A': HOSTILE, [`X-B${HOSTILE}`]: '1' },
    }),
  );
  assert.deepEqual(hostile.names, plain.names);
  assert.deepEqual(hostile.to, ['ann@example.org']);
});

test('one address stays one recipient', async () => {
  for (const address of [
    'ann@example.org, eve@evil.example',
    'ann@example.org;eve@evil.example',
    'a b <eve@x.org>',
  ]) {
    const { to } = await compose(build({ text: 't' }, address));
    assert.equal(to.length, 1, address);
    assert.notEqual(to[0], 'eve@evil.example');
  }
});

test('headers that the message builder owns cannot be set', async () => {
  const own = {
    Bcc: 'eve@evil.example',
    to: 'eve@evil.example',
    From: 'eve@evil.example',
    'Message-Id': '<1@x>',
    DATE: '0',
  };
  const { names, head } = await compose(build({ text: 't', headers: own }));
  assert.doesNotMatch(head, /evil/);
  assert.equal(names.filter((name) => /^(from|to|message-id|date)$/i.test(name)).length, 4);
});

// ---------------------------------------------------------------------------------------------- faults

function fault(code: string, rest: Partial<Extract<SmtpReply, { kind: 'fault' }>> = {}): Outcome {
  return smtp.classify({ kind: 'fault', code, dataSent: false, ...rest }, context);
}

test('TLS that breaks once the data was sent leaves the outcome unknown, and no other connection takes over', () => {
  assertOutcome(fault('ETLS'), { kind: 'unavailable', reason: 'account_misconfigured' });
  assertOutcome(fault('ETLS', { dataSent: true }), {
    kind: 'unknown',
    reason: 'connection_lost',
    code: 'ETLS',
  });
});

test('a network fault is retried before the data was sent, and unknown after', () => {
  for (const code of ['ECONNECTION', 'ESOCKET', 'EDNS', 'EPROTOCOL', 'EPROXY', 'ESTREAM', 'EFETCH']) {
    assertOutcome(fault(code), { kind: 'retry', reason: 'network_error', code });
    assertOutcome(fault(code, { dataSent: true }), { kind: 'unknown', reason: 'connection_lost', code });
  }
  for (const code of ['ETIMEDOUT', 'EABORT']) {
    assertOutcome(fault(code), { kind: 'retry', reason: 'timeout' });
    assertOutcome(fault(code, { dataSent: true }), { kind: 'unknown', reason: 'timeout' });
  }
});

test('a pool connection at its limit is retried whatever it sent before', () => {
  assertOutcome(fault('EMAXLIMIT', { dataSent: true }), { kind: 'retry' });
});

test('a refused login is unavailable, a login service that is down a retry', () => {
  for (const code of ['EAUTH', 'ENOAUTH', 'EOAUTH2']) {
    assertOutcome(fault(code), { kind: 'unavailable', reason: 'credentials_invalid', code });
  }
  const reply = '454 4.7.0 Temporary authentication failure';
  assertOutcome(fault('EAUTH', { replyCode: 454, reply }), {
    kind: 'retry',
    scope: 'connection',
    code: '4.7.0',
  });
});

test('TLS that is required and not to be had is a misconfigured account', () => {
  for (const code of ['ETLS', 'EREQUIRETLS', 'ECONFIG']) {
    assertOutcome(fault(code), { kind: 'unavailable', reason: 'account_misconfigured', code });
  }
});

test('a fault with the message goes by the reply, and without one is our request', () => {
  for (const code of ['EENVELOPE', 'EMESSAGE', 'EFILEACCESS', 'EURLACCESS']) {
    assertOutcome(fault(code), { kind: 'rejected', reason: 'request_invalid', code });
  }
  const reply = '550 5.1.1 No such user';
  assertOutcome(fault('EENVELOPE', { replyCode: 550, reply }), {
    kind: 'rejected',
    reason: 'recipient_invalid',
  });
  assertOutcome(fault('ECONNECTION', { dataSent: true, replyCode: 550, reply }), { kind: 'rejected' });
  assertOutcome(fault('EPROTOCOL', { replyCode: 554, reply: '554 No SMTP service here' }), {
    kind: 'unavailable',
    reason: 'account_misconfigured',
  });
});

test('every example is classified as it says', () => {
  for (const { reply, outcome } of Object.values(smtp.examples))
    assertOutcome(smtp.classify(reply, context), outcome);
});
