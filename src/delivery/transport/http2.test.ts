import assert from 'node:assert/strict';
import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type TestContext, test } from 'node:test';
import { createEgressGuard } from '../../lib/egress.ts';
import { Secret } from '../../lib/secret.ts';
import { createHttp2Transport } from './http2.ts';
import { listen, loopbackGuard, milestone, post, selfSigned, sendOptions, summary } from './test-peers.ts';

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

function transportFor(t: TestContext, guard = loopbackGuard) {
  const transport = createHttp2Transport({ guard });
  t.after(() => transport.close());
  return transport;
}

async function start(t: TestContext, onStream: OnStream, settings = {}, guard = loopbackGuard) {
  const server = createServer({ settings });
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => sessions.push(session));
  server.on('stream', onStream);
  const peer = await listen(t, server);
  return { peer, origin: `http://127.0.0.1:${peer.port}`, sessions, transport: transportFor(t, guard) };
}

const ok: OnStream = (stream) => {
  stream.respond({ ':status': 200 });
  stream.end('ok');
};

test('a request arrives exactly as it was asked for, and its answer comes back whole', async (t) => {
  const seen: { headers: IncomingHttpHeaders; body: Buffer }[] = [];
  const { peer, origin, transport } = await start(t, async (stream, headers) => {
    seen.push({ headers, body: Buffer.concat(await Array.fromAsync(stream)) });
    stream.respond({ ':status': 201, 'X-Id': 'm-1', 'x-many': ['a', 'b'] });
    stream.end('{"name":"Zoë"}');
  });
  const body = Uint8Array.from({ length: 100_000 }, (_, index) => index % 256);
  const headers = { 'apns-topic': 'com.example', authorization: new Secret('bearer s') };
  const sent = await transport.send(
    post(`${origin}/3/device/a%20b?x=1&y=`, { headers, body }),
    sendOptions(),
  );
  assert.ok(sent.kind === 'reply');
  assert.deepEqual(
    { ...sent.reply, headers: { ...sent.reply.headers, date: '' } },
    { status: 201, headers: { 'x-id': 'm-1', 'x-many': 'a, b', date: '' }, body: '{"name":"Zoë"}' },
  );
  assert.deepEqual(Object.fromEntries(Object.entries(seen[0]!.headers)), {
    ':method': 'POST',
    ':path': '/3/device/a%20b?x=1&y=',
    ':authority': `127.0.0.1:${peer.port}`,
    ':scheme': 'http',
    'apns-topic': 'com.example',
    authorization: 'bearer s',
  });
  assert.deepEqual(seen[0]!.body, Buffer.from(body));
});

test('a request without a body ends with its headers', async (t) => {
  const { origin, transport } = await start(t, (stream, { ':method': method }) => {
    stream.respond({ ':status': 200 });
    stream.end(`${method} ${stream.endAfterHeaders}`);
  });
  for (const method of ['GET', 'DELETE'] as const) {
    const sent = await transport.send(post(origin, { method, body: '' }), sendOptions());
    assert.ok(sent.kind === 'reply');
    assert.equal(sent.reply.body, `${method} true`);
  }
});

test('thousands of requests at once share at most four sessions', async (t) => {
  let [now, most] = [0, 0];
  const all = milestone(() => most >= 200);
  const { peer, origin, transport } = await start(t, async (stream) => {
    most = Math.max(most, ++now);
    all.check();
    await all.reached;
    now--;
    if (!stream.destroyed) ok(stream, {});
  });
  const sent = await Promise.all(
    Array.from({ length: 2_000 }, () => transport.send(post(origin), sendOptions())),
  );
  assert.ok(sent.every((one) => summary(one) === 'reply 200'));
  assert.ok(peer.accepted <= 4, `${peer.accepted} sessions`);
});

test('a peer that takes one stream at once gets one at once, and every request is answered', async (t) => {
  const now = new Map<unknown, number>();
  let most = 0;
  const { peer, origin, transport } = await start(
    t,
    (stream) => {
      const streams = (now.get(stream.session) ?? 0) + 1;
      now.set(stream.session, streams);
      most = Math.max(most, streams);
      setImmediate(() => {
        now.set(stream.session, now.get(stream.session)! - 1);
        ok(stream, {});
      });
    },
    { maxConcurrentStreams: 1 },
  );
  const sent = await Promise.all(
    Array.from({ length: 100 }, () => transport.send(post(origin), sendOptions())),
  );
  assert.deepEqual(new Set(sent.map(summary)), new Set(['reply 200']));
  assert.equal(most, 1);
  assert.ok(peer.accepted <= 4, `${peer.accepted} sessions`);
});

