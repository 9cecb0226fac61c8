import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { listen, TestClient } from './test-peer.ts';

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** A client of ours at a server of Node's, which is by others (nghttp2) and so knows whether we keep the rules. */
async function start(t: TestContext, onStream: OnStream, settings = {}) {
  const server = createServer({ settings });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  const errors: Error[] = [];
  server.on('session', (session) => session.on('error', (error) => errors.push(error)));
  const client = new TestClient(await listen(t, server));
  t.after(() => client.connection.destroy(null));
  await client.ready.promise;
  return { client, server, errors };
}

/** Sends back what it got. */
const echo: OnStream = async (stream, headers) => {
  const body = Buffer.concat(await Array.fromAsync(stream));
  const { ':path': path, ...rest } = headers;
  const own = Object.entries(rest).filter(([name]) => name.startsWith('x-'));
  stream.respond({ ':status': 200, 'x-path': path, ...Object.fromEntries(own) });
  stream.end(body);
};

test('whatever is in headers and bodies, it arrives and comes back', async (t) => {
  const { client, errors } = await start(t, echo);
  const name = fc.constantFrom('x-a', 'x-b', 'x-longer-name', 'x-d');
  // RFC 9110, 5.5, without the spaces around that receivers strip.
  const value = fc
    .string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) })
    .filter((text) => !text.includes(','));
  const request = fc.record({
    path: fc.webPath().map((path) => path || '/'),
    isPathSecret: fc.boolean(),
    headers: fc.dictionary(name, value, { noNullPrototype: true }),
    body: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.integer({ min: 16_000, max: 100_000 }).map((size) => 'é'.repeat(size)),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 8 }), async (requests) => {
      const endings = await Promise.all(requests.map((one) => client.send(one).ending));
      for (const [index, { path, headers, body }] of requests.entries()) {
        const { error, status, body: came, headers: back } = endings[index]!;
        assert.equal(error, null);
        assert.equal(status, 200);
        assert.equal(came, Buffer.from(body).toString());
        const { date: _, ...own } = back;
        assert.deepEqual(own, { 'x-path': path, ...headers });
      }
    }),
    { numRuns: 60 },
  );
  assert.deepEqual(errors, []);
});

test('an answer in Latin-1 beyond ASCII, which comes with Huffman codes, is read as it is', async (t) => {
  const all = Array.from({ length: 0x5e }, (_, index) => String.fromCharCode(0x21 + index)).join('');
  const { client } = await start(t, (stream) => {
    stream.respond(
      { ':status': 200, 'x-all': `${all}\u00fc\u00ff`, 'x-many': ['a', 'b'] },
      { endStream: true },
    );
  });
  for (let i = 0; i < 3; i++) {
    const { headers } = await client.send().ending;
    assert.equal(headers['x-all'], `${all}\u00fc\u00ff`);
    assert.equal(headers['x-many'], 'a, b');
  }
});

test('headers larger than a frame arrive whole', async (t) => {
  const { client } = await start(t, echo, { maxHeaderListSize: 60_000 });
  const headers = { 'x-a': 'a'.repeat(30_000), 'x-b': 'b'.repeat(20_000) };
  const { headers: back } = await client.send({ headers }).ending;
  assert.equal(back['x-a'], headers['x-a']);
  assert.equal(back['x-b'], headers['x-b']);
});

test('more headers than the peer takes are not sent at all', async (t) => {
  const { client } = await start(t, echo, { maxHeaderListSize: 1_000 });
  assert.throws(
    () => client.send({ headers: { 'x-a': 'a'.repeat(1_000) } }),
    /more headers than the peer takes/,
  );
  assert.equal((await client.send().ending).status, 200);
});

test('a window of one byte, which the settings enlarge later, is kept to', async (t) => {
  const { client, errors } = await start(
    t,
    (stream) => {
      const sizes: number[] = [];
      stream.on('data', ({ length }: Buffer) => {
        if (sizes.push(length) === 1) stream.session!.settings({ initialWindowSize: 100_000 });
      });
      stream.on('end', () => {
        stream.respond({ ':status': 200 });
        stream.end(`${sizes[0]} of ${sizes.reduce((sum, size) => sum + size)}`);
      });
    },
    { initialWindowSize: 1 },
  );
  const { body } = await client.send({ body: 'x'.repeat(50_000) }).ending;
  assert.equal(body, '1 of 50000');
  assert.deepEqual(errors, []);
});

test('a body of more than all windows arrives, to a peer that reads slowly', async (t) => {
  const { client, errors } = await start(t, echo, { initialWindowSize: 1_000 });
  const body = Buffer.alloc(300_000, 'abcdefg');
  const both = await Promise.all([client.send({ body }).ending, client.send({ body }).ending]);
  for (const ending of both) assert.equal(ending.body, body.toString());
  assert.deepEqual(errors, []);
});

test('an answer of many megabytes comes whole: what was read is given back to the peer', async (t) => {
  const { client } = await start(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.end(Buffer.alloc(10_000_000, 'z'));
  });
  const [one, other] = await Promise.all([client.send().ending, client.send().ending]);
  assert.equal(one!.body.length, 10_000_000);
  assert.equal(other!.body.length, 10_000_000);
});

test('interim answers and trailers do not stand in the way of the answer', async (t) => {
  const { client } = await start(t, (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</a>' });
    stream.respond({ ':status': 201 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end('ok');
  });
  const { status, body, headers, error } = await client.send().ending;
  assert.deepEqual(
    { status, body, error, link: headers.link },
    { status: 201, body: 'ok', error: null, link: undefined },
  );
  assert.equal(headers['grpc-status'], undefined);
});

test('all requests of one turn leave in one write', async (t) => {
  const { client, server } = await start(t, echo);
  const write = t.mock.method(Socket.prototype, 'write');
  const { port } = server.address() as AddressInfo;
  await Promise.all(Array.from({ length: 50 }, () => client.send().ending));
  const writes = write.mock.calls.filter((call) => (call.this as Socket).remotePort === port);
  // Besides, the settings of the peer may have been acknowledged.
  assert.ok(writes.length <= 2, `${writes.length} writes`);
});

test('the encoder goes along when the peer takes its table away and gives it back', async (t) => {
  const { client, errors } = await start(t, (stream, headers) => {
    const size = headers['x-size'];
    if (size !== undefined) stream.session!.settings({ headerTableSize: Number(size) });
    return echo(stream, headers);
  });
  for (const size of ['0', '4096', '100', '64000']) {
    const headers = { 'x-a': 'same', 'x-b': 'same too' };
    for (let i = 0; i < 3; i++) {
      const { headers: back } = await client.send({ headers }).ending;
      assert.equal(back['x-b'], 'same too');
    }
    await client.send({ headers: { 'x-size': size } }).ending;
  }
  assert.deepEqual(errors, []);
});

test('close waits for the last answer and leaves in good order', async (t) => {
  const arrived = Promise.withResolvers<ServerHttp2Stream>();
  const { client } = await start(t, (stream) => arrived.resolve(stream));
  const { ending } = client.send();
  const stream = await arrived.promise;
  const goaway = new Promise((resolve) => stream.session!.once('goaway', resolve));
  client.connection.close();
  stream.respond({ ':status': 204 }, { endStream: true });
  assert.equal((await ending).status, 204);
  assert.equal(await goaway, 0);
  assert.equal(await client.closed.promise, null);
});
