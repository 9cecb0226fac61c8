import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { createEgressGuard } from '../../lib/egress.ts';
import { Secret } from '../../lib/secret.ts';
import { createSmtpTransport } from './smtp.ts';
import { mailTo } from './test-mail.ts';
import { listen, loopbackGuard, selfSigned, sendOptions, summary } from './test-peers.ts';

interface Received {
  from: string;
  to: string[];
  user: string | undefined;
  secure: boolean;
  text: string;
}

/** A complete mail server, which takes everything. */
async function startServer(t: TestContext, options: SMTPServerOptions = {}) {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    disabledCommands: certificate ? [] : ['STARTTLS'],
    closeTimeout: 1,
    onAuth: ({ username, password }, _, callback) => callback(null, { user: `${username}:${password}` }),
    onData: async (stream, session, callback) => {
      const text = Buffer.concat(await Array.fromAsync(stream)).toString();
      const { mailFrom, rcptTo } = session.envelope;
      received.push({
        from: mailFrom ? mailFrom.address : '',
        to: rcptTo.map(({ address }) => address),
        user: session.user,
        secure: session.secure,
        text,
      });
      callback(null, `taken ${received.length}`);
    },
    ...certificate,
    ...options,
  });
  server.on('error', () => {});
  const peer = await listen(t, server.server as never);
  return { peer, received, port: peer.port };
}

function transportFor(t: TestContext, guard = loopbackGuard) {
  const transport = createSmtpTransport({ guard });
  t.after(() => transport.close());
  return transport;
}

const certificate = selfSigned();
// From here on this process trusts the certificate; the tests of faults, in another process, do not.
if (certificate) setDefaultCACertificates([...getCACertificates('default'), certificate.cert]);
const needsOpenssl = certificate ? {} : { skip: 'no openssl here' };

