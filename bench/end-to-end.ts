import { startBellhop } from '../test/support/process.ts';
import { measureBareHttp2 } from './bare-http2.ts';
import { makeCertificate } from './certificate.ts';
import { runLoad } from './children.ts';
import type { LoadResult } from './load.ts';
import { type Apple, drained, type Load, measurePace, plan, setUp, startApple, warmUp } from './push-road.ts';
import type { Row } from './row.ts';

/** Of the measured pace, which is what is offered for a while. */
const OFFERED_SHARE = 0.95;
/** A backlog that is gone this soon after the load ends was flat. */
const FLAT_SECONDS = 2;

export interface RoadSizes {
  warmUpSeconds: number;
  /** For each step on the way to the pace, and for the limit. */
  stepSeconds: number;
  /** For which 95 % of the pace is offered. */
  sustainedSeconds: number;
}

/**
 * P2: accepted over HTTP one by one, routed, pushed over h2c to a mock APNs in another process, recorded. First the
 * pace at which the whole road moves under saturation, then 95 % of it is offered for a while, with the backlog watched.
 */
export async function measureEndToEnd(
  sizes: RoadSizes,
  env: Record<string, string>,
): Promise<{ row: Row; perSecond: number }> {
  const apple = await startApple();
  try {
    const limit = await measureBareHttp2(apple, sizes.stepSeconds);
    const sustained = await drive(apple, sizes, env);
    const row = limitedRow(sustained, { limit, over: 'h2c', goal: 10_000 });
    return { row, perSecond: sustained.perSecond };
  } finally {
    apple.stop();
  }
}

/**
 * P2 over TLS, as Apple speaks it. Bellhop trusts the mock's certificate as a user would have it trust one: by
 * NODE_EXTRA_CA_CERTS.
 */
export async function measureOverTls(sizes: RoadSizes, env: Record<string, string>): Promise<Row> {
  const certificate = makeCertificate();
  if (!certificate) return notMeasured('not measured: there is no openssl to make a certificate with');
  const apple = await startApple(certificate);
  try {
    const limit = await measureBareHttp2(apple, sizes.stepSeconds);
    const sustained = await drive(apple, sizes, { ...env, NODE_EXTRA_CA_CERTS: certificate.path });
    return limitedRow(sustained, { limit, over: 'TLS', goal: 0 });
  } finally {
    apple.stop();
    certificate.remove();
  }
}

/** P6: the same road on the embedded database, beside what PostgreSQL brought. */
export async function measureEmbedded(sizes: RoadSizes, onPostgres: number): Promise<Row> {
  const apple = await startApple();
  try {
    const sustained = await drive(apple, sizes, {});
    const ratio = sustained.perSecond / onPostgres;
    return {
      id: 'P6',
      what: `end to end over h2c, embedded, ${sizes.sustainedSeconds} s`,
      value: describe(sustained),
      limit: `PostgreSQL ${Math.round(onPostgres)}/s`,
      ratio: ratio.toFixed(2),
      goal: '≥ 0.5',
      met: ratio >= 0.5 && sustained.lost === 0,
    };
  } finally {
    apple.stop();
  }
}

interface Sustained {
  /** For which it was offered. */
  seconds: number;
  perSecond: number;
  accepted: LoadResult;
  drainSeconds: number;
  lost: number;
}

async function drive(
  { origin, count }: Apple,
  { warmUpSeconds, stepSeconds, sustainedSeconds: seconds }: RoadSizes,
  env: Record<string, string>,
): Promise<Sustained> {
  const bellhop = await startBellhop({ BELLHOP_ACCEPT_QUEUE: '100000', ...env });
  try {
    await setUp(bellhop, origin);
    const load = (rate: number, forSeconds: number) => runLoad(plan(bellhop, rate, forSeconds));
    await warmUp(bellhop, count, warmUpSeconds);
    const pace = await measurePace(load, count, stepSeconds);
    return await sustain(load, count, { rate: Math.floor(pace * OFFERED_SHARE), seconds });
  } finally {
    await bellhop.dispose();
  }
}

async function sustain(
  load: Load,
  count: () => Promise<number>,
  { rate, seconds }: { rate: number; seconds: number },
): Promise<Sustained> {
  const before = await count();
  const startedAt = performance.now();
  const accepted = await load(rate, seconds);
  const arrived = (await count()) - before;
  const perSecond = arrived / ((performance.now() - startedAt) / 1000);
  const drainStart = performance.now();
  const total = await drained(count, before + accepted.requests);
  const drainSeconds = (performance.now() - drainStart) / 1000;
  const lost = Math.max(0, before + accepted.requests - total);
  return { seconds, perSecond, accepted, drainSeconds, lost };
}

function describe({ perSecond, accepted, drainSeconds, lost }: Sustained): string {
  const flat = drainSeconds <= FLAT_SECONDS ? 'flat' : `backlog of ${drainSeconds.toFixed(1)} s`;
  return `${Math.round(perSecond)}/s sustained (${flat}), accept p99 ${accepted.p99.toFixed(1)} ms, ${lost} lost`;
}

function limitedRow(
  sustained: Sustained,
  { limit, over, goal }: { limit: number; over: string; goal: number },
): Row {
  const { perSecond, accepted, lost, seconds } = sustained;
  const ratio = perSecond / limit;
  return {
    id: 'P2',
    what: `end to end over ${over}, PostgreSQL, ${seconds} s`,
    value: describe(sustained),
    limit: `bare node:http2 over ${over} ${Math.round(limit)}/s`,
    ratio: ratio.toFixed(2),
    goal: `${goal > 0 ? `≥ ${goal.toLocaleString('en')}/s, ` : ''}≥ 0.4, accept p99 < 10 ms`,
    met: perSecond >= goal && ratio >= 0.4 && accepted.p99 < 10 && lost === 0,
  };
}

function notMeasured(why: string): Row {
  return {
    id: 'P2',
    what: 'end to end over TLS, PostgreSQL',
    value: why,
    limit: '–',
    ratio: '–',
    goal: '≥ 0.4',
    met: false,
  };
}
