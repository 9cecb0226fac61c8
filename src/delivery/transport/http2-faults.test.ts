import assert from 'node:assert/strict';
import { constants, createServer, type ServerHttp2Stream } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { createEgressGuard } from '../../lib/egress.ts';
import { createHttp2Transport } from './http2.ts';
import type { HttpTransport } from './index.ts';
import {
  deadPort,
  listen,
  listenRaw,
  loopbackGuard,
  milestone,
  post,
  sendOptions,
  summary,
} from './test-peers.ts';

function transportFor(t: TestContext, guard = loopbackGuard) {
  const transport = createHttp2Transport({ guard });
  t.after(() => transport.close());
  return transport;
}

/** A peer that holds every stream; `full` is reached with so many of them. */
async function holdingPeer(t: TestContext, { expected = 1, settings = {}, port = 0 } = {}) {
  const streams: ServerHttp2Stream[] = [];
  const full = milestone(() => streams.length === expected);
  const server = createServer({ settings });
  server.on('stream', (stream: ServerHttp2Stream) => {
    streams.push(stream);
    stream.on('error', () => {});
    full.check();
  });
  server.on('session', (session) => session.on('error', () => {}));
  const peer = await listen(t, server, port);
  return { peer, streams, full: full.reached, origin: `http://127.0.0.1:${peer.port}` };
}

/** Sends so many requests and tells what became of each. */
const sendEach = (transport: HttpTransport, origin: string, count: number, changes = {}) =>
  Array.from({ length: count }, async (_, number) =>
    summary(await transport.send(post(`${origin}/${number}`), sendOptions(changes))),
  );
const sendMany = (...args: Parameters<typeof sendEach>) => Promise.all(sendEach(...args));

const answer = (stream: ServerHttp2Stream) => stream.respond({ ':status': 200 }, { endStream: true });

function answeringServer() {
  const server = createServer();
  server.on('stream', answer);
  return server;
}

test('a refused connection may be tried again, by everything that waited for it', async (t) => {
  const origin = `http://127.0.0.1:${await deadPort(t)}`;
  assert.deepEqual(await sendMany(transportFor(t), origin, 3), Array(3).fill('retry network_error'));
});

test('a name that cannot be resolved may be tried again', async (t) => {
  const resolve = (_: string, callback: (error: Error, addresses: []) => void) =>
    callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), []);
  const transport = transportFor(t, createEgressGuard({ allow: [], resolve }));
  const sent = await transport.send(post('https://vendor.example.com/'), sendOptions());
  assert.equal(summary(sent), 'retry network_error');
});

test('a peer that accepts and says nothing times out, and nothing was sent', async (t) => {
  const peer = await listenRaw(t, () => {});
  for (const origin of [`http://127.0.0.1:${peer.port}`, `https://127.0.0.1:${peer.port}`]) {
    const outcomes = await sendMany(transportFor(t), origin, 2, { connectTimeoutMs: 200 });
    assert.deepEqual(outcomes, ['retry timeout', 'retry timeout'], origin);
  }
});

test('the deadline holds while there is no session yet', async (t) => {
  const peer = await listenRaw(t, () => {});
  const [outcome] = await sendMany(transportFor(t), `http://127.0.0.1:${peer.port}`, 1, { deadlineMs: 200 });
  assert.equal(outcome, 'retry timeout');
});

