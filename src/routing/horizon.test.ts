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

  it('moves for each priority apart, so that a backlog of one is not passed over', () => {
    const horizon = new Horizon();
    horizon.since(10_000);
    horizon.passed(0, 9_990);
    horizon.passed(2, 3_000);
    assert.deepEqual(horizon.since(10_001), [8_990, 0, 2_000]);
  });
});
