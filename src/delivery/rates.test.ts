import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Connection } from '../tenants/index.ts';
import { Gates } from './gates.ts';
import { HealthBoard } from './health-board.ts';

const [A, B] = ['01900000-0000-7000-8000-00000000000a', '01900000-0000-7000-8000-00000000000b'];

function connection(tenantId: string, id: string, change: Partial<Connection> = {}): Connection {
  return {
    tenantId,
    id,
    providerId: 'twilio',
    channel: 'sms',
    enabled: true,
    priority: 1,
    weight: 1,
    app: null,
    countries: null,
    limits: { maxInFlight: 10_000 },
    tenantRates: {},
    heldTemplates: [],
    version: 1,
    updatedAt: 1,
    config: {},
    ...change,
  };
}

function openGates(clock: FakeClock, connections: Connection[], rates = {}): Gates {
  const limits = { maxInFlight: 100_000, rates: { providers: {}, tenants: {}, ...rates } };
  const gates = new Gates(
    clock,
    new HealthBoard({ store: undefined as never, clock, logger: silentLogger }),
    limits,
  );
  gates.prepare(Map.groupBy(connections, ({ tenantId }) => tenantId));
  return gates;
}

/** Starts of high priority in the next ten seconds, after all that was saved up is used, each gate in its turn. */
function startsIn10s(clock: FakeClock, names: [Gates, string, string][]): number[] {
  const all = names.map(([gates, tenantId, id]) => gates.of(tenantId, id, 'sms.high'));
  const round = () =>
    all.map((gate) => {
      const permits = Math.min(gate.permits(clock.now()), 1_000);
      gate.reserve(permits, clock.now());
      return permits;
    });
  round();
  const sums = all.map(() => 0);
  for (let i = 0; i < 100; i++) {
    clock.advance(100);
    for (const [j, permits] of round().entries()) sums[j]! += permits;
  }
  return sums;
}

describe('rates', () => {
  it('of a connection go before those that the provider declares', () => {
    const clock = new FakeClock();
    const gates = openGates(clock, [
      connection(A, 'one', { limits: { ratePerSecond: 7, maxInFlight: 500 } }),
    ]);
    assert.deepEqual(startsIn10s(clock, [[gates, A, 'one']]), [70]);
  });

  it('of a tenant are for all its connections of the channel together, and for no other tenant', () => {
    const clock = new FakeClock();
    const gates = openGates(clock, [connection(A, 'one'), connection(A, 'two'), connection(B, 'one')], {
      tenants: { sms: 20 },
    });
    const [one, two, other] = startsIn10s(clock, [
      [gates, A, 'one'],
      [gates, A, 'two'],
      [gates, B, 'one'],
    ]);
    assert.deepEqual([one! + two!, other], [200, 200]);
  });

  it('of a tenant are what the operator gave it, if anything', () => {
    const clock = new FakeClock();
    const own = { tenantRates: { sms: 5 } };
    const gates = openGates(clock, [connection(A, 'one', own)], { tenants: { sms: 20 } });
    assert.deepEqual(startsIn10s(clock, [[gates, A, 'one']]), [50]);
    gates.prepare(new Map([[A, [connection(A, 'one', { tenantRates: { sms: 10 } })]]]));
    assert.deepEqual(startsIn10s(clock, [[gates, A, 'one']]), [100], 'a change counts from the next claim');
  });

  it('of a provider are for all tenants together', () => {
    const clock = new FakeClock();
    const gates = openGates(clock, [connection(A, 'one'), connection(B, 'one')], {
      providers: { twilio: 50 },
    });
    const starts = startsIn10s(clock, [
      [gates, A, 'one'],
      [gates, B, 'one'],
    ]);
    assert.equal(starts[0]! + starts[1]!, 500);
  });

  it('are divided among the living workers, so that all together keep to them', () => {
    const clock = new FakeClock();
    const limited = [connection(A, 'one', { limits: { ratePerSecond: 40, maxInFlight: 10_000 } })];
    const processes = [1, 2, 3, 4].map(() => openGates(clock, limited, { tenants: { sms: 24 } }));
    for (const gates of processes) gates.divide(4);
    const starts = startsIn10s(
      clock,
      processes.map((gates) => [gates, A, 'one']),
    );
    assert.deepEqual(starts, [60, 60, 60, 60]);
    for (const gates of processes) gates.divide(1);
    assert.deepEqual(startsIn10s(clock, [[processes[0]!, A, 'one']]), [240], 'the last one has it all');
  });

  it('do not hold up test attempts, which reach no vendor', () => {
    const gates = openGates(new FakeClock(), [], { providers: { twilio: 1 }, tenants: { sms: 1 } });
    assert.ok(gates.of(A, 'test.twilio', 'sms.normal').permits(new FakeClock().now()) > 100);
  });
});
