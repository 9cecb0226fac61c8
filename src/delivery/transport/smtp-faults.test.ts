import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createSecureContext, TLSSocket } from 'node:tls';
import { createEgressGuard, type Resolve } from '../../lib/egress.ts';
import { Secret } from '../../lib/secret.ts';
import type { MailRequest, SmtpReply } from '../../providers/index.ts';
import { createSmtpTransport } from './smtp.ts';
import { mailTo, type Script, startMailServer } from './test-mail.ts';
import { deadPort, loopbackGuard, selfSigned, sendOptions, summary } from './test-peers.ts';

const certificate = selfSigned();
const needsOpenssl = certificate ? {} : { skip: 'no openssl here' };

const drop = (socket: Socket) => void socket.destroy();
const hang = () => {};

async function replyTo(t: TestContext, request: MailRequest, changes = {}): Promise<SmtpReply> {
  const transport = createSmtpTransport({ guard: loopbackGuard });
  t.after(() => transport.close());
  const sent = await transport.send(request, sendOptions(changes));
  assert.ok(sent.kind === 'reply');
  return sent.reply;
}

const REFUSALS: [step: string, reply: string, command: string][] = [
  ['MAIL', '451 4.7.1 Greylisting in action', 'MAIL FROM'],
  ['RCPT', '450 4.2.1 receiving too fast', 'RCPT TO'],
  ['RCPT', '550-5.1.1 no such\n550 5.1.1 user', 'RCPT TO'],
  ['DATA', '554 5.5.1 no valid recipients', 'DATA'],
  ['.', '552 5.3.4 too large', 'DATA'],
  ['.', '451 4.3.0 try later', 'DATA'],
];

for (const [step, reply, command] of REFUSALS) {
  test(`${reply.slice(0, 9)} to ${step} is the server's refusal, with its words and the command`, async (t) => {
    const { port } = await startMailServer(t, { [step]: reply });
    const refusal = await replyTo(t, mailTo(port));
    assert.deepEqual(refusal, { kind: 'refused', replyCode: Number(reply.slice(0, 3)), reply, command });
  });
}

const FAULTS: [name: string, script: Script, fault: object][] = [
  ['421 on connect', { CONN: '421 4.3.2 closing' }, { replyCode: 421, dataSent: false }],
  ['554 on connect', { CONN: '554 5.7.1 listed' }, { replyCode: 554, dataSent: false }],
  ['421 after the dot', { '.': '421 4.4.2 closing' }, { kind: 'refused', replyCode: 421, command: 'DATA' }],
  ['a drop on connect', { CONN: drop }, { code: 'ECONNECTION', dataSent: false }],
  ['a drop after EHLO', { EHLO: drop }, { dataSent: false }],
  ['a drop after RCPT', { RCPT: drop }, { dataSent: false }],
  ['a drop after DATA', { DATA: drop }, { dataSent: false }],
  ['a drop after the dot', { '.': drop }, { code: 'ECONNECTION', dataSent: true }],
  ['garbage after the dot', { '.': '\u0000\u0001' }, { dataSent: true }],
  ['silence on connect', { CONN: hang }, { code: 'ETIMEDOUT', dataSent: false }],
  ['silence after RCPT', { RCPT: hang }, { code: 'ETIMEDOUT', dataSent: false }],
  ['silence after the dot', { '.': hang }, { code: 'ETIMEDOUT', dataSent: true }],
  ['garbage on connect', { CONN: 'HTTP/1.1 400 Bad Request' }, { code: 'EPROTOCOL', dataSent: false }],
];

for (const [name, script, expected] of FAULTS) {
  test(`${name}: ${Object.values(expected).join(' ')}`, async (t) => {
    const { port, accepted } = await startMailServer(t, script);
    const fault = await replyTo(t, mailTo(port), { connectTimeoutMs: 300, deadlineMs: 600 });
    assert.partialDeepStrictEqual(fault, { kind: 'fault', ...expected });
    assert.equal(accepted(), 1, 'nothing is tried twice');
  });
}

test('the evidence is of each message: on a used connection too, only what was read may have been taken', async (t) => {
  let mails = 0;
  const script: Script = {
    RCPT: (socket) => (++mails === 3 ? socket.destroy() : socket.write('250 OK\r\n')),
    '.': (socket) => (mails === 2 ? socket.destroy() : socket.write('250 taken\r\n')),
  };
  const { port } = await startMailServer(t, script);
  const transport = createSmtpTransport({ guard: loopbackGuard });
  t.after(() => transport.close());
  const replies: SmtpReply[] = [];
  for (let count = 0; count < 4; count++) {
    const sent = await transport.send(mailTo(port), sendOptions({ maxInFlight: 1 }));
    assert.ok(sent.kind === 'reply');
    replies.push(sent.reply);
  }
  assert.deepEqual(
    replies.map((reply) => (reply.kind === 'fault' ? reply.dataSent : reply.kind)),
    ['delivered', true, false, 'delivered'],
  );
});

test('what waits for a connection at its deadline was not sent', async (t) => {
  const { port } = await startMailServer(t, { RCPT: hang });
  const transport = createSmtpTransport({ guard: loopbackGuard });
  t.after(() => transport.close());
  const options = sendOptions({ maxInFlight: 1, deadlineMs: 300 });
  const sent = await Promise.all([1, 2, 3].map(() => transport.send(mailTo(port), options)));
  for (const one of sent) {
    assert.partialDeepStrictEqual(one, { reply: { kind: 'fault', code: 'ETIMEDOUT', dataSent: false } });
  }
});

