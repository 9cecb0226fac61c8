import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConnectionError, ERROR } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { frame, type SeenFrame } from './test-peer.ts';

const frames = fc.array(
  fc.record(
    {
      type: fc.nat(255),
      flags: fc.nat(255),
      streamId: fc.nat(2 ** 31 - 1),
      payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 12 },
);

function readAll(chunks: Buffer[]): SeenFrame[] {
  const seen: SeenFrame[] = [];
  const reader = new FrameReader(({ type, flags, streamId, bytes, start, end }) => {
    seen.push({ type, flags, streamId, payload: Buffer.from(bytes.subarray(start, end)) });
    return true;
  });
  for (const chunk of chunks) reader.read(chunk);
  return seen;
}

test('frames come out as they went in, however the bytes are cut', () => {
  fc.assert(
    fc.property(frames, fc.infiniteStream(fc.integer({ min: 1, max: 400 })), (sent, sizes) => {
      const bytes = Buffer.concat(
        sent.map(({ type, flags, streamId, payload }) => frame(type, flags, streamId, payload)),
      );
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = sizes.next().value!;
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(readAll(chunks), sent);
    }),
  );
});

test('frames come out as they went in, byte by byte', () => {
  const bytes = Buffer.concat([frame(4, 1, 0), frame(0, 1, 7, Buffer.from('hello')), frame(6, 0, 0)]);
  const seen = readAll([...bytes].map((byte) => Buffer.of(byte)));
  assert.deepEqual(
    seen.map(({ type, payload }) => [type, payload.toString()]),
    [
      [4, ''],
      [0, 'hello'],
      [6, ''],
    ],
  );
});

test('a frame larger than allowed is refused by its head', () => {
  const head = Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1]);
  for (const chunks of [[head], [...head].map((byte) => Buffer.of(byte))]) {
    assert.throws(
      () => readAll(chunks),
      (error) => error instanceof ConnectionError && error.errorCode === ERROR.frameSize,
    );
  }
});

test('nothing is read any more once the reader is told so', () => {
  let count = 0;
  const reader = new FrameReader(() => ++count < 2);
  reader.read(Buffer.concat([frame(6, 0, 0), frame(6, 0, 0), frame(6, 0, 0)]));
  assert.equal(count, 2);
});
