import { setTimeout as wait } from 'node:timers/promises';
import { type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { runTask, usageOf } from './children.ts';
import type { Row } from './row.ts';
import type { ReadersPlan, ReadersResult } from './stream-readers.ts';

export interface StreamsSizes {
  streams: number;
  seconds: number;
}

/** Items a second, to a hundred of the users who listen. */
const RATE = 200;
const ADDRESSED = 100;
/** By then a process has given back the memory of what it did before. */
const SETTLED_MS = 20_000;
/** Code that runs for the first time is slow, and is not what is measured. */
const WARM_UP_SECONDS = 3;
const LOOK_MS = 5_000;
const AT_ONCE = 20;
const MAX_KB = 40;
const MAX_P99_MS = 500;

/** Streams of inboxes in one process: what each costs in memory, and how long an item takes to those who look. */
export async function measureStreams(
  { streams, seconds }: StreamsSizes,
  env: Record<string, string>,
): Promise<Row[]> {
  const bellhop = await startBellhop(env);
  try {
    const tokens = await makeUsers(bellhop, streams);
    await wait(SETTLED_MS);
    const before = usageOf(bellhop.pid);
    const plan: ReadersPlan = {
      url: bellhop.url,
      key: env.BELLHOP_BOOTSTRAP_KEY ?? '',
      tokens,
      rate: RATE,
      addressed: ADDRESSED,
      seconds,
      warmUpSeconds: WARM_UP_SECONDS,
      settledMs: LOOK_MS,
      pid: bellhop.pid,
    };
    const result = await runTask<ReadersResult>('stream-readers.ts', plan);
    return toRows(result, { streams, seconds, beforeMb: before.rssMb });
  } finally {
    await bellhop.dispose();
  }
}

async function makeUsers(bellhop: RunningBellhop, count: number): Promise<string[]> {
  const tokens: string[] = [];
  const make = async (n: number) => {
    await bellhop.call('PUT', `/v1/users/reader-${n}`, {});
    const { body } = await bellhop.call('POST', `/v1/users/reader-${n}/tokens`, {});
    tokens[n] = body.token;
  };
  for (let n = 0; n < count; n += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - n) }, (_, i) => make(n + i)));
  return tokens;
}

function toRows(
  result: ReadersResult,
  { streams, seconds, beforeMb }: { streams: number; seconds: number; beforeMb: number },
): Row[] {
  const kb = ((result.openMb - beforeMb) * 1024) / streams;
  const common = { id: 'STREAMS', limit: '–', ratio: '–' };
  return [
    {
      ...common,
      what: `${streams.toLocaleString('en')} inbox streams in one process`,
      value: `${kb.toFixed(1)} kB a stream (${Math.round(beforeMb)} → ${Math.round(result.openMb)} MB RSS), opened in ${(result.openedMs / 1000).toFixed(1)} s, ${result.idleCpuPercent.toFixed(1)} % CPU while nothing comes`,
      goal: `< ${MAX_KB} kB a stream`,
      met: kb < MAX_KB && result.open === streams,
    },
    {
      ...common,
      what: `item to open stream, ${RATE}/s, ${seconds} s`,
      value: `p50 ${result.p50.toFixed(0)} ms, p99 ${result.p99.toFixed(0)} ms from the request to the event, ${result.cpuPercent.toFixed(0)} % CPU, ${result.lost} of ${result.sent} lost`,
      goal: `p99 < ${MAX_P99_MS} ms`,
      met: result.p99 < MAX_P99_MS && result.lost === 0,
    },
  ];
}
