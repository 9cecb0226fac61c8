import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR, FLAG, FRAME, SETTING } from './frame.ts';
import { frame, number, STATUS_200, setting, startPair } from './test-peer.ts';

const goaway = (lastStreamId: number, code: number) => Buffer.concat([number(lastStreamId), number(code)]);
const HEAD = FLAG.endHeaders;
const WHOLE = FLAG.endHeaders | FLAG.endStream;
const whole = (streamId: number) => frame(FRAME.headers, WHOLE, streamId, STATUS_200);

test('pings are answered with what they brought', async (t) => {
  const { peer } = await startPair(t);
  peer.write(frame(FRAME.ping, 0, 0, Buffer.from('12345678')));
  const { flags, payload } = await peer.next(FRAME.ping);
  assert.deepEqual([flags, payload.toString()], [FLAG.ack, '12345678']);
});

test('a ping of ours is answered by its own acknowledgement only', async (t) => {
  const { client, peer } = await startPair(t);
  const ponged = Promise.withResolvers<void>();
  let count = 0;
  client.connection.ping(() => {
    count++;
    ponged.resolve();
  });
  const { payload } = await peer.next(FRAME.ping);
  peer.write(frame(FRAME.ping, FLAG.ack, 0, Buffer.alloc(8)), frame(FRAME.ping, FLAG.ack, 0, payload));
  await ponged.promise;
  assert.equal(count, 1);
});

test('an early answer ends the stream, and the rest of the body is not sent', async (t) => {
  const { client, peer } = await startPair(t, setting(SETTING.initialWindowSize, 10));
  const { ending } = client.send({ body: 'x'.repeat(100) });
  assert.equal((await peer.next(FRAME.data)).payload.length, 10);
  peer.write(frame(FRAME.headers, WHOLE, 1, STATUS_200));
  assert.equal((await ending).status, 200);
  assert.equal((await peer.next(FRAME.rstStream)).payload.readUInt32BE(0), ERROR.cancel);
});

test('settings that shrink a window below nothing are made up for before more is sent', async (t) => {
  const { client, peer } = await startPair(t, setting(SETTING.initialWindowSize, 10));
  const { ending } = client.send({ body: 'x'.repeat(30) });
  assert.equal((await peer.next(FRAME.data)).payload.length, 10);
  // -8, then 2, then 20.
  peer.write(
    frame(FRAME.settings, 0, 0, setting(SETTING.initialWindowSize, 2)),
    frame(FRAME.windowUpdate, 0, 1, number(10)),
  );
  assert.equal((await peer.next(FRAME.data)).payload.length, 2);
  peer.write(frame(FRAME.settings, 0, 0, setting(SETTING.initialWindowSize, 20)));
  const { payload, flags } = await peer.next(FRAME.data);
  assert.deepEqual([payload.length, flags], [18, FLAG.endStream]);
  peer.write(whole(1));
  assert.equal((await ending).status, 200);
});

test('a header that was cut off by the reset of its stream is still known to later answers', async (t) => {
  const { client, peer } = await startPair(t);
  const first = client.send();
  await peer.next(FRAME.headers);
  client.connection.cancel(first.stream);
  const second = client.send();
  await peer.next(FRAME.rstStream);
  await peer.next(FRAME.headers);
  peer.write(
    frame(FRAME.headers, WHOLE, 1, Buffer.from([0x88, 0x40, 1, 0x61, 1, 0x62])),
    frame(FRAME.headers, WHOLE, 3, Buffer.from([0x88, 0xbe])),
  );
  assert.deepEqual((await second.ending).headers, { a: 'b' });
});

test('what is given up before it is written never is, and was not processed', async (t) => {
  const { client, peer } = await startPair(t);
  const given = client.send({ path: '/given-up' });
  client.connection.cancel(given.stream);
  client.send({ path: '/sent' });
  const { fields, streamId } = await peer.nextRequest();
  assert.equal(streamId, 1);
  assert.deepEqual(
    fields.find(([name]) => name === ':path'),
    [':path', '/sent'],
  );
  assert.equal(client.connection.mayHaveProcessed(given.stream), false);
});

test('two GOAWAYs: the second one counts, and what it leaves out was not processed', async (t) => {
  const { client, peer } = await startPair(t);
  const [first, second] = [client.send(), client.send()];
  await peer.next(FRAME.headers);
  peer.write(frame(FRAME.goaway, 0, 0, goaway(2 ** 31 - 1, ERROR.none)));
  await client.retired.promise;
  peer.write(frame(FRAME.goaway, 0, 0, goaway(1, ERROR.none)), whole(1));
  assert.ok((await second.ending).error);
  assert.equal(client.connection.mayHaveProcessed(second.stream), false);
  assert.equal((await first.ending).status, 200);
  assert.equal(await client.closed.promise, null);
});

test('a refused stream was not processed, whatever else the peer resets', async (t) => {
  const { client, peer } = await startPair(t);
  const [first, second] = [client.send(), client.send()];
  await peer.next(FRAME.headers);
  await peer.next(FRAME.headers);
  peer.write(
    frame(FRAME.rstStream, 0, 1, number(ERROR.refusedStream)),
    frame(FRAME.rstStream, 0, 3, number(ERROR.internal)),
  );
  await Promise.all([first.ending, second.ending]);
  assert.equal(client.connection.mayHaveProcessed(first.stream), false);
  assert.equal(client.connection.mayHaveProcessed(second.stream), true);
});

test('half a window of an answer is given back at once, for the stream', async (t) => {
  const { client, peer } = await startPair(t);
  const { ending } = client.send();
  await peer.next(FRAME.data);
  const piece = frame(FRAME.data, 0, 1, Buffer.alloc(16_384));
  peer.write(frame(FRAME.headers, HEAD, 1, STATUS_200), piece, piece, piece, piece);
  const { streamId, payload } = await peer.next(FRAME.windowUpdate);
  assert.deepEqual([streamId, payload.readUInt32BE(0)], [1, 65_536]);
  peer.write(frame(FRAME.data, FLAG.endStream, 1));
  assert.equal((await ending).body.length, 65_536);
});

test('a peer that ends its side has answered all that it will, and is asked nothing more', async (t) => {
  const { client, peer } = await startPair(t);
  const { stream, ending } = client.send();
  await peer.next(FRAME.headers);
  peer.socket.end();
  assert.ok((await ending).error);
  assert.ok(client.connection.mayHaveProcessed(stream));
  assert.throws(() => client.send(), /takes no more requests/);
  assert.equal(await client.closed.promise, null);
});

test('what waits for a socket that takes nothing was not processed', async (t) => {
  const { client, peer } = await startPair(t, setting(SETTING.initialWindowSize, 2 ** 31 - 1));
  const large = client.send({ body: 'x' });
  await peer.next(FRAME.headers);
  peer.socket.pause();
  peer.write(frame(FRAME.windowUpdate, 0, 0, number(2 ** 30)));
  const ponged = new Promise<void>((resolve) => client.connection.ping(resolve));
  peer.write(frame(FRAME.ping, FLAG.ack, 0, Buffer.from('liveness')));
  await ponged;
  const stuck = client.send({ body: Buffer.alloc(64 * 1024 * 1024) });
  await new Promise(setImmediate);
  assert.ok(client.connection.mayHaveProcessed(stuck.stream));
  const waiting = client.send();
  await new Promise(setImmediate);
  peer.socket.destroy();
  assert.ok((await waiting.ending).error);
  assert.equal(client.connection.mayHaveProcessed(waiting.stream), false);
  assert.ok((await large.ending).error);
});
