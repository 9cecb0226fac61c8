import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { DeliveryRow, RoutableRow } from './store.ts';
import { routeFacts } from './trace.ts';

const row = (id: string, more: Partial<RoutableRow> = {}) =>
  ({ id, tenantId: 't', live: true, priority: 1, request: {}, ...more }) as RoutableRow;
const delivery = (notificationId: string, state: string, reason: string | null = null) =>
  ({ notificationId, state, reason }) as DeliveryRow;

it('a trace tells of each notification in a batch what was decided, and about no other', () => {
  const rows = [
    row('a', { priority: 0, request: { trace: '00-1', traceState: 'a=1' } }),
    row('b'),
    row('c', { live: false }),
  ];
  const planned = {
    rows,
    startedAt: 5,
    lanes: new Set<never>(),
    deliveries: [
      delivery('a', 'queued'),
      delivery('a', 'skipped', 'no_contact'),
      delivery('a', 'queued'),
      delivery('b', 'expired'),
    ],
    postponed: [],
    collected: [],
    opensDigest: false,
    failures: [{ id: 'c', reason: 'internal_error' }],
  };
  const facts = routeFacts(planned, 9);
  assert.deepEqual(
    facts.map((fact) => [
      fact.notificationId,
      fact.urgent,
      fact.trace,
      fact.queued,
      fact.skipped,
      fact.failure,
    ]),
    [
      ['a', true, '00-1', 2, ['no_contact'], null],
      ['b', false, undefined, 0, ['expired'], null],
      ['c', false, undefined, 0, [], 'internal_error'],
    ],
  );
  assert.ok(facts.every((fact) => fact.batch === 3 && fact.startedAt === 5 && fact.endedAt === 9));
});
