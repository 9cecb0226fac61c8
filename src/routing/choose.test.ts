import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Countries } from '../tenants/index.ts';
import { type Choosable, choose, type Standing } from './choose.ts';

const NIGERIA = '+2348031234567';
const GERMANY = '+4915112345678';
const OPEN: Standing = { share: 0, probe: false, why: 'breaker_open' };
const PROBING: Standing = { ...OPEN, probe: true };
const TENTH: Standing = { share: 0.1, probe: false, why: 'recovering' };
const DEGRADED: Standing = { share: 0.25, probe: false, why: 'degraded' };

const connection = (id: string, extra: Partial<Choosable> = {}): Choosable => ({
  id,
  priority: 100,
  weight: 1,
  countries: null,
  standing: null,
  ...extra,
});
const over = (candidates: Choosable[], { lot = 0, phone = null as string | null } = {}) => {
  const { chosen, leftOut, noneHealthy } = choose(candidates, { lot, phone });
  return {
    id: chosen?.id,
    leftOut: leftOut.map(({ connection, why }) => `${connection} ${why}`),
    noneHealthy,
  };
};
/** How many of a thousand evenly spread notifications travel over a connection. */
const shareOf = (id: string, candidates: Choosable[]) =>
  Array.from({ length: 1_000 }, (_, i) => over(candidates, { lot: i / 1_000 }).id).filter(
    (each) => each === id,
  ).length / 1_000;

describe('choosing among connections', () => {
  it('passes over an open breaker and says so', () => {
    const found = over([connection('a', { priority: 1, standing: OPEN }), connection('b', { priority: 2 })]);
    assert.deepEqual(found, { id: 'b', leftOut: ['a breaker_open'], noneHealthy: false });
  });

  it('does not mention what stood behind the chosen one', () => {
    const found = over([connection('a', { priority: 1 }), connection('b', { priority: 2, standing: OPEN })]);
    assert.deepEqual(found, { id: 'a', leftOut: [], noneHealthy: false });
  });

  it('takes the first all the same when none is healthy', () => {
    const found = over([
      connection('a', { priority: 1, standing: OPEN }),
      connection('b', { priority: 2, standing: OPEN }),
    ]);
    assert.deepEqual([found.id, found.noneHealthy], ['a', true]);
  });

  it('sends a probe to the one whose break is over', () => {
    const found = over([
      connection('a', { priority: 1, standing: PROBING }),
      connection('b', { priority: 2 }),
    ]);
    assert.deepEqual([found.id, found.leftOut], ['a', []]);
  });

  it('gives the allowed share to one that is coming back', () => {
    const candidates = [connection('a', { priority: 1, standing: TENTH }), connection('b', { priority: 2 })];
    assert.ok(Math.abs(shareOf('a', candidates) - 0.1) < 0.02);
  });

  it('gives a degraded one a quarter of its weight among equals, and keeps it where it stands alone', () => {
    const equals = [connection('a', { standing: DEGRADED }), connection('b')];
    assert.ok(Math.abs(shareOf('a', equals) - 0.2) < 0.02);
    assert.equal(over([connection('a', { priority: 1, standing: DEGRADED }), connection('b')]).id, 'a');
  });

  it('keeps to the countries that a connection serves', () => {
    const candidates = [
      connection('africa', { priority: 1, countries: { allow: ['NG', 'KE'] } }),
      connection('world', { priority: 2, countries: { deny: ['NG'] } }),
    ];
    assert.equal(over(candidates, { phone: NIGERIA }).id, 'africa');
    assert.deepEqual(over(candidates, { phone: GERMANY }), {
      id: 'world',
      leftOut: ['africa country_not_served'],
      noneHealthy: false,
    });
    assert.equal(over([candidates[1]!], { phone: NIGERIA }).id, undefined);
  });

  it('never takes one that may not serve, nor a broken one while a healthy one serves', () => {
    const standings = fc.constantFrom(null, OPEN, PROBING, TENTH, DEGRADED);
    const candidate = fc.record({
      priority: fc.nat(3),
      weight: fc.nat(3),
      standing: standings,
      countries: fc.constantFrom<Countries | null>(null, { allow: ['NG'] }, { deny: ['NG'] }),
    });
    const lots = fc.double({ min: 0, max: 0.999999, noNaN: true });
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 5 }), lots, (list, lot) => {
        const candidates = list.map((extra, i) => connection(`c${i}`, extra));
        const { chosen, noneHealthy } = choose(candidates, { lot, phone: NIGERIA });
        const serving = candidates.filter(({ countries }) => !countries?.deny);
        assert.equal(chosen === undefined, serving.length === 0);
        if (!chosen) return;
        assert.ok(serving.includes(chosen));
        const isBroken = chosen.standing?.share === 0 && !chosen.standing.probe;
        const hasHealthy = serving.some(({ standing }) => standing === null || standing.why === 'degraded');
        if (isBroken) assert.ok(noneHealthy && !hasHealthy);
      }),
    );
  });
});