test('a refused connection and a name that does not exist are the network’s', async (t) => {
  assert.partialDeepStrictEqual(await replyTo(t, mailTo(await deadPort(t))), {
    code: 'ESOCKET',
    dataSent: false,
  });
  const resolve: Resolve = (_, callback) =>
    callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { syscall: 'getaddrinfo' }), []);
  const transport = createSmtpTransport({ guard: createEgressGuard({ allow: [], resolve }) });
  t.after(() => transport.close());
  const sent = await transport.send(mailTo(25, { host: 'mail.example.com' }), sendOptions());
  assert.partialDeepStrictEqual(sent, { reply: { kind: 'fault', code: 'EDNS', dataSent: false } });
});

test('where STARTTLS is required, nothing is said to a server that does not offer it', async (t) => {
  const server = await startMailServer(t);
  const login = { security: 'starttls', username: 'me', password: new Secret('secret') } as const;
  const fault = await replyTo(t, mailTo(server.port, login));
  assert.partialDeepStrictEqual(fault, { kind: 'fault', code: 'ETLS', dataSent: false });
  assert.doesNotMatch(server.heard, /AUTH|MAIL/);
});

test('where STARTTLS is only wanted, a server without it gets the mail all the same', async (t) => {
  const { port } = await startMailServer(t);
  assert.equal((await replyTo(t, mailTo(port, { security: 'opportunistic' }))).kind, 'delivered');
});

for (const security of ['tls', 'starttls', 'opportunistic'] as const) {
  test(
    `a certificate that nobody vouches for ends ${security} before anything is said`,
    needsOpenssl,
    async (t) => {
      const secureContext = createSecureContext(certificate!);
      const upgrade = (socket: Socket) => {
        socket.removeAllListeners('data');
        const secure = new TLSSocket(socket, { isServer: true, secureContext });
        secure.on('error', () => {});
        server.serve(secure);
        return secure;
      };
      const server = await startMailServer(t, {
        CONN: (socket) => {
          if (security !== 'tls') socket.write('220 hello\r\n');
          else upgrade(socket);
        },
        EHLO: '250-mail.example.com\n250 STARTTLS',
        STARTTLS: (socket) => socket.write('220 go\r\n', () => upgrade(socket)),
      });
      const login = { security, username: 'me', password: new Secret('secret') };
      const fault = await replyTo(t, mailTo(server.port, login));
      assert.partialDeepStrictEqual(fault, { kind: 'fault', code: 'ETLS', dataSent: false });
      assert.doesNotMatch(server.heard, /AUTH|MAIL/);
    },
  );
}

test('wrong credentials are told from everything else', async (t) => {
  const server = await startMailServer(t, {
    EHLO: '250-mail.example.com\n250 AUTH PLAIN',
    AUTH: '535 5.7.8 Authentication failed',
  });
  const login = { username: 'me', password: new Secret('secret') };
  const fault = await replyTo(t, mailTo(server.port, login));
  assert.partialDeepStrictEqual(fault, { kind: 'fault', code: 'EAUTH', replyCode: 535, dataSent: false });
  assert.doesNotMatch(JSON.stringify(fault), /secret|AG1lAHNlY3JldA/);
});

test('a forbidden server is refused before anything is connected, whatever it is called', async (t) => {
  const { port, accepted } = await startMailServer(t);
  const resolve: Resolve = (_, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]);
  const transport = createSmtpTransport({ guard: createEgressGuard({ allow: [], resolve }) });
  t.after(() => transport.close());
  for (const host of ['127.0.0.1', '::1', 'localhost', 'mail.example.com', '2130706433', '0x7f.1', '127.1']) {
    const sent = await transport.send(mailTo(port, { host }), sendOptions({ connectionKey: host }));
    assert.equal(summary(sent as never), 'unavailable egress_refused', host);
  }
  assert.equal(accepted(), 0);
});

test('a name that was public once and leads inside on the next connection does not get there', async (t) => {
  let lookups = 0;
  const resolve: Resolve = (_, callback) =>
    callback(null, [{ address: lookups++ === 0 ? '127.0.0.2' : '127.0.0.1', family: 4 }]);
  const guard = createEgressGuard({ allow: ['127.0.0.2/32'], resolve });
  const { port, accepted } = await startMailServer(t);
  const transport = createSmtpTransport({ guard });
  t.after(() => transport.close());
  const request = mailTo(port, { host: 'rebind.example.com' });
  assert.partialDeepStrictEqual(await transport.send(request, sendOptions()), { reply: { code: 'ESOCKET' } });
  assert.equal(
    summary((await transport.send(request, sendOptions())) as never),
    'unavailable egress_refused',
  );
  assert.equal(accepted(), 0);
});

test('a DKIM key that cannot be read is a mistake of the configuration, and nothing is sent', async (t) => {
  const { port, accepted } = await startMailServer(t);
  const dkim = { domainName: 'example.com', keySelector: 's', privateKey: new Secret('no key') };
  const fault = await replyTo(t, { ...mailTo(port), dkim });
  assert.partialDeepStrictEqual(fault, { kind: 'fault', code: 'ECONFIG', dataSent: false });
  assert.equal(accepted(), 0);
});
