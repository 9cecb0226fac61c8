import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { LIVE_KEY, type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { measureBareHttp2 } from './bare-http2.ts';
import { ask, runLoad, startPeer } from './children.ts';
import type { LoadResult } from './load.ts';
import type { Row, Sizes } from './row.ts';

const USERS = 200;
const CONNECTIONS = 64;
/** A backlog that is gone this soon after the load ends was flat. */
const FLAT_SECONDS = 2;
const DRAIN_SECONDS = 120;

/**
 * P2: accepted over HTTP one by one, routed, pushed over h2c to a mock APNs in another process, recorded. First the
 * pace at which the whole road moves under saturation, then 95 % of it is offered for a while, with the backlog watched.
 */
export async function measureEndToEnd(
  { seconds, sustainedSeconds }: Sizes,
  env: Record<string, string>,
  onPostgres?: number,
): Promise<{ rows: Row[]; perSecond: number }> {
  const apple = await startPeer('mock-apns.ts');
  const bellhop = await startBellhop({ BELLHOP_ACCEPT_QUEUE: '100000', ...env });
  try {
    const limit = await measureBareHttp2(apple.port, seconds);
    await setUp(bellhop, apple.port);
    const count = async () => (await ask<{ count: number }>(apple.child, {})).count;
    const load = (rate: number, forSeconds: number) => runLoad(plan(bellhop, rate, forSeconds));
    await load(1_000, 3);
    const pace = await measurePace(load, count, seconds);
    const sustained = await sustain(load, count, {
      rate: Math.floor(pace * 0.95),
      seconds: sustainedSeconds,
    });
    const rows =
      onPostgres === undefined ? postgresRows(sustained, limit) : embeddedRows(sustained, onPostgres);
    return { rows, perSecond: sustained.perSecond };
  } finally {
    apple.child.disconnect();
    await bellhop.dispose();
  }
}

/** A connection to the mock, and users with a device each. */
export async function setUp(bellhop: RunningBellhop, port: number): Promise<void> {
  await connectMock(bellhop, 'apple', port);
  for (let user = 0; user < USERS; user++) {
    await bellhop.call('PUT', `/v1/users/user-${user}`, {});
    await bellhop.call('POST', `/v1/users/user-${user}/devices`, {
      platform: 'ios',
      token: randomBytes(32).toString('hex'),
    });
  }
}

export async function connectMock(bellhop: RunningBellhop, id: string, port: number): Promise<void> {
  const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  });
  const config = {
    teamId: 'TEAM123456',
    keyId: 'KEY1234567',
    privateKey,
    bundleId: 'com.example',
    baseUrl: `http://127.0.0.1:${port}`,
  };
  const { status, body } = await bellhop.call('PUT', `/v1/connections/${id}`, { provider: 'apns', config });
  if (status >= 300) throw new Error(JSON.stringify(body));
}

export function plan(bellhop: RunningBellhop, rate: number, seconds: number) {
  return {
    host: '127.0.0.1',
    port: Number(new URL(bellhop.url).port),
    path: '/v1/notifications',
    headers: { authorization: `Bearer ${LIVE_KEY}` },
    body: JSON.stringify({
      userId: `user-${USERS - 1}`,
      message: { title: 'New Message!', body: 'You have a new message from Alice.', data: { n: '{n}' } },
      channels: ['push'],
    }),
    connections: CONNECTIONS,
    rate,
    seconds,
  };
}

export type Load = (rate: number, seconds: number) => Promise<LoadResult>;

/** Rises until the mock no longer keeps up with what is accepted; the pace is what came through meanwhile. */
export async function measurePace(
  load: Load,
  count: () => Promise<number>,
  seconds: number,
): Promise<number> {
  let best = 0;
  for (const rate of [3_000, 5_000, 7_000, 9_000, 11_000, 13_000]) {
    const before = await count();
    const startedAt = performance.now();
    const accepted = await load(rate, seconds / 2);
    const arrived = (await count()) - before;
    const pace = arrived / ((performance.now() - startedAt) / 1000);
    best = Math.max(best, pace);
    await drained(count, before + accepted.requests);
    if (pace < rate * 0.97) break;
  }
  return best;
}

interface Sustained {
  perSecond: number;
  accepted: LoadResult;
  drainSeconds: number;
  lost: number;
}

async function sustain(
  load: Load,
  count: () => Promise<number>,
  offered: { rate: number; seconds: number },
): Promise<Sustained> {
  const before = await count();
  const startedAt = performance.now();
  const accepted = await load(offered.rate, offered.seconds);
  const arrived = (await count()) - before;
  const perSecond = arrived / ((performance.now() - startedAt) / 1000);
  const drainStart = performance.now();
  const total = await drained(count, before + accepted.requests);
  const drainSeconds = (performance.now() - drainStart) / 1000;
  return { perSecond, accepted, drainSeconds, lost: Math.max(0, before + accepted.requests - total) };
}

export async function drained(count: () => Promise<number>, expected: number): Promise<number> {
  const end = performance.now() + DRAIN_SECONDS * 1000;
  let seen = await count();
  while (seen < expected && performance.now() < end) {
    await wait(50);
    seen = await count();
  }
  return seen;
}

function describe({ perSecond, accepted, drainSeconds, lost }: Sustained): string {
  const flat = drainSeconds <= FLAT_SECONDS ? 'flat' : `backlog of ${drainSeconds.toFixed(1)} s`;
  return `${Math.round(perSecond)}/s sustained (${flat}), accept p99 ${accepted.p99.toFixed(1)} ms, ${lost} lost`;
}

function postgresRows(sustained: Sustained, limit: number): Row[] {
  const ratio = sustained.perSecond / limit;
  const met =
    sustained.perSecond >= 10_000 && ratio >= 0.4 && sustained.accepted.p99 < 10 && sustained.lost === 0;
  return [
    {
      id: 'P2',
      what: 'end to end over h2c, PostgreSQL',
      value: describe(sustained),
      limit: `bare node:http2 ${Math.round(limit)}/s`,
      ratio: ratio.toFixed(2),
      goal: '≥ 10,000/s, ≥ 0.4, accept p99 < 10 ms',
      met,
    },
  ];
}

function embeddedRows(sustained: Sustained, onPostgres: number): Row[] {
  const ratio = sustained.perSecond / onPostgres;
  return [
    {
      id: 'P6',
      what: 'end to end over h2c, embedded',
      value: describe(sustained),
      limit: `PostgreSQL ${Math.round(onPostgres)}/s`,
      ratio: ratio.toFixed(2),
      goal: '≥ 0.5',
      met: ratio >= 0.5 && sustained.lost === 0,
    },
  ];
}
