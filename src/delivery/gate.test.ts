import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Gate } from './gate.ts';

const limits = { connectTimeoutMs: 1, deadlineMs: 2, maxInFlight: 3 };

function use(gate: Gate, lesson: Parameters<Gate['finish']>[0], now: number): void {
  gate.reserve(1);
  gate.finish(lesson, now);
}

describe('the gate of a connection', () => {
  it('gives as many permits as there are free slots', () => {
    const gate = new Gate(limits, 0);
    assert.equal(gate.permits(0), 3);
    gate.reserve(2);
    assert.equal(gate.permits(0), 1);
    gate.release(1);
    assert.equal(gate.permits(0), 2);
  });

  it('keeps to the declared rate and says when the next permit comes', () => {
    const gate = new Gate({ ...limits, maxInFlight: 100, ratePerSecond: 2 }, 0);
    assert.equal(gate.permits(0), 2);
    gate.reserve(2);
    assert.equal(gate.permits(0), 0);
    assert.equal(gate.opensAt(0), 500);
    assert.equal(gate.permits(500), 1);
  });

  it('pauses to the millisecond when the vendor asked for it', () => {
    const gate = new Gate(limits, 0);
    use(gate, { pauseMs: 1_234 }, 10);
    assert.equal(gate.permits(1_243), 0);
    assert.equal(gate.opensAt(10), 1_244);
    assert.equal(gate.permits(1_244), 3);
  });

  it('opens at once for a broken account and lets one probe through after five seconds', () => {
    const gate = new Gate(limits, 0);
    use(gate, 'broken', 0);
    assert.equal(gate.permits(4_999), 0);
    assert.equal(gate.permits(5_000), 1);
    gate.reserve(1);
    assert.equal(gate.permits(5_000), 0, 'one probe at a time');
    gate.finish('healthy', 5_001);
    assert.equal(gate.permits(5_001), 1, 'a tenth of its slots');
    assert.equal(gate.permits(35_001), 3);
  });

  it('doubles the wait after each failed probe, up to five minutes', () => {
    const gate = new Gate(limits, 0);
    let now = 0;
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      use(gate, 'broken', now);
      waits.push(gate.opensAt(now) - now);
      now = gate.opensAt(now);
    }
    assert.deepEqual(
      waits,
      [5, 10, 20, 40, 80, 160, 300, 300, 300].map((s) => s * 1_000),
    );
  });

  it('stays closed for single troubles and opens when half of twenty calls met trouble', () => {
    const gate = new Gate(limits, 0);
    for (let i = 0; i < 19; i++) use(gate, i % 2 ? 'troubled' : 'healthy', i);
    assert.equal(gate.isBroken, false);
    use(gate, 'troubled', 20);
    assert.equal(gate.isBroken, true);
  });

  it('is not opened a second time by answers that were under way', () => {
    const gate = new Gate(limits, 0);
    gate.reserve(3);
    gate.finish('broken', 0);
    gate.finish('broken', 1);
    gate.finish('broken', 2);
    assert.equal(gate.opensAt(2), 5_000);
  });
});
