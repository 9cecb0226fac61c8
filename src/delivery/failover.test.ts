import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Claimed } from '../queue/index.ts';
import type { Connection } from '../tenants/index.ts';
import { findAlternative } from './failover.ts';
import { Gates } from './gates.ts';
import { HealthBoard } from './health-board.ts';

const clock = new FakeClock();
// Nothing is stored or read here: what a fresh board knows of a connection is nothing bad.
const board = new HealthBoard({ store: undefined as never, clock, logger: silentLogger });
const connections = ['first', 'second'].map(
  (id, priority) =>
    ({
      id,
      providerId: 'twilio',
      channel: 'sms',
      priority,
      weight: 1,
      app: null,
      countries: null,
      updatedAt: 1,
    }) as Connection,
);
const find = (claimed: Partial<Claimed>, among = connections) =>
  findAlternative(
    {
      tenantId: 't',
      id: uuidv7(1),
      notificationId: uuidv7(1),
      live: true,
      channel: 'sms',
      connection: 'first',
      ...claimed,
    } as Claimed,
    among,
    new Gates(clock, board),
    clock.now(),
  );

it('another connection of the channel takes over', () => {
  const found = find({ choice: null });
  assert.deepEqual([found?.connection, found?.provider], ['second', 'twilio']);
});

it('what the vendor may have already is sent again over the same connection only', () => {
  assert.equal(find({ choice: { pinned: true } }), null);
});

it('a device is left to the vendor that gave its token: another one would call it dead', () => {
  const push = (id: string, providerId: string) =>
    ({ ...connections[0]!, id, providerId, channel: 'push' }) as Connection;
  const device = { app: 'shop', platform: 'android' } as Claimed['device'];
  const claimed = { channel: 'push', provider: 'fcm', choice: null, device } as Partial<Claimed>;
  const first = push('first', 'fcm');
  assert.equal(find(claimed, [first, push('other', 'huawei')]), null);
  const found = find(claimed, [first, push('other', 'huawei'), push('second', 'fcm')]);
  assert.equal(found?.connection, 'second');
});
