import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ERROR, FLAG, FRAME, PREFACE, SETTING } from './frame.ts';
import { frame, number, STATUS_200, setting, startPair } from './test-peer.ts';

const HEAD = FLAG.endHeaders;
const WHOLE = FLAG.endHeaders | FLAG.endStream;
const whole = (streamId: number) => frame(FRAME.headers, WHOLE, streamId, STATUS_200);

test('the client begins with the preface and its settings, and acknowledges those of the peer', async (t) => {
  const { peer } = await startPair(t);
  const settings = await peer.next(FRAME.settings);
  assert.deepEqual(peer.preface, PREFACE);
  assert.equal(settings.flags, 0);
  assert.deepEqual([...settings.payload.subarray(0, 6)], [0, SETTING.enablePush, 0, 0, 0, 0]);
  assert.equal((await peer.next(FRAME.settings)).flags, FLAG.ack);
});

test('an answer that comes byte by byte, padded and in pieces, is put together', async (t) => {
  const { client, peer } = await startPair(t);
  const { ending } = client.send();
  await peer.next(FRAME.headers);
  const bytes = Buffer.concat([
    frame(99, 255, 12_345, Buffer.from('unknown')),
    frame(FRAME.priority, 0, 1, Buffer.alloc(5)),
    frame(FRAME.headers, FLAG.padded | FLAG.priority, 1, Buffer.from([2, 0, 0, 0, 0, 0, 0x88, 0, 0])),
    frame(FRAME.continuation, 0, 1, Buffer.from([0, 1, 0x61])),
    frame(FRAME.continuation, FLAG.endHeaders, 1, Buffer.from([1, 0x62])),
    frame(FRAME.data, FLAG.padded, 1, Buffer.from([1, 0x68, 0x69, 0])),
    frame(FRAME.data, FLAG.endStream, 1),
  ]);
  for (const byte of bytes) peer.write(Buffer.of(byte));
  const { status, headers, body, error } = await ending;
  assert.deepEqual(
    { status, headers, body, error },
    { status: 200, headers: { a: 'b' }, body: 'hi', error: null },
  );
});

const onFirstStream = (type: number, flags: number, payload?: Uint8Array) => frame(type, flags, 1, payload);
const VIOLATIONS: [name: string, code: number, bytes: Buffer][] = [
  ['a frame that is too large', ERROR.frameSize, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 1])],
  ['garbage', ERROR.frameSize, Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['a frame size below 16,384', ERROR.protocol, frame(4, 0, 0, setting(SETTING.maxFrameSize, 16_383))],
  [
    'a window that is too large',
    ERROR.flowControl,
    frame(4, 0, 0, setting(SETTING.initialWindowSize, 2 ** 31)),
  ],
  ['a push that is allowed by a server', ERROR.protocol, frame(4, 0, 0, setting(SETTING.enablePush, 1))],
  ['half a setting', ERROR.frameSize, frame(4, 0, 0, Buffer.alloc(5))],
  ['settings on a stream', ERROR.protocol, frame(4, 0, 1)],
  ['an acknowledgement with content', ERROR.frameSize, frame(4, FLAG.ack, 0, Buffer.alloc(6))],
  ['a ping of seven bytes', ERROR.frameSize, frame(FRAME.ping, 0, 0, Buffer.alloc(7))],
  ['a ping on a stream', ERROR.protocol, onFirstStream(FRAME.ping, 0, Buffer.alloc(8))],
  ['half a GOAWAY', ERROR.frameSize, frame(FRAME.goaway, 0, 0, Buffer.alloc(7))],
  ['a push', ERROR.protocol, onFirstStream(FRAME.pushPromise, HEAD, Buffer.alloc(5))],
  ['data on the connection', ERROR.protocol, frame(FRAME.data, 0, 0, Buffer.from('x'))],
  ['data on a stream that there is not', ERROR.protocol, frame(FRAME.data, 0, 99, Buffer.from('x'))],
  ['an answer on a stream of the server', ERROR.protocol, frame(FRAME.headers, WHOLE, 2, STATUS_200)],
  [
    'more padding than there is',
    ERROR.protocol,
    onFirstStream(FRAME.headers, HEAD | FLAG.padded, Buffer.from([9, 0x88])),
  ],
  ['padding without a length', ERROR.frameSize, onFirstStream(FRAME.data, FLAG.padded)],
  ['the continuation of nothing', ERROR.protocol, onFirstStream(FRAME.continuation, HEAD, STATUS_200)],
  [
    'a ping in the middle of a header block',
    ERROR.protocol,
    Buffer.concat([onFirstStream(FRAME.headers, 0, STATUS_200), frame(FRAME.ping, 0, 0, Buffer.alloc(8))]),
  ],
  [
    'a header block that says nothing',
    ERROR.compression,
    onFirstStream(FRAME.headers, HEAD, Buffer.of(0x80)),
  ],
  ['a connection window that grows by nothing', ERROR.protocol, frame(FRAME.windowUpdate, 0, 0, number(0))],
  [
    'a connection window that is too large',
    ERROR.flowControl,
    frame(FRAME.windowUpdate, 0, 0, number(2 ** 31 - 1)),
  ],
  [
    'a flood of continuations',
    ERROR.enhanceYourCalm,
    Buffer.concat([
      onFirstStream(FRAME.headers, 0),
      ...Array.from({ length: 100 }, () => onFirstStream(FRAME.continuation, 0)),
    ]),
  ],
  [
    'a flood of pings',
    ERROR.enhanceYourCalm,
    Buffer.concat(Array.from({ length: 2_000 }, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8)))),
  ],
  [
    'a flood of settings',
    ERROR.enhanceYourCalm,
    Buffer.concat(Array.from({ length: 2_000 }, () => frame(FRAME.settings, 0, 0))),
  ],
];
for (const [name, code, bytes] of VIOLATIONS) {
  test(`${name} ends the connection, and says why`, async (t) => {
    const { client, peer } = await startPair(t);
    const { stream, ending } = client.send();
    await peer.next(FRAME.headers);
    peer.write(bytes);
    const { payload } = await peer.next(FRAME.goaway);
    assert.equal(payload.readUInt32BE(4), code);
    assert.ok((await ending).error);
    assert.ok(client.connection.mayHaveProcessed(stream));
    assert.ok(await client.closed.promise);
  });
}