test('a peer that speaks something else than HTTP/2 was sent no request', async (t) => {
  const peer = await listenRaw(t, (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const [outcome] = await sendMany(transportFor(t), `http://127.0.0.1:${peer.port}`, 1);
  assert.equal(outcome, 'retry network_error');
});

test('a stream that is never answered is unknown at the deadline, and cancelled', async (t) => {
  const { streams, origin } = await holdingPeer(t);
  const started = performance.now();
  const [outcome] = await sendMany(transportFor(t), origin, 1, { deadlineMs: 300 });
  const took = performance.now() - started;
  assert.equal(outcome, 'unknown timeout');
  assert.ok(took >= 300 && took < 1_200, `${took} ms`);
  const stream = streams[0]!;
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
  assert.equal(stream.rstCode, constants.NGHTTP2_CANCEL);
});

test('after a timeout the session is still used', async (t) => {
  const { peer, streams, origin } = await holdingPeer(t);
  const transport = transportFor(t);
  await sendMany(transport, origin, 1, { deadlineMs: 200 });
  const sending = sendMany(transport, origin, 1);
  while (streams.length < 2) await new Promise(setImmediate);
  answer(streams[1]!);
  assert.deepEqual(await sending, ['reply 200']);
  assert.equal(peer.accepted, 1);
});

test('a refused stream was not processed and may be tried again; one reset otherwise is unknown', async (t) => {
  const cases = [
    [constants.NGHTTP2_REFUSED_STREAM, 'retry network_error'],
    [constants.NGHTTP2_INTERNAL_ERROR, 'unknown connection_lost'],
    [constants.NGHTTP2_CANCEL, 'unknown connection_lost'],
    [constants.NGHTTP2_NO_ERROR, 'unknown connection_lost'],
  ] as const;
  for (const [code, expected] of cases) {
    const { streams, full, origin } = await holdingPeer(t);
    const sending = sendMany(transportFor(t), origin, 1);
    await full;
    streams[0]!.close(code);
    assert.deepEqual(await sending, [expected], `code ${code}`);
  }
});

test('streams above the last id of a GOAWAY may be tried again, those below are unknown when no answer comes', async (t) => {
  const { streams, full, origin } = await holdingPeer(t, { expected: 5 });
  const sending = sendEach(transportFor(t), origin, 5);
  await full;
  const { session } = streams[0]!;
  session!.goaway(constants.NGHTTP2_NO_ERROR, streams[2]!.id);
  answer(streams[1]!);
  assert.equal(await sending[1], 'reply 200');
  assert.equal(await sending[3], 'retry network_error');
  assert.equal(await sending[4], 'retry network_error');
  session!.destroy();
  assert.equal(await sending[0], 'unknown connection_lost');
  assert.equal(await sending[2], 'unknown connection_lost');
});

test('a GOAWAY with an error leaves streams up to its last id unknown, and the others not sent', async (t) => {
  for (const code of [constants.NGHTTP2_ENHANCE_YOUR_CALM, constants.NGHTTP2_REFUSED_STREAM]) {
    const { streams, full, origin } = await holdingPeer(t, { expected: 3 });
    const sending = sendMany(transportFor(t), origin, 3);
    await full;
    streams[0]!.session!.goaway(code, streams[0]!.id);
    const outcomes = await sending;
    assert.deepEqual(outcomes, ['unknown connection_lost', 'retry network_error', 'retry network_error']);
  }
});

test('a GOAWAY lets what is under way finish and moves what comes next to another session', async (t) => {
  const { peer, streams, full, origin } = await holdingPeer(t);
  const transport = transportFor(t);
  const first = sendMany(transport, origin, 1);
  await full;
  const before = streams[0]!;
  before.session!.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
  // The ping is answered after the GOAWAY was read.
  await new Promise<void>((resolve) => before.session!.ping(() => resolve()));
  const second = sendMany(transport, origin, 1);
  while (streams.length < 2) await new Promise(setImmediate);
  answer(streams[1]!);
  answer(before);
  assert.deepEqual([...(await first), ...(await second)], ['reply 200', 'reply 200']);
  assert.equal(peer.accepted, 2);
});

test('when the connection breaks, streams under way are unknown and those that still wait go elsewhere', async (t) => {
  const { streams, full, origin } = await holdingPeer(t, {
    expected: 4,
    settings: { maxConcurrentStreams: 1 },
  });
  const transport = transportFor(t);
  const sending = sendMany(transport, origin, 6, { deadlineMs: 5_000 });
  await full;
  const doomed = streams[0]!;
  doomed.session!.destroy();
  while (streams.length < 5) await new Promise(setImmediate);
  for (const stream of streams) if (stream !== doomed) answer(stream);
  while (streams.length < 6) await new Promise(setImmediate);
  answer(streams[5]!);
  const outcomes = await sending;
  assert.equal(outcomes.filter((one) => one === 'unknown connection_lost').length, 1);
  assert.equal(outcomes.filter((one) => one === 'reply 200').length, 5);
});

test('when the server dies, what it had is unknown, what waited may be tried again, and later it is found again', async (t) => {
  const { peer, streams, full, origin } = await holdingPeer(t, {
    expected: 4,
    settings: { maxConcurrentStreams: 1 },
  });
  const transport = transportFor(t);
  const sending = sendMany(transport, origin, 7);
  await full;
  const had = new Set(streams.map(({ session }) => session));
  assert.equal(had.size, 4);
  await peer.kill();
  const outcomes = await sending;
  assert.equal(outcomes.filter((one) => one === 'unknown connection_lost').length, 4);
  assert.equal(outcomes.filter((one) => one === 'retry network_error').length, 3);
  assert.deepEqual(await sendMany(transport, origin, 1), ['retry network_error']);
  await listen(t, answeringServer(), peer.port);
  assert.deepEqual(await sendMany(transport, origin, 1), ['reply 200']);
});

test('a body that breaks off after the status is the reply with what was read', async (t) => {
  const { streams, full, origin } = await holdingPeer(t);
  const sending = sendMany(transportFor(t), origin, 1);
  await full;
  streams[0]!.respond({ ':status': 202 });
  streams[0]!.write('part', () => streams[0]!.close(constants.NGHTTP2_INTERNAL_ERROR));
  assert.deepEqual(await sending, ['reply 202']);
});

test('an attempt that was given up before it began is not sent, even over an open session', async (t) => {
  const server = answeringServer();
  let streams = 0;
  server.on('stream', () => streams++);
  const { port } = await listen(t, server);
  const transport = transportFor(t);
  const origin = `http://127.0.0.1:${port}`;
  assert.deepEqual(await sendMany(transport, origin, 1), ['reply 200']);
  const given = await sendMany(transport, origin, 1, { signal: AbortSignal.abort() });
  assert.deepEqual(given, ['retry network_error']);
  assert.deepEqual(await sendMany(transport, origin, 1), ['reply 200']);
  assert.equal(streams, 2);
});

test('an attempt that is given up is unknown when it is under way', async (t) => {
  const { full, origin } = await holdingPeer(t);
  const giveUp = new AbortController();
  const sending = sendMany(transportFor(t), origin, 1, { signal: giveUp.signal });
  await full;
  giveUp.abort();
  assert.deepEqual(await sending, ['unknown connection_lost']);
});
