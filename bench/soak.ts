import { setTimeout as wait } from 'node:timers/promises';
import { type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { runLoad } from './children.ts';
import { type Apple, drained, measurePace, plan, setUp, startApple, warmUp } from './push-road.ts';
import type { Row } from './row.ts';
import { readMetrics, sumOf } from './scrape.ts';
import { compareThirds } from './thirds.ts';

export interface SoakPlan {
  minutes: number;
  /** Notifications per second; null for a share of what P2 sustains. */
  rate: number | null;
}

const OFFERED_SHARE = 0.6;
const WARM_UP_SECONDS = 5;
const LOOK_EVERY_MS = 5_000;
/** Growth from the first third of the time to the last that is no growth. */
const FLAT_MB = 32;
const MB = 1024 * 1024;

/** P2's road at a steady rate for minutes: memory, how long its one thread is kept from its next turn, and losses. */
export async function measureSoak(
  { seconds }: { seconds: number },
  env: Record<string, string>,
  soak: SoakPlan,
): Promise<Row[]> {
  const apple = await startApple();
  const bellhop = await startBellhop({ BELLHOP_ACCEPT_QUEUE: '100000', ...env });
  try {
    await setUp(bellhop, apple.origin);
    await warmUp(bellhop, apple.count, WARM_UP_SECONDS);
    const rate = soak.rate ?? Math.floor((await paceOf(bellhop, apple, seconds)) * OFFERED_SHARE);
    const before = await apple.count();
    const start = await look(bellhop);
    const over = new AbortController();
    const watching = watch(bellhop, over.signal);
    const accepted = await runLoad(plan(bellhop, rate, soak.minutes * 60));
    over.abort();
    const looks = await watching;
    const expected = before + (accepted.statuses['202'] ?? 0);
    const missing = Math.max(0, expected - (await drained(apple.count, expected)));
    return toRows({ ...soak, rate, missing, acceptP99: accepted.p99, start, looks });
  } finally {
    apple.stop();
    await bellhop.dispose();
  }
}

function paceOf(bellhop: RunningBellhop, { count }: Apple, seconds: number): Promise<number> {
  const load = (rate: number, forSeconds: number) => runLoad(plan(bellhop, rate, forSeconds));
  return measurePace(load, count, seconds / 2);
}

/** What Bellhop says of itself: memory now, and its event loop's delays since the last look. */
interface Look {
  rssMb: number;
  heapMb: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  max: number;
}

async function look({ url }: RunningBellhop): Promise<Look> {
  const samples = await readMetrics(url);
  const delayMs = (name: string) => sumOf(samples, `nodejs_eventloop_lag_${name}_seconds`) * 1_000;
  return {
    rssMb: sumOf(samples, 'process_resident_memory_bytes') / MB,
    heapMb: sumOf(samples, 'nodejs_heap_size_used_bytes') / MB,
    p50: delayMs('p50'),
    p99: delayMs('p99'),
    max: delayMs('max'),
  };
}

async function watch(bellhop: RunningBellhop, stop: AbortSignal): Promise<Look[]> {
  const looks: Look[] = [];
  for (;;) {
    await wait(LOOK_EVERY_MS, undefined, { signal: stop }).catch(() => {});
    looks.push(await look(bellhop));
    if (stop.aborted) return looks;
  }
}

interface Soak extends SoakPlan {
  rate: number;
  missing: number;
  acceptP99: number;
  start: Look;
  looks: Look[];
}

function toRows({ minutes, rate, missing, acceptP99, start, looks }: Soak): Row[] {
  const of = (pick: (one: Look) => number) => looks.map(pick);
  const middle = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
  const memory = compareThirds(of(({ rssMb }) => rssMb));
  const heap = compareThirds(of(({ heapMb }) => heapMb));
  const thirds = (name: string, began: number, { first, last, max }: typeof memory) =>
    `${name} ${began.toFixed(0)} MB before, first third ${first.toFixed(0)}, last third ${last.toFixed(0)}, at most ${max.toFixed(0)}`;
  const [p99, worst] = [of((one) => one.p99), Math.max(...of(({ max }) => max))];
  const soak = { id: 'SOAK', limit: '–', ratio: '–' };
  return [
    {
      ...soak,
      what: `memory over ${minutes} minutes at ${rate}/s`,
      value: `${thirds('RSS', start.rssMb, memory)}; ${thirds('heap', start.heapMb, heap)}`,
      goal: 'flat',
      met: memory.last - memory.first < FLAT_MB,
    },
    {
      ...soak,
      what: `delay of its event loop meanwhile, by its own metric every ${LOOK_EVERY_MS / 1000} s (20 ms of it are between two looks of its timer)`,
      value: `p50 ${middle(of(({ p50 }) => p50)).toFixed(1)} ms, p99 ${middle(p99).toFixed(1)} ms (worst ${Math.max(...p99).toFixed(1)}), max ${worst.toFixed(0)} ms`,
      goal: 'p99 < 100 ms',
      met: Math.max(...p99) < 100,
    },
    {
      ...soak,
      what: 'nothing lost',
      value: `${missing} of what was accepted never arrived; accept p99 ${acceptP99.toFixed(1)} ms`,
      goal: '0',
      met: missing === 0,
    },
  ];
}
