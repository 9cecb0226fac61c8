import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import type { Claimed } from '../queue/index.ts';
import type { Connection } from '../tenants/index.ts';
import { findAlternative } from './failover.ts';
import { Gates } from './gates.ts';

const clock = new FakeClock();
const connections = ['first', 'second'].map(
  (id, priority) => ({ id, providerId: 'twilio', channel: 'sms', priority, app: null }) as Connection,
);
const find = (claimed: Partial<Claimed>) =>
  findAlternative(
    { tenantId: 't', live: true, channel: 'sms', connection: 'first', ...claimed } as Claimed,
    connections,
    new Gates(clock),
    clock.now(),
  );

it('another connection of the channel takes over', () => {
  assert.deepEqual(find({ mayHaveArrived: false }), { connection: 'second', provider: 'twilio' });
});

it('what the vendor may have already is sent again over the same connection only', () => {
  assert.equal(find({ mayHaveArrived: true }), null);
});
