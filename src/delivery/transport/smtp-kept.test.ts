import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Secret } from '../../lib/secret.ts';
import { createSmtpTransport } from './smtp.ts';
import { mailTo, type Script, startMailServer } from './test-mail.ts';
import { loopbackGuard, sendOptions } from './test-peers.ts';

async function start(t: TestContext, script: Script = {}) {
  const taken: Socket[] = [];
  const server = await startMailServer(t, {
    '.': (socket) => {
      taken.push(socket);
      socket.write('250 2.0.0 taken\r\n');
    },
    ...script,
  });
  const transport = createSmtpTransport({ guard: loopbackGuard });
  t.after(() => transport.close());
  const send = (changes = {}) =>
    transport.send(mailTo(server.port), sendOptions({ maxInFlight: 1, ...changes }));
  return { server, taken, transport, send };
}

const DELIVERED = { reply: { kind: 'delivered' } } as const;

test('after the server closed a kept connection, the next message goes over a new one', async (t) => {
  const { server, taken, send } = await start(t);
  for (let round = 1; round <= 3; round++) {
    assert.partialDeepStrictEqual(await send(), DELIVERED);
    assert.equal(taken.length, round);
    assert.equal(server.accepted(), round);
    const socket = taken.at(-1)!;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.end('421 4.4.2 idle for too long\r\n');
    await closed;
  }
});

test('a message that meets the close of a kept connection is never reported as taken', async (t) => {
  for (const close of ['end', 'destroy', 'resetAndDestroy'] as const) {
    const { taken, send } = await start(t);
    assert.partialDeepStrictEqual(await send(), DELIVERED);
    taken[0]![close]();
    const sent = await send();
    assert.ok(sent.kind === 'reply');
    if (sent.reply.kind === 'delivered') assert.equal(taken.length, 2, close);
    else {
      assert.partialDeepStrictEqual(sent.reply, { kind: 'fault', dataSent: false }, close);
      assert.equal(taken.length, 1, close);
    }
  }
});

test('a message after a refused one is taken over the same connection', async (t) => {
  let recipients = 0;
  const { server, send } = await start(t, {
    RCPT: (socket) => socket.write(recipients++ === 0 ? '550 5.1.1 nobody\r\n' : '250 OK\r\n'),
  });
  assert.partialDeepStrictEqual(await send(), { reply: { kind: 'refused', replyCode: 550 } });
  assert.partialDeepStrictEqual(await send(), DELIVERED);
  assert.ok(server.accepted() <= 2);
});

test('a message that was given up before it began reaches nobody', async (t) => {
  const { server, taken, send } = await start(t);
  const sent = await send({ signal: AbortSignal.abort() });
  assert.ok(sent.kind === 'fault' || (sent.reply.kind === 'fault' && !sent.reply.dataSent));
  assert.doesNotMatch(server.heard, /MAIL|RCPT|DATA/);
  assert.partialDeepStrictEqual(await send(), DELIVERED);
  assert.equal(taken.length, 1);
});

test('user name and password prove who is sending', async (t) => {
  const { server, transport } = await start(t, {
    EHLO: '250-mail.example.com\n250 AUTH PLAIN',
    AUTH: '235 2.7.0 welcome',
  });
  const login = { username: 'me', password: new Secret('pass word') };
  assert.partialDeepStrictEqual(await transport.send(mailTo(server.port, login), sendOptions()), DELIVERED);
  const [, proof = ''] = /AUTH PLAIN (\S+)/.exec(server.heard)!;
  assert.equal(Buffer.from(proof, 'base64').toString(), '\0me\0pass word');
});
