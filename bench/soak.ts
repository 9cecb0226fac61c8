import { setTimeout as wait } from 'node:timers/promises';
import { type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { ask, runLoad, startPeer, usageOf } from './children.ts';
import { drained, measurePace, plan, setUp } from './end-to-end.ts';
import type { MockCounts } from './mock-apns.ts';
import type { Row, Sizes } from './row.ts';

const OFFERED_SHARE = 0.6;
const PROBE_EVERY_MS = 50;
const MEMORY_EVERY_MS = 5_000;

/** P2's road at a steady rate for minutes: memory, and how long a request that needs nothing waits for its turn. */
export async function measureSoak(
  { seconds }: Sizes,
  env: Record<string, string>,
  minutes: number,
): Promise<Row[]> {
  const apple = await startPeer('mock-apns.ts');
  const bellhop = await startBellhop({ BELLHOP_ACCEPT_QUEUE: '100000', ...env });
  try {
    await setUp(bellhop, apple.port);
    const count = async () => (await ask<MockCounts>(apple.child, {})).count;
    const load = (rate: number, forSeconds: number) => runLoad(plan(bellhop, rate, forSeconds));
    await load(1_000, 3);
    const rate = Math.floor((await measurePace(load, count, seconds)) * OFFERED_SHARE);
    const before = await count();
    const over = new AbortController();
    const watching = Promise.all([watchTurns(bellhop, over.signal), watchMemory(bellhop.pid, over.signal)]);
    const accepted = await load(rate, minutes * 60);
    over.abort();
    const [turns, memory] = await watching;
    const expected = before + (accepted.statuses['202'] ?? 0);
    const missing = Math.max(0, expected - (await drained(count, expected)));
    return toRows({ minutes, rate, missing, acceptP99: accepted.p99, turns, memory });
  } finally {
    apple.child.disconnect();
    await bellhop.dispose();
  }
}

/** Milliseconds that each look at /health/live took, in order of size. */
async function watchTurns({ url }: RunningBellhop, stop: AbortSignal): Promise<number[]> {
  const took: number[] = [];
  while (!stop.aborted) {
    const startedAt = performance.now();
    await (await fetch(`${url}/health/live`)).arrayBuffer();
    took.push(performance.now() - startedAt);
    await wait(PROBE_EVERY_MS, undefined, { signal: stop }).catch(() => {});
  }
  return took.sort((a, b) => a - b);
}

async function watchMemory(pid: number, stop: AbortSignal): Promise<number[]> {
  const samples: number[] = [];
  while (!stop.aborted) {
    samples.push(usageOf(pid).rssMb);
    await wait(MEMORY_EVERY_MS, undefined, { signal: stop }).catch(() => {});
  }
  return samples;
}

interface Soak {
  minutes: number;
  rate: number;
  missing: number;
  acceptP99: number;
  turns: number[];
  memory: number[];
}

function toRows({ minutes, rate, missing, acceptP99, turns, memory }: Soak): Row[] {
  const at = (share: number) => turns[Math.min(turns.length - 1, Math.floor(turns.length * share))] ?? 0;
  const third = Math.max(1, Math.floor(memory.length / 3));
  const mean = (list: number[]) => list.reduce((sum, mb) => sum + mb, 0) / Math.max(1, list.length);
  const growth = mean(memory.slice(-third)) - mean(memory.slice(third, 2 * third));
  const soak = { limit: '–', ratio: '–' };
  return [
    {
      id: 'SOAK',
      what: `memory over ${minutes} minutes at ${rate}/s`,
      value: `${Math.max(...memory).toFixed(0)} MB at most, ${growth.toFixed(0)} MB more in the last third than in the second; ${missing} lost, accept p99 ${acceptP99.toFixed(1)} ms`,
      ...soak,
      goal: 'flat, none lost',
      met: growth < 32 && missing === 0,
    },
    {
      id: 'SOAK',
      what: `GET /health/live every ${PROBE_EVERY_MS} ms meanwhile`,
      value: `p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, max ${at(1).toFixed(0)} ms`,
      ...soak,
      goal: 'p99 < 100 ms',
      met: at(0.99) < 100,
    },
  ];
}
