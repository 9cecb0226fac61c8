import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Breaker } from './breaker.ts';

const LONGEST_MS = 300_000;
const SLOTS = 50;

/** An open breaker whose probe at `now` went well. */
function recovering(now: number): Breaker {
  const breaker = new Breaker();
  breaker.open(now - 5_000);
  breaker.count(false, now);
  return breaker;
}

describe('the breaker of a connection', () => {
  it('opens after five troubles in a row, however slow the trickle', () => {
    const breaker = new Breaker();
    for (let i = 0; i < 4; i++) breaker.count(true, i * 60_000);
    assert.equal(breaker.isOpen, false);
    breaker.count(true, 240_000);
    assert.equal(breaker.isOpen, true);
  });

  it('begins to count anew after a success', () => {
    const breaker = new Breaker();
    for (let i = 0; i < 12; i++) breaker.count(i % 4 !== 3, i * 60_000);
    assert.equal(breaker.isOpen, false);
  });

  it('lets 10, 25 and 50 % come back, each for ten successes, and then everything', () => {
    const breaker = recovering(100_000);
    const shares = Array.from({ length: 4 }, () => {
      const share = breaker.share(100_000);
      for (let i = 0; i < 10; i++) breaker.count(false, 100_000);
      return share;
    });
    assert.deepEqual(shares, [0.1, 0.25, 0.5, 1]);
    assert.equal(breaker.at(100_000).phase, 'closed');
  });

  it('lets more come back by time alone, since a trickle brings no ten successes', () => {
    const breaker = recovering(100_000);
    assert.deepEqual(
      [0, 9_999, 10_000, 20_000, 29_999, 30_000].map((ms) => breaker.share(100_000 + ms)),
      [0.1, 0.1, 0.25, 0.5, 0.5, 1],
    );
  });

  it('opens again, for twice as long, when trouble meets it on the way back', () => {
    const breaker = recovering(100_000);
    for (let i = 0; i < 3; i++) breaker.count(true, 100_001);
    assert.deepEqual([breaker.isOpen, breaker.openUntil], [true, 110_001]);
  });

  it('leaves a stream alone in which one call in ten meets trouble, and lets it come back', () => {
    // A row of five is due once in 100,000 calls; here it comes every 500.
    const isTrouble = (i: number) => i % 500 < 5 || i % 10 === 0;
    const breaker = new Breaker();
    for (let i = 25; i < 100_000; i++) {
      breaker.count(isTrouble(i), i);
      assert.equal(breaker.isOpen, false, `call ${i}`);
    }
    const back = recovering(200_000);
    for (let i = 0; i < 60; i++) back.count(i % 10 === 0, 200_000);
    assert.equal(back.at(200_000).phase, 'closed');
  });

  it('opens within twenty calls when a stream dies', () => {
    const breaker = new Breaker();
    for (let i = 0; i < 40_000; i++) breaker.count(false, i / 4);
    for (let i = 0; i < 20; i++) breaker.count(true, 10_001);
    assert.equal(breaker.isOpen, true);
  });

  it('stands a single trouble among many successes on the way back', () => {
    const breaker = recovering(100_000);
    for (let i = 0; i < 6; i++) breaker.count(false, 100_000);
    breaker.count(true, 100_001);
    assert.equal(breaker.isOpen, false);
  });

  it('sends its probe although attempts from before the break still hang', () => {
    const breaker = new Breaker(() => 3);
    breaker.open(1_000);
    assert.deepEqual([breaker.permits(6_000, 3, SLOTS), breaker.permits(6_000, 4, SLOTS)], [1, 0]);
  });

  it('goes on where another process left it, and keeps what it knows better itself', () => {
    const [one, other] = [new Breaker(), new Breaker()];
    one.open(1_000);
    other.adopt(one.at(1_000));
    assert.deepEqual(other.at(1_000), one.at(1_000));
    other.count(false, 6_000);
    other.adopt(one.at(6_000));
    assert.equal(other.at(6_000).phase, 'recovering');
  });
});

type Step = { kind: 'wait'; ms: number } | { kind: 'healthy' | 'troubled' | 'broken' };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 400_000 }) }),
  fc.constantFrom<Step>({ kind: 'healthy' }, { kind: 'troubled' }, { kind: 'broken' }),
);

function take(breaker: Breaker, { now }: { now: number }, taken: Step): number {
  if (taken.kind === 'wait') return now + taken.ms;
  if (taken.kind === 'broken') breaker.open(now);
  else breaker.count(taken.kind === 'troubled', now);
  return now;
}

describe('whatever happens to a breaker', () => {
  const steps = fc.array(step, { maxLength: 200 });

  it('never more than one probe, and never more than the allowed share, may be under way', () => {
    fc.assert(
      fc.property(steps, fc.nat(60), (list, inFlight) => {
        const breaker = new Breaker();
        let now = 1_000;
        for (const taken of list) {
          now = take(breaker, { now }, taken);
          const permits = breaker.permits(now, inFlight, SLOTS);
          const { phase, openUntil } = breaker.at(now);
          const share = breaker.share(now);
          if (phase === 'closed') assert.equal(permits, Number.POSITIVE_INFINITY);
          else if (phase === 'open') assert.equal(permits, now >= openUntil && inFlight === 0 ? 1 : 0);
          else assert.ok(permits === 0 || permits + inFlight <= Math.ceil(share * SLOTS));
        }
      }),
    );
  });

  it('no break lasts longer than five minutes', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const breaker = new Breaker();
        let now = 1_000;
        for (const taken of list) {
          now = take(breaker, { now }, taken);
          assert.ok(breaker.openUntil - now <= LONGEST_MS && breaker.breakMs <= LONGEST_MS);
        }
      }),
    );
  });

  it('it closes again as soon as the probe and the calls after it are healthy', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const breaker = new Breaker();
        let now = 1_000;
        for (const taken of list) now = take(breaker, { now }, taken);
        now = Math.max(now, breaker.openUntil);
        for (let i = 0; i < 31; i++) {
          assert.ok(breaker.permits(now, 0, SLOTS) >= 1);
          breaker.count(false, now);
        }
        assert.equal(breaker.at(now).phase, 'closed');
      }),
    );
  });

  it('a copy fed with its states follows it', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const [breaker, copy] = [new Breaker(), new Breaker()];
        let now = 1_000;
        for (const taken of list) {
          now = take(breaker, { now }, taken);
          copy.adopt(breaker.at(now));
          assert.equal(copy.share(now), breaker.share(now));
          assert.equal(copy.permits(now, 0, SLOTS), breaker.permits(now, 0, SLOTS));
        }
      }),
    );
  });
});
