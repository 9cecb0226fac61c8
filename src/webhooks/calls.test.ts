import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { Secret } from '../lib/secret.ts';
import type { Store } from '../store/index.ts';
import { PER_ENDPOINT } from './call.ts';
import { Calls } from './calls.ts';
import type { ClaimedCall, ReadyRow } from './store.ts';

const open = (key: string) => ({
  tenantId: 't',
  id: key,
  key,
  url: 'https://slow.example/',
  connectionKey: key,
  secret: new Secret(`whsec_${Buffer.alloc(32).toString('base64')}`),
  previous: null,
  headers: {},
});

it('gives the last free place to an endpoint that has none, however many slow ones come before it', () => {
  const calls = new Calls({
    // No call ever ends here, so nothing is written.
    store: {} as Store,
    clock: new FakeClock(),
    logger: silentLogger,
    transport: { send: () => new Promise(() => {}) },
  });
  const slow = Array.from({ length: 32 }, (_, i) => `slow-${String(i).padStart(2, '0')}`);
  const turns = slow.map((key, i) => ({ key, limit: i === 0 ? PER_ENDPOINT - 1 : PER_ENDPOINT }));
  const claimed = turns.flatMap(({ key, limit }) =>
    Array.from(
      { length: limit },
      (_, n): ClaimedCall => ({
        tenantId: 't',
        endpointKey: key,
        eventId: `${key}-${n}`,
        attempt: 1,
        tries: 0,
        live: true,
        sequence: '1',
        type: 'delivery.sent',
        occurredAt: new Date(0),
        data: {},
      }),
    ),
  );
  calls.start(turns, claimed, open);
  const ready = [...slow, 'zealous'].map((key) => ({ key, strain: 0, is_troubled: false }) as ReadyRow);
  assert.deepEqual(calls.takeTurns(ready), [{ key: 'zealous', limit: 1 }]);
});
