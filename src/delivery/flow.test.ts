import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CUT, Flow, GROWTH_PER_SECOND, SLOWEST_PER_SECOND } from './flow.ts';

describe('the flow of a connection', () => {
  it('is what was declared, or without limit, until the vendor complains', () => {
    assert.equal(new Flow(50).allowed(0), 50);
    assert.equal(new Flow(null).allowed(0), null);
  });

  it('starts from the measured rate when none was declared', () => {
    const flow = new Flow(null);
    flow.count(80, 100);
    flow.count(40, 1_200);
    flow.slow(1_300, 1_300);
    assert.equal(flow.allowed(1_300), 40);
  });

  it('is cut once for all the answers to what was under way', () => {
    const flow = new Flow(64);
    for (let now = 0; now < 1_000; now += 10) flow.slow(now, now);
    assert.equal(flow.allowed(0), 32);
    flow.slow(1_000, 1_000);
    assert.ok(Math.abs(flow.allowed(1_000)! - 16) < 1);
  });

  it('is back at the declared rate 25 seconds after a cut, and no sooner', () => {
    const flow = new Flow(50);
    flow.slow(0, 0);
    assert.equal(flow.allowed(12_500), 37.5);
    assert.equal(flow.allowed(24_999)! < 50, true);
    assert.equal(flow.allowed(25_001), 50);
  });

  it('does not grow while the vendor asked for a pause', () => {
    const flow = new Flow(50);
    flow.slow(0, 60_000);
    assert.equal(flow.allowed(60_000), 25);
    flow.slow(30_000, 60_000);
    assert.equal(flow.allowed(60_000), 25, 'an answer that comes during the pause is no news');
  });

  it('forgets a limit that nobody declared after ten minutes without a complaint', () => {
    const flow = new Flow(null);
    flow.count(10, 0);
    flow.slow(0, 0);
    assert.notEqual(flow.allowed(600_000), null);
    assert.equal(flow.allowed(600_001), null);
  });

  it('does not crawl for ever after a bad minute', () => {
    const flow = new Flow(100);
    for (let now = 0; now < 60_000; now += 1_000) flow.slow(now, now);
    assert.ok(flow.allowed(60_000)! < 1);
    assert.equal(flow.allowed(60_000 + 600_000), 100);
  });

  it('stays within its bounds whatever the vendor says', () => {
    const event = fc.record({ waitMs: fc.nat(20_000), isThrottled: fc.boolean(), pauseMs: fc.nat(5_000) });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 100 }),
        fc.integer({ min: 1, max: 10_000 }),
        (events, declared) => {
          const flow = new Flow(declared);
          let [now, before, pausedUntil] = [0, flow.allowed(0)!, 0];
          for (const { waitMs, isThrottled, pauseMs } of events) {
            now += waitMs;
            const grown = flow.allowed(now)!;
            const fastest = Math.max(declared * GROWTH_PER_SECOND * (waitMs / 1_000), 0);
            assert.ok(grown >= before - 1e-9 && grown <= before + fastest + 1e-9, 'it grows, and slowly');
            if (isThrottled) {
              const isNews = now >= pausedUntil + 1_000 || pausedUntil === 0;
              if (isNews) pausedUntil = now + pauseMs;
              flow.slow(now, now + pauseMs);
            }
            const after = flow.allowed(now)!;
            assert.ok(after >= SLOWEST_PER_SECOND && after <= declared);
            assert.ok(after === grown || after <= Math.max(grown * CUT, SLOWEST_PER_SECOND) + 1e-9);
            before = after;
          }
        },
      ),
    );
  });
});
