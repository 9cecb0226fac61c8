import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createEgressGuard, type Resolve } from '../../lib/egress.ts';
import { createHttpTransport } from './http.ts';
import {
  deadPort,
  listen,
  listenRaw,
  loopbackGuard,
  milestone,
  post,
  selfSigned,
  sendOptions,
  summary,
} from './test-peers.ts';

const certificate = selfSigned();
const needsOpenssl = certificate ? {} : { skip: 'no openssl here' };

function transportFor(t: TestContext, resolve?: Resolve) {
  const guard = resolve ? createEgressGuard({ allow: ['127.0.0.1/32'], resolve }) : loopbackGuard;
  const transport = createHttpTransport({ guard });
  t.after(() => transport.close());
  return transport;
}

/** A peer that does `act` once it has read the whole request. */
const afterRequest = (t: TestContext, act: (socket: Socket) => void) =>
  listenRaw(t, (socket) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.endsWith('\r\n\r\nhello')) act(socket);
    });
  });

async function outcomeOf(t: TestContext, port: number, changes = {}, scheme = 'http') {
  const sent = await transportFor(t).send(post(`${scheme}://127.0.0.1:${port}/`), sendOptions(changes));
  return summary(sent);
}

test('a refused connection may be tried again', async (t) => {
  assert.equal(await outcomeOf(t, await deadPort(t)), 'retry network_error');
});

test('a name that cannot be resolved may be tried again', async (t) => {
  for (const code of ['ENOTFOUND', 'EAI_AGAIN']) {
    const transport = transportFor(t, (_, callback) =>
      callback(Object.assign(new Error(code), { code }), []),
    );
    const sent = await transport.send(post('https://vendor.example.com/'), sendOptions());
    assert.equal(summary(sent), 'retry network_error');
  }
});

test('a connection that ends when the request is out leaves unknown whether it was processed', async (t) => {
  for (const act of ['resetAndDestroy', 'destroy', 'end'] as const) {
    const peer = await afterRequest(t, (socket) => socket[act]());
    assert.equal(await outcomeOf(t, peer.port), 'unknown connection_lost', act);
    assert.equal(peer.accepted, 1, 'it is not sent a second time');
  }
});

test('a connection that is reset before the peer reads is unknown as well, since bytes were out', async (t) => {
  const peer = await listenRaw(t, (socket) => socket.resetAndDestroy());
  assert.match(await outcomeOf(t, peer.port), /^(unknown connection_lost|retry network_error)$/);
  assert.equal(peer.accepted, 1);
});

test('a peer that never answers is unknown at the deadline, and not before', async (t) => {
  const closed = Promise.withResolvers<void>();
  const peer = await afterRequest(t, (socket) => socket.once('close', () => closed.resolve()));
  const started = performance.now();
  assert.equal(await outcomeOf(t, peer.port, { deadlineMs: 200 }), 'unknown timeout');
  const took = performance.now() - started;
  assert.ok(took >= 200 && took < 1_000, `${took} ms`);
  await closed.promise;
});

test('an attempt that is given up while it waits was not sent; while it is under way it is unknown', async (t) => {
  const arrived = Promise.withResolvers<void>();
  const peer = await afterRequest(t, () => arrived.resolve());
  const transport = transportFor(t);
  const giveUp = new AbortController();
  const options = sendOptions({ maxInFlight: 1, signal: giveUp.signal });
  const [first, second] = [0, 1].map(() => transport.send(post(`http://127.0.0.1:${peer.port}/`), options));
  await arrived.promise;
  giveUp.abort();
  assert.equal(summary(await first!), 'unknown connection_lost');
  assert.equal(summary(await second!), 'retry network_error');
});

test('an attempt that was given up before it began reaches nobody', async (t) => {
  const peer = await listenRaw(t, () => {});
  assert.equal(await outcomeOf(t, peer.port, { signal: AbortSignal.abort() }), 'retry network_error');
  assert.equal(peer.accepted, 0);
});

test('a status that arrived is the reply, even if the body breaks off or never ends', async (t) => {
  const head = 'HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\nX-Id: 7\r\n\r\npart';
  const broken = await afterRequest(t, (socket) => socket.write(head, () => socket.resetAndDestroy()));
  assert.equal(await outcomeOf(t, broken.port), 'reply 202');
  const stalled = await afterRequest(t, (socket) => void socket.write(head));
  const sent = await transportFor(t).send(
    post(`http://127.0.0.1:${stalled.port}/`),
    sendOptions({ deadlineMs: 200 }),
  );
  assert.ok(sent.kind === 'reply');
  assert.equal(sent.reply.body, 'part');
  assert.equal(sent.reply.headers['x-id'], '7');
});

test('interim answers are passed over', async (t) => {
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
  const peer = await afterRequest(t, (socket) => void socket.write(early));
  assert.equal(await outcomeOf(t, peer.port), 'reply 200');
});

