import { countResults } from '../src/delivery/counts.ts';
import type { Result } from '../src/delivery/store.ts';
import { uuidv7 } from '../src/lib/ids.ts';
import { createMetrics } from '../src/telemetry/index.ts';

/** What counting costs a delivery: batches as the recorder writes them, mixed in channel, provider and outcome. */
const BATCH = 100;
const ROUNDS = 5_000;
const PROVIDERS = [
  ['push', 'apns', 'high'],
  ['push', 'fcm', 'normal'],
  ['email', 'smtp', 'low'],
] as const;

const results = Array.from({ length: BATCH }, (_, i) => {
  const [channel, provider, priority] = PROVIDERS[i % PROVIDERS.length]!;
  const now = Date.now();
  const claimed = {
    id: `${i}`,
    live: true,
    channel,
    provider,
    priority,
    sendAt: null,
    notificationId: uuidv7(now - i),
  };
  const dead = i % 20 === 0;
  const settlement = {
    state: dead ? 'failed' : 'sent',
    reason: dead ? 'recipient_invalid' : null,
    effect: null,
  };
  return {
    claimed,
    settlement,
    outcome: dead ? 'rejected' : 'accepted',
    latencyMs: i,
    finishedAt: now,
  } as unknown as Result;
});
const written = new Set(results.map(({ claimed }) => claimed.id));
const metrics = createMetrics();
const round = () => countResults(metrics, { results, written, ms: 3 });
for (let i = 0; i < 500; i++) round();
const before = process.cpuUsage();
for (let i = 0; i < ROUNDS; i++) round();
// Processor time and not the clock's: other work on the machine must not count.
const { user, system } = process.cpuUsage(before);
const microseconds = (user + system) / (ROUNDS * BATCH);
console.log(`${microseconds.toFixed(2)} µs a delivery (goal < 2)`);
