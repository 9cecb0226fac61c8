import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { test } from 'node:test';
import { createEgressGuard } from '../../lib/egress.ts';
import { MaskedUrl, Secret } from '../../lib/secret.ts';
import type { HttpRequest } from '../../providers/index.ts';
import { createHttpTransport } from './http.ts';
import { listen, listenRaw, loopbackGuard, milestone, post, sendOptions, summary } from './test-peers.ts';

interface Seen {
  method: string;
  path: string;
  headers: Record<string, unknown>;
  body: Buffer;
}

type Answer = (seen: Seen, response: ServerResponse, request: IncomingMessage) => void;

async function start(t: Parameters<typeof listen>[0], answer: Answer, guard = loopbackGuard) {
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request));
    answer(
      { method: request.method!, path: request.url!, headers: request.headers, body },
      response,
      request,
    );
  });
  const peer = await listen(t, server);
  const transport = createHttpTransport({ guard });
  t.after(() => transport.close());
  return { peer, origin: `http://127.0.0.1:${peer.port}`, transport };
}

const ok: Answer = (_, response) => response.end('ok');

test('a request arrives exactly as it was asked for, and its answer comes back whole', async (t) => {
  const seen: Seen[] = [];
  const { origin, transport } = await start(t, (request, response) => {
    seen.push(request);
    response.writeHead(201, { 'X-Message-Id': 'm-1', 'x-many': ['a', 'b'] });
    response.end('{"name":"Zoë"}');
  });
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const url = `${origin}/v1/a%20b/messages:send?key=k%2F1&x=`;
  const sent = await transport.send(
    post(url, {
      headers: { 'content-type': 'application/octet-stream', authorization: new Secret('Bearer s') },
      body: bytes,
    }),
    sendOptions(),
  );
  assert.ok(sent.kind === 'reply');
  assert.equal(sent.reply.status, 201);
  assert.equal(sent.reply.body, '{"name":"Zoë"}');
  assert.equal(sent.reply.headers['x-message-id'], 'm-1');
  assert.equal(sent.reply.headers['x-many'], 'a, b');
  assert.equal(seen[0]!.method, 'POST');
  assert.equal(seen[0]!.path, '/v1/a%20b/messages:send?key=k%2F1&x=');
  assert.deepEqual(seen[0]!.body, Buffer.from(bytes));
  assert.deepEqual(seen[0]!.headers, {
    host: new URL(origin).host,
    connection: 'keep-alive',
    'content-type': 'application/octet-stream',
    authorization: 'Bearer s',
    'content-length': '256',
  });
});

test('every method works, with and without a body', async (t) => {
  const { origin, transport } = await start(t, ({ method, body }, response) =>
    response.end(`${method} ${body}`),
  );
  const requests: [HttpRequest['method'], string][] = [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', ''],
    ['PUT', 'ünï'],
  ];
  for (const [method, body] of requests) {
    const sent = await transport.send(post(origin, { method, body }), sendOptions());
    assert.ok(sent.kind === 'reply');
    assert.equal(sent.reply.body, `${method} ${body}`);
  }
});

test('a masked URL is requested with its secret', async (t) => {
  const { origin, transport } = await start(t, ({ path }, response) => response.end(path));
  const url = new MaskedUrl(`${origin}/bot123:secret/send`, `${origin}/***/send`);
  const sent = await transport.send({ ...post(origin), url }, sendOptions());
  assert.ok(sent.kind === 'reply');
  assert.equal(sent.reply.body, '/bot123:secret/send');
});

test('no more than 64 KiB of an answer are read, however long it is', async (t) => {
  const { origin, transport } = await start(t, ({ path }, response) => {
    if (path === '/fits') return response.end('f'.repeat(65_536));
    const pour = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
    };
    response.on('drain', pour);
    pour();
  });
  for (const path of ['/fits', '/endless']) {
    const sent = await transport.send(post(origin + path), sendOptions());
    assert.ok(sent.kind === 'reply');
    assert.equal(sent.reply.body.length, 65_536, path);
  }
});

test('a redirect is an answer like any other and leads nowhere', async (t) => {
  const paths: string[] = [];
  const { origin, transport } = await start(t, ({ path }, response) => {
    paths.push(path);
    const location = path === '/out' ? 'http://169.254.169.254/latest/meta-data/' : '/followed';
    response.writeHead(path === '/keep' ? 307 : 302, { location }).end();
  });
  assert.equal(summary(await transport.send(post(`${origin}/out`), sendOptions())), 'reply 302');
  assert.equal(summary(await transport.send(post(`${origin}/keep`), sendOptions())), 'reply 307');
  assert.deepEqual(paths, ['/out', '/keep']);
});

test('a forbidden address is refused before anything is connected', async (t) => {
  const { peer, transport } = await start(t, ok, createEgressGuard({ allow: [] }));
  const urls = [
    `http://127.0.0.1:${peer.port}/`,
    `https://127.0.0.1:${peer.port}/`,
    `https://2130706433:${peer.port}/`,
  ];
  for (const url of urls) {
    assert.equal(summary(await transport.send(post(url), sendOptions())), 'unavailable egress_refused', url);
  }
  assert.equal(peer.accepted, 0);
});

