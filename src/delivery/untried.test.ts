import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeClaimed } from '../hooks/testing.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { rejected } from '../providers/index.ts';
import webhook from '../providers/webhook/webhook.ts';
import { DEFAULT_CATEGORY } from '../rules/index.ts';
import { type AttemptTools, attempt, type Work } from './attempt.ts';
import { Bulkhead } from './bulkhead.ts';
import { Gate } from './gate.ts';
import { Health } from './health.ts';

test('a message that its provider refuses to try fails, and proves nothing of an open breaker', async () => {
  const clock = new FakeClock();
  const refusal = rejected('recipient_invalid', { code: 'no_user_id' });
  const bulkhead = new Bulkhead({ maxInFlight: 3 }, clock.now());
  const gate = new Gate({ lane: 'chat.normal', bulkhead, shared: [] });
  gate.reserve(1, clock.now());
  gate.finish('broken', clock.now());
  assert.equal(gate.isBroken, true);
  clock.advance(gate.breakMs);
  // The probe.
  gate.reserve(1, clock.now());
  const work = {
    claimed: makeClaimed('t', {
      startedAt: clock.now(),
      channel: 'webhook',
      provider: 'webhook',
      request: { message: { body: 'Hi' } },
    }),
    route: { provider: { ...webhook, refuse: () => refusal }, config: {}, baseUrl: 'https://a.example' },
    gate,
    health: new Health(clock.now()),
    category: DEFAULT_CATEGORY,
    template: null,
    hooks: null,
    links: null,
    findAlternative: () => null,
  } as unknown as Work;
  const tools = {
    clock,
    logger: silentLogger,
    isAlive: () => true,
    random: (bytes: number) => new Uint8Array(bytes),
  } as unknown as AttemptTools;
  const { settlement } = await attempt(work, tools);
  assert.deepEqual(
    [settlement.state, settlement.reason, settlement.code],
    ['failed', 'recipient_invalid', 'no_user_id'],
  );
  assert.equal(gate.isBroken, true);
  assert.equal(gate.inFlight, 0);
  // The next one is the probe now.
  assert.equal(gate.permits(clock.now()), 1);
});
