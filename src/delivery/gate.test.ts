import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Bulkhead } from './bulkhead.ts';
import { Capacity } from './capacity.ts';
import { Gate, type Lesson } from './gate.ts';
import { burstOf } from './pace.ts';

const LANES = ['sms.high', 'sms.normal', 'sms.low'] as const;

function openGate(limits: { maxInFlight?: number; ratePerSecond?: number } = {}): Gate {
  const bulkhead = new Bulkhead({ maxInFlight: 3, ...limits }, 0);
  return new Gate({ lane: 'sms.normal', bulkhead, shared: [] });
}

function use(gate: Gate, lesson: Lesson, now: number): void {
  gate.reserve(1, now);
  gate.finish(lesson, now);
}

describe('the gate of a connection', () => {
  it('gives as many permits as there are free slots', () => {
    const gate = openGate();
    assert.equal(gate.permits(0), 3);
    gate.reserve(2, 0);
    assert.equal(gate.permits(0), 1);
    gate.release(1, 0);
    assert.equal(gate.permits(0), 2);
  });

  it('keeps to the declared rate and says when the next permit comes', () => {
    const gate = openGate({ maxInFlight: 100, ratePerSecond: 4 });
    assert.equal(gate.permits(0), 2);
    gate.reserve(2, 0);
    assert.equal(gate.permits(0), 0);
    assert.equal(gate.opensAt(0), 250);
    assert.equal(gate.permits(250), 1);
  });

  it('pauses to the millisecond when the vendor asked for it', () => {
    const gate = openGate();
    use(gate, { pauseMs: 1_234 }, 10);
    assert.equal(gate.permits(1_243), 0);
    assert.equal(gate.opensAt(10), 1_244);
  });

  it('goes on with fewer starts after it was throttled, and speeds up again', () => {
    const gate = openGate({ maxInFlight: 1_000 });
    gate.reserve(100, 0);
    gate.finish({ pauseMs: 500 }, 100);
    assert.equal(gate.permits(599), 0);
    // 100 in the last second, halved: 50 a second, of which half a second was saved up and a fifth of that is high's.
    assert.equal(gate.permits(600), 20);
    let started = 0;
    for (let now = 600; now < 1_600; now += 10) {
      const permits = gate.permits(now);
      gate.reserve(permits, now);
      started += permits;
    }
    assert.ok(started >= 44 && started <= 76, `${started} in the first second`);
  });

  it('pauses nothing for a Retry-After that is about one message, but slows down', () => {
    const gate = openGate({ maxInFlight: 1_000 });
    gate.reserve(100, 0);
    gate.finish('slowed', 0);
    assert.equal(gate.permits(1_000) > 0 && gate.permits(1_000) < 100, true);
  });

  it('opens at once for a broken account and lets one probe through after five seconds', () => {
    const gate = openGate();
    use(gate, 'broken', 0);
    assert.equal(gate.permits(4_999), 0);
    assert.equal(gate.permits(5_000), 1);
    gate.reserve(1, 5_000);
    assert.equal(gate.permits(5_000), 0, 'one probe at a time');
    gate.finish('healthy', 5_001);
    assert.equal(gate.permits(5_001), 1, 'a tenth of its slots');
    assert.equal(gate.permits(35_001), 3);
  });

  it('doubles the wait after each failed probe, up to five minutes', () => {
    const gate = openGate();
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
    const gate = openGate();
    for (let i = 0; i < 19; i++) use(gate, i % 2 ? 'troubled' : 'healthy', i);
    assert.equal(gate.isBroken, false);
    use(gate, 'troubled', 20);
    assert.equal(gate.isBroken, true);
  });

  it('is not opened a second time by answers that were under way', () => {
    const gate = openGate();
    gate.reserve(3, 0);
    gate.finish('broken', 0);
    gate.finish('broken', 1);
    gate.finish('broken', 2);
    assert.equal(gate.opensAt(2), 5_000);
  });
});