const HUGE_FIELD = Buffer.concat([Buffer.from([0, 1, 0x61, 0x7f, 0x81, 0x7e]), Buffer.alloc(16_256, 0x62)]);
const BAD_STREAMS: [name: string, code: number, frames: Buffer[]][] = [
  ['a body before its head', ERROR.protocol, [onFirstStream(FRAME.data, 0, Buffer.from('x'))]],
  [
    'a head without a status',
    ERROR.protocol,
    [onFirstStream(FRAME.headers, WHOLE, Buffer.from([0x00, 1, 0x61, 1, 0x62]))],
  ],
  ['a second head', ERROR.protocol, [onFirstStream(FRAME.headers, HEAD, STATUS_200), whole(1)]],
  [
    'a status of no number',
    ERROR.protocol,
    [onFirstStream(FRAME.headers, WHOLE, Buffer.from([0x08, 1, 0x61]))],
  ],
  ['a method instead of a status', ERROR.protocol, [onFirstStream(FRAME.headers, WHOLE, Buffer.of(0x82))]],
  [
    '101, which HTTP/2 does not have',
    ERROR.protocol,
    [onFirstStream(FRAME.headers, HEAD, Buffer.from('\x08\x03101'))],
  ],
  [
    'a stream window that grows by nothing',
    ERROR.protocol,
    [onFirstStream(FRAME.windowUpdate, 0, number(0))],
  ],
  [
    'a stream window that is too large',
    ERROR.flowControl,
    [onFirstStream(FRAME.windowUpdate, 0, number(2 ** 31 - 1))],
  ],
  [
    'more headers than we take',
    ERROR.protocol,
    [
      onFirstStream(FRAME.headers, FLAG.endStream, HUGE_FIELD),
      ...Array.from({ length: 4 }, (_, i) =>
        onFirstStream(FRAME.continuation, i === 3 ? HEAD : 0, HUGE_FIELD),
      ),
    ],
  ],
];
for (const [name, code, frames] of BAD_STREAMS) {
  test(`${name} ends the stream, and the connection lives on`, async (t) => {
    const { client, peer } = await startPair(t);
    const { stream, ending } = client.send();
    await peer.next(FRAME.headers);
    peer.write(...frames);
    const { payload, streamId } = await peer.next(FRAME.rstStream);
    assert.deepEqual([streamId, payload.readUInt32BE(0)], [1, code]);
    assert.ok((await ending).error);
    assert.ok(client.connection.mayHaveProcessed(stream));
    const again = client.send();
    await peer.next(FRAME.headers);
    peer.write(whole(3));
    assert.equal((await again.ending).status, 200);
  });
}

test('whatever bytes arrive, every request ends and nothing else happens', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
          fc
            .tuple(fc.nat(10), fc.nat(255), fc.nat(4), fc.uint8Array({ maxLength: 12 }))
            .map(([type, flags, id, payload]) => frame(type, flags, id, payload)),
        ),
        { maxLength: 12 },
      ),
      async (chunks) => {
        const { client, peer } = await startPair(t);
        const endings = [client.send(), client.send()];
        await peer.next(FRAME.headers);
        peer.write(...chunks);
        peer.socket.end();
        await Promise.all(endings.map(({ ending }) => ending));
        await client.closed.promise;
      },
    ),
    { numRuns: 150 },
  );
});
