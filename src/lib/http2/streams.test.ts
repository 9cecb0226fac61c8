import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LARGEST_STREAM_ID } from './frame.ts';
import { Output } from './output.ts';
import { Streams } from './streams.ts';

test('when there are no more numbers for streams, what comes next fails and was not processed', () => {
  const streams = new Streams('https://a.example', new Output(), () => {}, LARGEST_STREAM_ID - 2);
  const failed: number[] = [];
  const add = (number: number) =>
    streams.add(
      { method: 'GET', path: '/', isPathSecret: false, headers: {}, body: '' },
      { onHead() {}, onData() {}, onEnd() {}, onFailed: () => failed.push(number) },
    );
  const [first, second, third] = [add(1), add(2), add(3)];
  assert.equal(streams.isExhausted, false);
  streams.writeNew();
  assert.equal(streams.isExhausted, true);
  assert.deepEqual([first.id, second.id, third.id], [LARGEST_STREAM_ID - 2, LARGEST_STREAM_ID, 0]);
  assert.deepEqual(failed, [3]);
  assert.equal(streams.mayHaveProcessed(second), true);
  assert.equal(streams.mayHaveProcessed(third), false);
  assert.equal(streams.count, 2);
});