/** What may happen at a gate: a claim of up to n that uses a part of it, or the end of an attempt, after some time. */
const step = fc.record({
  lane: fc.constantFrom(...LANES),
  waitMs: fc.nat(400),
  wish: fc.nat(30),
  unused: fc.nat(30),
  ends: fc.nat(20),
  lesson: fc.oneof(
    fc.constantFrom<Lesson>('healthy', 'healthy', 'healthy', 'troubled', 'slowed', 'broken'),
    fc.record({ pauseMs: fc.nat(3_000) }),
  ),
  abandons: fc.boolean(),
});

describe('the gates of three lanes over one connection, whatever happens', () => {
  it('never have more under way than the connection and the process allow, and never lose a slot', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 10, max: 60 }),
        (steps, maxInFlight, process) => {
          const capacity = new Capacity(process);
          const bulkhead = new Bulkhead({ maxInFlight }, 0);
          const gates = new Map(
            LANES.map((lane) => [lane, new Gate({ lane, bulkhead, shared: [capacity.shareOf(lane, 'c')] })]),
          );
          let now = 0;
          for (const { lane, waitMs, wish, unused, ends, lesson, abandons } of steps) {
            const gate = gates.get(lane)!;
            now += waitMs;
            const count = Math.min(wish, gate.permits(now));
            gate.reserve(count, now);
            assert.ok(bulkhead.inFlight <= maxInFlight && capacity.inFlight <= process);
            gate.release(Math.min(unused, count), now);
            for (let i = Math.min(ends, gate.inFlight); i > 0; i--) {
              if (abandons) gate.abandon();
              else gate.finish(lesson, now);
            }
          }
          for (const gate of gates.values()) while (gate.inFlight > 0) gate.abandon();
          assert.deepEqual([bulkhead.inFlight, capacity.inFlight], [0, 0]);
        },
      ),
    );
  });

  it('never start more than rate × time + burst, whatever is given back', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.integer({ min: 1, max: 60 }),
        (steps, ratePerSecond) => {
          const bulkhead = new Bulkhead({ maxInFlight: 10_000, ratePerSecond }, 0);
          const gates = new Map(LANES.map((lane) => [lane, new Gate({ lane, bulkhead, shared: [] })]));
          const starts: { at: number; count: number }[] = [];
          let now = 0;
          for (const { lane, waitMs, wish, unused } of steps) {
            const gate = gates.get(lane)!;
            now += waitMs;
            const count = Math.min(wish, gate.permits(now));
            gate.reserve(count, now);
            gate.release(Math.min(unused, count), now);
            starts.push({ at: now, count: count - Math.min(unused, count) });
          }
          for (const [i, first] of starts.entries()) {
            let sum = 0;
            for (const { at, count } of starts.slice(i)) {
              sum += count;
              const most = ratePerSecond * ((at - first.at) / 1_000) + burstOf(ratePerSecond);
              assert.ok(sum <= most + 1e-6, `${sum} starts within ${at - first.at} ms, ${most} allowed`);
            }
          }
        },
      ),
    );
  });

  it('say truly when they open: nothing before, and something (or a later time) then', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 60 }), (steps, rate) => {
        const bulkhead = new Bulkhead({ maxInFlight: 10_000, ratePerSecond: rate }, 0);
        const gates = new Map(LANES.map((lane) => [lane, new Gate({ lane, bulkhead, shared: [] })]));
        let now = 0;
        for (const { lane, waitMs, wish } of steps) {
          const gate = gates.get(lane)!;
          now += waitMs;
          const permits = gate.permits(now);
          if (permits === 0) gate.turnAway(now);
          gate.reserve(Math.min(wish, permits), now);
          if (gate.permits(now) > 0) continue;
          let looks = 0;
          while (gate.permits(now) === 0) {
            const opensAt = gate.opensAt(now);
            assert.ok(opensAt > now, 'a loop that waits for it must not spin');
            now = opensAt;
            assert.ok(++looks <= 4, 'a loop that waits for it looks a few times at most');
          }
        }
      }),
    );
  });
});
