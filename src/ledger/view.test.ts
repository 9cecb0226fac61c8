import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DELIVERY_STATES } from './states.ts';
import { statusOf } from './view.ts';

const NOW = 1_000_000;
const routed = { state: 'routed', send_at: null };

describe('the status of a notification', () => {
  it('is told by the notification itself until it is routed', () => {
    const cases: [string, number | null, string][] = [
      ['accepted', null, 'accepted'],
      ['accepted', NOW, 'accepted'],
      ['accepted', NOW - 1, 'accepted'],
      ['accepted', NOW + 1, 'scheduled'],
      ['cancelled', NOW + 1, 'cancelled'],
      ['expired', null, 'expired'],
      ['failed', null, 'failed'],
    ];
    for (const [state, sendAt, status] of cases) {
      const notification = { state, send_at: sendAt === null ? null : new Date(sendAt) };
      assert.equal(statusOf(notification, [], NOW), status, `${state} ${sendAt}`);
    }
  });

  it('is told by its deliveries afterwards: what reached the user first, then what needs a look', () => {
    const cases: [string[], string][] = [
      [[], 'skipped'],
      [['queued'], 'processing'],
      [['sending', 'sent'], 'processing'],
      [['queued', 'dead', 'sent'], 'processing'],
      [['sent', 'dead', 'unknown'], 'sent'],
      [['unknown', 'dead'], 'unknown'],
      [['failed', 'dead'], 'dead'],
      [['expired', 'failed'], 'failed'],
      [['cancelled', 'expired'], 'expired'],
      [['skipped', 'cancelled'], 'cancelled'],
      [['skipped', 'skipped'], 'skipped'],
    ];
    for (const [states, status] of cases) assert.equal(statusOf(routed, states, NOW), status, states.join());
  });

  it('does not depend on the order of the deliveries, and names what one of them is', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...DELIVERY_STATES), { minLength: 1, maxLength: 6 }), (states) => {
        const status = statusOf(routed, states, NOW);
        assert.equal(statusOf(routed, states.toReversed(), NOW), status);
        assert.ok(status === 'processing' || states.includes(status as (typeof states)[number]));
      }),
    );
  });
});