test('a name that is public first and then leads inside does not reach the inside', async (t) => {
  let lookups = 0;
  const guard = createEgressGuard({
    allow: ['127.0.0.2/32'],
    resolve: (_, callback) =>
      callback(null, [{ address: lookups++ === 0 ? '127.0.0.2' : '127.0.0.1', family: 4 }]),
  });
  const { peer, transport } = await start(t, ok, guard);
  // Nothing listens on the allowed address; each attempt to connect resolves the name anew.
  const url = `http://rebind.example.com:${peer.port}/`;
  assert.equal(summary(await transport.send(post(url), sendOptions())), 'retry network_error');
  assert.equal(summary(await transport.send(post(url), sendOptions())), 'unavailable egress_refused');
  assert.equal(lookups, 2);
  assert.equal(peer.accepted, 0);
});

test('a test attempt goes to the redirect with its path and headers, past the guard, and opens no way for others', async (t) => {
  const seen: Seen[] = [];
  const { peer, origin, transport } = await start(
    t,
    (request, response) => {
      seen.push(request);
      response.end();
    },
    createEgressGuard({ allow: [] }),
  );
  const redirect = {
    origin: `${origin}/simulator/fcm/`,
    headers: { 'x-bellhop-attempt': 'a1', 'x-own': 'ours' },
  };
  for (const path of ['/v1/send?x=1', '//evil.example.com/..%2f/x']) {
    const request = post(`https://vendor.example.com${path}`, { headers: { 'x-own': 'theirs' } });
    assert.equal(summary(await transport.send(request, sendOptions({ redirect }))), 'reply 200');
  }
  assert.deepEqual(
    seen.map(({ path }) => path),
    ['/simulator/fcm/v1/send?x=1', '/simulator/fcm//evil.example.com/..%2f/x'],
  );
  assert.equal(seen[0]!.headers['x-bellhop-attempt'], 'a1');
  assert.equal(seen[0]!.headers['x-own'], 'ours');
  const before = peer.accepted;
  const direct = await transport.send(post(origin), sendOptions());
  assert.equal(summary(direct), 'unavailable egress_refused');
  assert.equal(peer.accepted, before);
});

test('connections are used again for the same connection key and never for another one', async (t) => {
  const sockets = new Map<string, Set<unknown>>();
  const { peer, origin, transport } = await start(t, (seen, response, request) => {
    const key = String(seen.headers['x-key']);
    sockets.set(key, (sockets.get(key) ?? new Set()).add(request.socket));
    response.end();
  });
  for (const key of ['one', 'two', 'one', 'two', 'one']) {
    await transport.send(post(origin, { headers: { 'x-key': key } }), sendOptions({ connectionKey: key }));
  }
  assert.equal(peer.accepted, 2);
  assert.equal(sockets.get('one')!.intersection(sockets.get('two')!).size, 0);
});

test('an answer that nobody asked for is not taken for the answer to the next request', async (t) => {
  let requests = 0;
  const answerWith = (status: string) => `HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`;
  const peer = await listenRaw(t, (socket) =>
    socket.on('data', () => socket.write(answerWith(requests++ === 0 ? '200 OK' : '500 No').repeat(2))),
  );
  const transport = createHttpTransport({ guard: loopbackGuard });
  t.after(() => transport.close());
  const send = async () =>
    summary(await transport.send(post(`http://127.0.0.1:${peer.port}/`), sendOptions({ maxInFlight: 1 })));
  assert.deepEqual([await send(), await send()], ['reply 200', 'reply 500']);
});

test('no more requests are under way at once than the connection allows', async (t) => {
  const held: ServerResponse[] = [];
  let [answered, most] = [0, 0];
  const { origin, transport } = await start(t, (_, response) => {
    most = Math.max(most, held.push(response));
    // The last ones come when nothing else is left to wait for.
    if (held.length < 3 && answered + held.length < 30) return;
    for (const one of held.splice(0)) {
      answered++;
      one.end();
    }
  });
  const options = sendOptions({ maxInFlight: 3 });
  const sent = await Promise.all(Array.from({ length: 30 }, () => transport.send(post(origin), options)));
  assert.ok(sent.every((one) => summary(one) === 'reply 200'));
  assert.equal(most, 3);
});

test('close waits for what is under way, ends all connections and takes nothing new', async (t) => {
  const held: ServerResponse[] = [];
  const arrived = milestone(() => held.length === 1);
  const { peer, origin, transport } = await start(t, (_, response) => {
    held.push(response);
    arrived.check();
  });
  const sending = transport.send(post(origin), sendOptions());
  await arrived.reached;
  const gone = new Promise((resolve) => held[0]!.socket!.once('close', resolve));
  const closing = transport.close();
  const late = await transport.send(post(origin), sendOptions());
  assert.equal(summary(late), 'retry network_error');
  held[0]!.end('done');
  assert.equal(summary(await sending), 'reply 200');
  await Promise.all([closing, gone]);
  assert.equal(peer.accepted, 1);
});
