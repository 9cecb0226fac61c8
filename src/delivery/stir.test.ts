import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { Wake } from '../queue/index.ts';
import { Stir } from './stir.ts';

describe('looking after a quiet installation', () => {
  let clock: FakeClock;
  let wake: Wake;
  let stir: Stir;
  beforeEach(() => {
    clock = new FakeClock();
    wake = new Wake();
    stir = new Stir(clock, wake);
  });

  /** How many of so many turns, one a second, are taken. */
  function turns(count: number, of = stir): number {
    let taken = 0;
    for (let i = 0; i < count; i++) {
      clock.advance(1_000);
      if (of.takeTurn()) taken++;
    }
    return taken;
  }

  it('takes every turn at first, and one in five once nothing stirred for a while', () => {
    assert.equal(turns(10), 10);
    assert.equal(turns(50), 10);
  });

  it('takes the very next turn, and every one, after a signal or a note', () => {
    turns(31);
    for (const stirring of [() => wake.signal('route'), () => stir.note()]) {
      assert.equal(turns(3), 0, 'quiet');
      stirring();
      assert.equal(turns(10), 10);
      turns(21);
    }
  });

  it('takes every turn when signals may be missed, or nobody gives any', () => {
    const isComplete = { on: () => () => {}, isComplete: false };
    assert.equal(turns(60, new Stir(clock, isComplete)), 60);
    assert.equal(turns(60, new Stir(clock)), 60);
  });

  it('takes a turn after a clock was set, wherever it was set to', () => {
    turns(60);
    for (const jumpMs of [3_600_000, -7_200_000]) {
      clock.advance(jumpMs);
      assert.equal(turns(1), 1);
    }
  });

  it('hears nothing once it is closed', () => {
    turns(31);
    stir.close();
    wake.signal('route');
    assert.equal(turns(3), 0);
  });
});
