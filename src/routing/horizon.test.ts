import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Horizon } from './horizon.ts';

describe('the horizon of routing', () => {
  it('begins with a look at everything, and has one every two seconds', () => {
    const horizon = new Horizon();
    assert.deepEqual(horizon.since(10_000), [0, 0, 0]);
    horizon.passed(1, 9_500);
    assert.deepEqual(horizon.since(11_999), [0, 8_500, 0]);
    assert.deepEqual(horizon.since(12_000), [0, 0, 0]);
    assert.deepEqual(horizon.since(12_001), [0, 8_500, 0]);
  });

  it('waits longer with the next look at everything when one took long', () => {
    const horizon = new Horizon();
    horizon.since(10_000);
    horizon.looked(10_000, 10_500);
    horizon.passed(1, 10_400);
    horizon.since(10_600);
    horizon.looked(10_600, 10_900);
    assert.deepEqual(horizon.since(20_499), [0, 9_400, 0]);
    assert.deepEqual(horizon.since(20_500), [0, 0, 0]);
  });

  it('moves for each priority apart, so that a backlog of one is not passed over', () => {
    const horizon = new Horizon();
    horizon.since(10_000);
    horizon.passed(0, 9_990);
    horizon.passed(2, 3_000);
    assert.deepEqual(horizon.since(10_001), [8_990, 0, 2_000]);
  });
});