test('an answer that is not HTTP leaves unknown whether the request was processed', async (t) => {
  for (const garbage of ['SSH-2.0-OpenSSH_9.6\r\n', '\0\0\0\0', 'HTTP/9.9 what\r\n\r\n', '<html></html>\n']) {
    const peer = await afterRequest(t, (socket) => void socket.write(garbage));
    assert.equal(await outcomeOf(t, peer.port), 'unknown connection_lost', JSON.stringify(garbage));
  }
});

test('a TLS handshake that is never answered times out, and may be tried again since nothing was sent', async (t) => {
  const { port } = await listenRaw(t, () => {});
  assert.equal(await outcomeOf(t, port, { connectTimeoutMs: 300 }, 'https'), 'retry timeout');
  assert.equal(await outcomeOf(t, port, { deadlineMs: 200 }, 'https'), 'retry timeout');
});

test(
  'a certificate that nobody vouches for means that the account is misconfigured',
  needsOpenssl,
  async (t) => {
    let requests = 0;
    const server = createTlsServer({ ...certificate! }, (_, response) => {
      requests++;
      response.end();
    });
    const peer = await listen(t, server);
    assert.equal(await outcomeOf(t, peer.port, {}, 'https'), 'unavailable account_misconfigured');
    assert.equal(requests, 0);
  },
);

test('a peer that speaks no TLS where https was asked for is misconfigured', async (t) => {
  const peer = await listenRaw(t, (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad\r\n\r\n')),
  );
  assert.equal(await outcomeOf(t, peer.port, {}, 'https'), 'unavailable account_misconfigured');
});

test('headers that contradict the body are refused and reach nobody', async (t) => {
  const peer = await listenRaw(t, () => {});
  const transport = transportFor(t);
  const bad = {
    'content-length': '500',
    'transfer-encoding': 'chunked',
    expect: '100-continue',
    upgrade: 'x',
  };
  for (const [name, value] of Object.entries(bad)) {
    const request = post(`http://127.0.0.1:${peer.port}/`, { headers: { [name]: value } });
    assert.equal(summary(await transport.send(request, sendOptions())), 'rejected request_invalid', name);
  }
});

test('what HTTP does not allow in a header is refused and reaches nobody', async (t) => {
  const peer = await listenRaw(t, () => {});
  const transport = transportFor(t);
  const bad: Record<string, string>[] = [
    { 'x-a': 'b\r\nx-c: d' },
    { 'x-a': 'b\n' },
    { 'x-a': '\0' },
    { 'x-a': '€' },
    { 'x a': 'b' },
    { 'x:': 'b' },
    { '': 'b' },
  ];
  for (const headers of bad) {
    const sent = await transport.send(post(`http://127.0.0.1:${peer.port}/`, { headers }), sendOptions());
    assert.equal(summary(sent), 'rejected request_invalid', JSON.stringify(headers));
  }
  assert.equal(peer.accepted, 0);
});

test('when a server dies, what it had is unknown and what only waited for a connection may be tried again', async (t) => {
  const bodies: string[] = [];
  const held: ServerResponse[] = [];
  const full = milestone(() => held.length === 2);
  const server = createServer(async (request, response) => {
    bodies.push(Buffer.concat(await Array.fromAsync(request)).toString());
    held.push(response);
    full.check();
  });
  const peer = await listen(t, server);
  const transport = transportFor(t);
  const sending = ['a', 'b', 'c', 'd', 'e'].map(async (body) => {
    const sent = await transport.send(
      post(`http://127.0.0.1:${peer.port}/`, { body }),
      sendOptions({ maxInFlight: 2 }),
    );
    return [body, summary(sent)] as const;
  });
  await full.reached;
  await peer.kill();
  for (const [body, outcome] of await Promise.all(sending)) {
    assert.equal(outcome, bodies.includes(body) ? 'unknown connection_lost' : 'retry network_error', body);
  }
  assert.equal(bodies.length, 2);
});

test('a request on a kept connection that the server closed meanwhile is never sent twice', async (t) => {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    request.resume();
    response.end('ok', () => request.socket.destroy());
  });
  const peer = await listen(t, server);
  const transport = transportFor(t);
  let replies = 0;
  for (let count = 0; count < 30; count++) {
    const sent = summary(
      await transport.send(post(`http://127.0.0.1:${peer.port}/`), sendOptions({ maxInFlight: 1 })),
    );
    assert.match(sent, /^(reply 200|unknown connection_lost|retry network_error)$/);
    if (sent === 'reply 200') replies++;
  }
  assert.equal(requests, replies);
});

test('a server that comes back is reached again', async (t) => {
  const answer = () => createServer((_, response) => response.end());
  const peer = await listen(t, answer());
  const transport = transportFor(t);
  const send = async () =>
    summary(await transport.send(post(`http://127.0.0.1:${peer.port}/`), sendOptions()));
  assert.equal(await send(), 'reply 200');
  await peer.kill();
  await new Promise((resolve) => connect(peer.port, '127.0.0.1').on('error', resolve));
  assert.match(await send(), /^(retry network_error|unknown connection_lost)$/);
  await listen(t, answer(), peer.port);
  assert.equal(await send(), 'reply 200');
});
