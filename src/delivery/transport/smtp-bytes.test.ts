import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { MailRequest } from '../../providers/index.ts';
import { createSmtpTransport } from './smtp.ts';
import { listenRaw, loopbackGuard, sendOptions } from './test-peers.ts';

/** A mail server that says yes to everything and keeps every byte it was sent. */
async function start(t: TestContext) {
  const heard = { bytes: '' };
  const peer = await listenRaw(t, (socket) => {
    socket.write('220 mail.example.com\r\n');
    let [isMail, rest] = [false, ''];
    socket.on('data', (chunk) => {
      heard.bytes += chunk.toString('latin1');
      const lines = (rest + chunk.toString('latin1')).split('\r\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (isMail && line !== '.') continue;
        isMail = line === 'DATA';
        socket.write(isMail ? '354 go on\r\n' : '250 yes\r\n');
      }
    });
  });
  const transport = createSmtpTransport({ guard: loopbackGuard });
  t.after(() => transport.close());
  return { heard, peer, transport, request: requestTo(peer.port) };
}

const requestTo = (port: number): MailRequest => ({
  server: { host: '127.0.0.1', port, security: 'none', clientName: 'client.example.com' },
  envelope: { from: 'from@example.com', to: 'to@example.com' },
  mail: {
    messageId: '<m1@example.com>',
    from: 'Acme <from@example.com>',
    to: 'to@example.com',
    subject: 'Hello',
    text: 'How are you?',
    headers: {},
  },
});

const PAYLOADS = [
  '\r\nBcc: evil@example.com',
  '\nRCPT TO:<evil@example.com>',
  '\r\rX: y',
  '\0',
  '\r\n.\r\nMAIL FROM:<evil@example.com>',
];

const FIELDS: Record<string, (request: MailRequest, payload: string) => void> = {
  'envelope.from': ({ envelope }, payload) => (envelope.from += payload),
  'envelope.to': ({ envelope }, payload) => (envelope.to += payload),
  from: ({ mail }, payload) => (mail.from = `Acme${payload} <from@example.com>`),
  to: ({ mail }, payload) => (mail.to += payload),
  subject: ({ mail }, payload) => (mail.subject += payload),
  replyTo: ({ mail }, payload) => (mail.replyTo = `help@example.com${payload}`),
  messageId: ({ mail }, payload) => (mail.messageId = `<m1${payload}@example.com>`),
  'a header name': ({ mail }, payload) => (mail.headers[`X-A${payload}`] = 'b'),
  'a header value': ({ mail }, payload) => (mail.headers['X-A'] = `b${payload}`),
  'the client name': ({ server }, payload) => (server.clientName += payload),
};

for (const [field, inject] of Object.entries(FIELDS)) {
  test(`a line break or NUL in ${field} reaches no server`, async (t) => {
    const { peer, transport, request } = await start(t);
    for (const payload of PAYLOADS) {
      const tainted = structuredClone(request);
      inject(tainted, payload);
      const sent = await transport.send(tainted, sendOptions());
      assert.partialDeepStrictEqual(
        sent,
        { reply: { kind: 'fault', code: 'EENVELOPE', dataSent: false } },
        payload,
      );
    }
    assert.equal(peer.accepted, 0);
  });
}

test('a header name with a colon or a space reaches no server', async (t) => {
  const { peer, transport, request } = await start(t);
  for (const name of ['Bcc: evil@example.com, X', 'X A', 'X\tA', 'Xé', '']) {
    const sent = await transport.send(
      { ...request, mail: { ...request.mail, headers: { [name]: 'b' } } },
      sendOptions(),
    );
    assert.partialDeepStrictEqual(sent, { reply: { kind: 'fault', dataSent: false } }, name);
  }
  assert.equal(peer.accepted, 0);
});

test('an address cannot add parameters, recipients or commands', async (t) => {
  const { heard, transport, request } = await start(t);
  const tricks = [
    'x@example.com> NOTIFY=SUCCESS',
    'x@example.com>,<evil@example.com',
    'a@example.com, evil@example.com',
    '<a@b.com> SIZE=1',
  ];
  for (const address of tricks) {
    for (const side of ['from', 'to'] as const) {
      const envelope = { ...request.envelope, [side]: address };
      await transport.send({ ...request, envelope }, sendOptions());
    }
  }
  for (const line of heard.bytes.split('\r\n').filter((one) => /^(MAIL|RCPT)/.test(one))) {
    assert.match(line, /^(MAIL FROM|RCPT TO):<[^<>\s]*>( BODY=8BITMIME| SMTPUTF8)?$/);
    assert.doesNotMatch(line, /,/);
  }
});

test('a body cannot end the message early, whatever line ends it has (SMTP smuggling)', async (t) => {
  const { heard, transport, request } = await start(t);
  const ends = [
    '\r\n.\r\n',
    '\n.\n',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r',
    '\r\n.\r',
    '\n.\r',
    '\r.\n',
    '\r\n\0.\r\n',
  ];
  for (const end of ends) {
    heard.bytes = '';
    const text = `before${end}MAIL FROM:<evil@example.com>${end}after`;
    const mail = { ...request.mail, text, html: `<p>${text}</p>` };
    const sent = await transport.send({ ...request, mail }, sendOptions());
    assert.partialDeepStrictEqual(sent, { reply: { kind: 'delivered' } });
    const data = heard.bytes.slice(heard.bytes.indexOf('DATA\r\n') + 6);
    assert.equal(data.search(/(\r|\n)\.(\r|\n)/), data.length - 4, JSON.stringify(end));
    assert.doesNotMatch(data, /[^\r]\n|\r[^\n]/, 'a bare line end');
  }
});
