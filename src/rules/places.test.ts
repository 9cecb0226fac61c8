import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type CappedPlace, placeKey } from './cap.ts';
import { type Ask, distribute, wantedOf } from './places.ts';

const place = (rule: string, limit = 9): CappedPlace => ({
  tenantId: 't',
  live: true,
  userId: 'u',
  rule,
  startsAt: 1,
  endsAt: 2,
  limit,
});
const ask = (...rules: string[]): Ask => ({ places: rules.map((rule) => place(rule)) });
const grants = (counts: Record<string, number>) =>
  new Map(Object.entries(counts).map(([rule, count]) => [placeKey(place(rule)), count]));

describe('the places of a batch', () => {
  it('are asked for once for each rule and window, in the order in which everybody locks them', () => {
    const wanted = wantedOf([ask('b', 'a'), ask('b')]);
    assert.deepEqual(
      wanted.map((each) => [each.place.rule, each.count]),
      [
        ['a', 1],
        ['b', 2],
      ],
    );
  });

  it('go to the first that came, all of a message or none, and what is over goes back', () => {
    const { refusals, leftovers } = distribute(
      [ask('a', 'b'), ask('a', 'b'), ask('b')],
      grants({ a: 1, b: 3 }),
    );
    assert.deepEqual(refusals, [null, 'a', null]);
    assert.deepEqual(
      leftovers.map(({ rule }) => rule),
      ['b'],
    );
  });

  const RULES = ['a', 'b', 'c', 'd'];
  const rooms = fc.record(Object.fromEntries(RULES.map((rule) => [rule, fc.nat(5)])));
  const batches = fc.array(fc.subarray(RULES, { minLength: 1 }), { maxLength: 12 });

  it('are never more than there are, and nobody is refused while all of his rules have room', () => {
    fc.assert(
      fc.property(rooms, batches, (room, batch) => {
        const asks = batch.map((rules) => ask(...rules));
        const granted = new Map(
          wantedOf(asks).map(({ key, place: { rule }, count }) => [key, Math.min(count, room[rule]!)]),
        );
        const { refusals, leftovers } = distribute(asks, granted);
        const taken = (rule: string) =>
          batch.filter((rules, i) => refusals[i] === null && rules.includes(rule)).length;
        for (const rule of RULES) {
          assert.ok(taken(rule) <= room[rule]!);
          const back = leftovers.filter((left) => left.rule === rule).length;
          assert.equal(taken(rule) + back, granted.get(placeKey(place(rule))) ?? 0);
        }
        for (const [i, rule] of refusals.entries()) {
          if (rule === null) continue;
          assert.ok(batch[i]!.includes(rule));
          assert.equal(taken(rule), room[rule], 'the rule that refused is full');
        }
      }),
    );
  });
});