test('no more than 64 KiB of an answer are read, and the rest is cancelled', async (t) => {
  const closed = Promise.withResolvers<number>();
  const { origin, transport } = await start(t, (stream) => {
    stream.on('error', () => {}).once('close', () => closed.resolve(stream.rstCode!));
    stream.respond({ ':status': 200 });
    const pour = () => {
      while (!stream.destroyed && stream.write('x'.repeat(16_384)));
    };
    stream.on('drain', pour);
    pour();
  });
  const sent = await transport.send(post(origin), sendOptions());
  assert.ok(sent.kind === 'reply');
  assert.equal(sent.reply.body.length, 65_536);
  assert.equal(await closed.promise, 8);
});

test('a redirect is an answer like any other and leads nowhere', async (t) => {
  const { peer, origin, transport } = await start(t, (stream) => {
    stream.respond({ ':status': 302, location: 'http://169.254.169.254/' }, { endStream: true });
  });
  assert.equal(summary(await transport.send(post(origin), sendOptions())), 'reply 302');
  assert.equal(peer.accepted, 1);
});

test('a test attempt goes to the redirect, past the guard, and opens no way for others', async (t) => {
  const seen: IncomingHttpHeaders[] = [];
  const { peer, origin, transport } = await start(
    t,
    (stream, headers) => {
      seen.push(headers);
      ok(stream, headers);
    },
    {},
    createEgressGuard({ allow: [] }),
  );
  const redirect = { origin: `${origin}/simulator/apns`, headers: { 'x-bellhop-attempt': 'a1' } };
  const sent = await transport.send(post('https://api.push.apple.com/3/device/t'), sendOptions({ redirect }));
  assert.equal(summary(sent), 'reply 200');
  assert.equal(seen[0]![':path'], '/simulator/apns/3/device/t');
  assert.equal(seen[0]![':authority'], new URL(origin).host);
  assert.equal(seen[0]!['x-bellhop-attempt'], 'a1');
  assert.equal(summary(await transport.send(post(origin), sendOptions())), 'unavailable egress_refused');
  assert.equal(peer.accepted, 1);
});

test('what HTTP does not allow in a header is refused and the session lives on', async (t) => {
  const { peer, origin: url, transport } = await start(t, ok);
  const bad: Record<string, string>[] = [
    { 'x-a': 'b\r\nc' },
    { 'x-a': '\0' },
    { 'x a': 'b' },
    { ':path': '/other' },
    { connection: 'x' },
  ];
  for (const headers of bad) {
    const sent = await transport.send(post(url, { headers }), sendOptions());
    assert.equal(summary(sent), 'rejected request_invalid', JSON.stringify(headers));
  }
  assert.equal(summary(await transport.send(post(url), sendOptions())), 'reply 200');
  assert.ok(peer.accepted <= 1);
});

test('sessions are used again for the same connection key and never for another one', async (t) => {
  const { peer, origin, transport } = await start(t, ok);
  for (const connectionKey of ['one', 'two', 'one', 'two', 'one']) {
    await transport.send(post(origin), sendOptions({ connectionKey }));
  }
  assert.equal(peer.accepted, 2);
});

test('a name that leads inside is refused by the look-up of the connect', async (t) => {
  const guard = createEgressGuard({
    allow: ['127.0.0.2/32'],
    resolve: (_, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
  });
  const { peer, transport } = await start(t, ok, {}, guard);
  const sent = await transport.send(post(`http://rebind.example.com:${peer.port}/`), sendOptions());
  assert.equal(summary(sent), 'unavailable egress_refused');
  assert.equal(peer.accepted, 0);
});

const certificate = selfSigned();

test(
  'a certificate that nobody vouches for means that the account is misconfigured',
  certificate ? {} : { skip: 'no openssl here' },
  async (t) => {
    const server = createSecureServer({ ...certificate! });
    server.on('stream', () => assert.fail('a request got through'));
    const { port } = await listen(t, server);
    const sent = await transportFor(t).send(post(`https://127.0.0.1:${port}/`), sendOptions());
    assert.equal(summary(sent), 'unavailable account_misconfigured');
  },
);

test('close waits for what is under way, ends all sessions and takes nothing new', async (t) => {
  const arrived = Promise.withResolvers<ServerHttp2Stream>();
  const { origin, sessions, transport } = await start(t, (stream) => arrived.resolve(stream));
  const sending = transport.send(post(origin), sendOptions());
  const stream = await arrived.promise;
  const gone = new Promise((resolve) => sessions[0]!.once('close', resolve));
  const closing = transport.close();
  assert.equal(summary(await transport.send(post(origin), sendOptions())), 'retry network_error');
  ok(stream, {});
  assert.equal(summary(await sending), 'reply 200');
  await Promise.all([closing, gone]);
  assert.equal(sessions.length, 1);
});
