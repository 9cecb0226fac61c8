import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Claimed, Slice } from '../queue/index.ts';
import { Bulkhead } from './bulkhead.ts';
import { Capacity } from './capacity.ts';
import { Gate } from './gate.ts';
import { Pace } from './pace.ts';
import { MAX_CLAIM, planTurns, releaseUnused, sliceName } from './turns.ts';

const LANE = 'sms.normal';
const FIRST = { now: 0, round: 0 };

function makeWork(sizes: number[][], process = 1_000_000) {
  const capacity = new Capacity(process);
  const gates = new Map<string, Gate>();
  const due: Slice[] = sizes.flatMap((connections, tenant) =>
    connections.map((maxInFlight, i) => {
      const slice = { lane: LANE, tenantId: `t${tenant}`, connection: `c${i}`, dueAt: 0 };
      const shared = [capacity.shareOf(LANE, sliceName(slice))];
      gates.set(
        sliceName(slice),
        new Gate({ lane: LANE, bulkhead: new Bulkhead({ maxInFlight }, 0), shared }),
      );
      return slice;
    }),
  );
  const gateOf = (slice: { tenantId: string; connection: string }) => gates.get(sliceName(slice))!;
  return { due, gateOf, gates, capacity };
}

const countsOf = (turns: { tenantId: string; connection: string; count: number }[]) =>
  Object.fromEntries(turns.map((turn) => [sliceName(turn), turn.count]));

describe('the turns of a lane', () => {
  it('are divided among tenants, not among connections', () => {
    const many = Array.from({ length: 9 }, () => 10_000);
    const { due, gateOf } = makeWork([many, [10_000]]);
    assert.equal(countsOf(planTurns(due, gateOf, FIRST))['t1/c0'], MAX_CLAIM / 2);
  });

  it('leave what one cannot use to the others', () => {
    const { due, gateOf } = makeWork([[10_000], [1], [1]]);
    assert.deepEqual(countsOf(planTurns(due, gateOf, FIRST)), {
      't1/c0': 1,
      't2/c0': 1,
      't0/c0': MAX_CLAIM - 2,
    });
  });

  it('begin with another tenant each round where a rate that they share is too little for all', () => {
    const pace = new Pace(2, 0);
    const gates = new Map<string, Gate>();
    const due: Slice[] = [0, 1, 2].map((i) => {
      const slice = { lane: LANE, tenantId: `t${i}`, connection: 'c0', dueAt: 0 };
      const bulkhead = new Bulkhead({ maxInFlight: 100 }, 0);
      gates.set(sliceName(slice), new Gate({ lane: LANE, bulkhead, shared: [pace] }));
      return slice;
    });
    const served = [];
    for (let round = 0; round < 3; round++) {
      const turns = planTurns(due, (slice) => gates.get(sliceName(slice))!, { now: round * 1_000, round });
      served.push(turns.map(({ tenantId, count }) => [tenantId, count]));
    }
    assert.deepEqual(served, [[['t0', 1]], [['t1', 1]], [['t2', 1]]]);
  });

  it('name the slices that have nothing more due, and give their permits back', () => {
    const { due, gateOf, gates } = makeWork([[100], [100]]);
    const turns = planTurns(due, gateOf, FIRST);
    const deliveries = Array.from({ length: 3 }, () => ({ tenantId: 't0', connection: 'c0' }) as Claimed);
    for (let i = 0; i < turns[1]!.count; i++)
      deliveries.push({ tenantId: 't1', connection: 'c0' } as Claimed);
    assert.deepEqual([...releaseUnused(turns, deliveries, 0)], ['t0/c0']);
    assert.equal(gates.get('t0/c0')!.inFlight, 3);
  });

  it('are never more than a claim, a gate or the process holds, and leave nobody out who could have one', () => {
    const sizes = fc.array(fc.array(fc.nat(700), { minLength: 1, maxLength: 4 }), { maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 10, max: 3_000 }), (tenants, process) => {
        const { due, gateOf, gates, capacity } = makeWork(tenants, process);
        const turns = planTurns(due, gateOf, FIRST);
        const total = turns.reduce((sum, { count }) => sum + count, 0);
        assert.ok(total <= MAX_CLAIM && capacity.inFlight === total && total <= process);
        if (total < MAX_CLAIM)
          for (const slice of due)
            if (gateOf(slice).inFlight === 0) assert.equal(gateOf(slice).permits(0), 0, sliceName(slice));
        releaseUnused(turns, [], 0);
        assert.deepEqual(
          [capacity.inFlight, ...[...gates.values()].map(({ inFlight }) => inFlight)].filter(Boolean),
          [],
        );
      }),
    );
  });
});