test('a message arrives as it was asked for, under its own id, from the envelope', async (t) => {
  const { received, port } = await startServer(t);
  const request = mailTo(port, { username: 'me', password: new Secret('pässword') });
  request.envelope = { from: 'bounces@example.com', to: 'reader@example.org' };
  Object.assign(request.mail, {
    to: 'Zoë <reader@example.org>',
    replyTo: 'help@example.com',
    subject: 'Grüße',
    html: '<p>How are you?</p>',
    headers: { 'List-Unsubscribe': '<https://example.com/u/1>, <mailto:u@example.com>', 'X-One': '1' },
  });
  const sent = await transportFor(t).send(request, sendOptions());
  assert.deepEqual(sent, {
    kind: 'reply',
    reply: { kind: 'delivered', messageId: '<m1@example.com>', reply: '250 taken 1' },
  });
  const [{ from, to, user, text }] = received as [Received];
  assert.deepEqual(
    { from, to, user },
    { from: 'bounces@example.com', to: ['reader@example.org'], user: 'me:pässword' },
  );
  const lines = text.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  for (const line of [
    'From: Acme <from@example.com>',
    'To: =?UTF-8?Q?Zo=C3=AB?= <reader@example.org>',
    'Reply-To: help@example.com',
    'Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=',
    'Message-ID: <m1@example.com>',
    'List-Unsubscribe: <https://example.com/u/1>, <mailto:u@example.com>',
    'X-One: 1',
    'How are you?',
    '<p>How are you?</p>',
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test('both unsubscribe headers are under the DKIM signature, since one click counts only then (RFC 8058)', async (t) => {
  const { received, port } = await startServer(t);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const request = mailTo(port);
  request.dkim = { domainName: 'example.com', keySelector: 's1', privateKey: new Secret(pem) };
  request.mail.headers = {
    'List-Unsubscribe': '<https://example.com/u/1>',
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  };
  await transportFor(t).send(request, sendOptions());
  const signature = /^DKIM-Signature: ((?:.|\r\n\s)*)/m.exec(received[0]!.text)![1]!.replace(/\s/g, '');
  assert.match(signature, /d=example\.com;/);
  assert.match(signature, /s=s1;/);
  const signed = /[;]h=([^;]*)/.exec(signature)![1]!.split(':');
  for (const name of ['from', 'to', 'subject', 'list-unsubscribe', 'list-unsubscribe-post']) {
    assert.ok(signed.includes(name), name);
  }
});

for (const [security, secure] of [
  ['tls', true],
  ['starttls', true],
  ['opportunistic', true],
  ['none', false],
] as const) {
  test(`${security}: the mail goes out ${secure ? 'encrypted' : 'in the clear'}`, needsOpenssl, async (t) => {
    const { received, port } = await startServer(t, { secure: security === 'tls' });
    const sent = await transportFor(t).send(mailTo(port, { security }), sendOptions());
    assert.partialDeepStrictEqual(sent, { reply: { kind: 'delivered' } });
    assert.equal(received[0]!.secure, secure);
  });
}

test(
  'the address that was looked up is connected to, but the name is what the certificate must be for',
  needsOpenssl,
  async (t) => {
    const guard = createEgressGuard({
      allow: ['127.0.0.1/32'],
      resolve: (_, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    const { peer, received, port } = await startServer(t);
    const request = mailTo(port, { host: 'mail.example.com', security: 'starttls' });
    const sent = await transportFor(t, guard).send(request, sendOptions());
    assert.partialDeepStrictEqual(sent, { reply: { kind: 'fault', code: 'ETLS', dataSent: false } });
    assert.equal(peer.accepted, 1);
    assert.equal(received.length, 0);
  },
);

test('a server that speaks nothing newer than TLS 1.1 is refused', needsOpenssl, async (t) => {
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const { received, port } = await startServer(t, { ...old, secure: true });
  const sent = await transportFor(t).send(mailTo(port, { security: 'tls' }), sendOptions());
  assert.partialDeepStrictEqual(sent, { reply: { kind: 'fault', code: 'ETLS', dataSent: false } });
  assert.equal(received.length, 0);
});

test('messages share the connections that are allowed, and never those of another connection key', async (t) => {
  const { peer, received, port } = await startServer(t);
  const transport = transportFor(t);
  const sendMany = (connectionKey: string) =>
    Promise.all(
      Array.from({ length: 20 }, () =>
        transport.send(mailTo(port), sendOptions({ connectionKey, maxInFlight: 2 })),
      ),
    );
  await sendMany('one');
  assert.equal(peer.accepted, 2);
  await sendMany('two');
  assert.equal(peer.accepted, 4);
  assert.equal(received.length, 40);
});

test('a test message goes to the redirect with its header, without credentials, and opens no way for others', async (t) => {
  const { peer, received, port } = await startServer(t);
  const transport = transportFor(t, createEgressGuard({ allow: [] }));
  const live = {
    host: 'smtp.example.com',
    security: 'tls',
    username: 'me',
    password: new Secret('s'),
  } as const;
  const redirect = { origin: `smtp://127.0.0.1:${port}`, headers: { 'X-Bellhop-Preview': 'abc' } };
  const sent = await transport.send(mailTo(465, live), sendOptions({ redirect }));
  assert.partialDeepStrictEqual(sent, { reply: { kind: 'delivered' } });
  assert.equal(received[0]!.user, undefined);
  assert.match(received[0]!.text, /^X-Bellhop-Preview: abc\r$/m);
  const direct = await transport.send(mailTo(port), sendOptions());
  assert.equal(summary(direct as never), 'unavailable egress_refused');
  assert.equal(peer.accepted, 1);
});

test('close waits for what is under way, ends all connections and takes nothing new', async (t) => {
  const arrived = Promise.withResolvers<() => void>();
  const ended = Promise.withResolvers<void>();
  const { peer, port } = await startServer(t, {
    onData: (stream, _, callback) => {
      stream.resume();
      arrived.resolve(() => callback(null));
    },
    onClose: () => ended.resolve(),
  });
  const transport = transportFor(t);
  const sending = transport.send(mailTo(port), sendOptions());
  const take = await arrived.promise;
  const closing = transport.close();
  assert.equal(summary((await transport.send(mailTo(port), sendOptions())) as never), 'retry network_error');
  take();
  assert.partialDeepStrictEqual(await sending, { reply: { kind: 'delivered' } });
  await Promise.all([closing, ended.promise]);
  assert.equal(peer.accepted, 1);
});
