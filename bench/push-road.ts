import { createHash, generateKeyPairSync } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { LIVE_KEY, type RunningBellhop } from '../test/support/process.ts';
import type { MockOrigin } from './bare-http2.ts';
import type { Certificate } from './certificate.ts';
import { ask, runLoad, startPeer } from './children.ts';
import type { LoadPlan, LoadResult } from './load.ts';
import type { MockCounts, MockFaults } from './mock-apns.ts';

export const USERS = 200;
const SET_UP_AT_ONCE = 8;
const CONNECTIONS = 64;
const WARM_UP_RATE = 1_000;
const DRAIN_SECONDS = 120;
/** The pace is what comes through when it is too much, so the steps may be large. */
const OFFERS = [3_000, 5_400, 10_000, 18_000];
/** Of what is offered; the halves of a short step are not exact. */
const KEEPS_UP = 0.9;

/** The mock of Apple's push service in a process of its own. */
export interface Apple extends MockOrigin {
  /** How many pushes arrived so far. */
  count(): Promise<number>;
  counts(faults?: MockFaults | null): Promise<MockCounts>;
  stop(): void;
}

/** Over h2c, or over TLS with a certificate. */
export async function startApple(certificate: Certificate | null = null): Promise<Apple> {
  const { child, port } = await startPeer('mock-apns.ts', certificate ? [certificate.folder] : []);
  const counts = (faults?: MockFaults | null) => ask<MockCounts>(child, { faults });
  return {
    origin: `${certificate ? 'https' : 'http'}://127.0.0.1:${port}`,
    certificatePath: certificate?.path ?? null,
    counts,
    count: async () => (await counts()).count,
    stop: () => child.disconnect(),
  };
}

/** A connection to the mock, and users with a device each. */
export async function setUp(bellhop: RunningBellhop, origin: string): Promise<void> {
  await connectMock(bellhop, 'apple', origin);
  const users = Array.from({ length: USERS }, (_, n) => n);
  const lane = async () => {
    for (let user = users.pop(); user !== undefined; user = users.pop()) {
      await bellhop.call('PUT', `/v1/users/user-${user}`, {});
      await bellhop.call('POST', `/v1/users/user-${user}/devices`, {
        platform: 'ios',
        // The same in each part: on a database that others used before, nobody has two devices.
        token: createHash('sha256').update(`user-${user}`).digest('hex'),
      });
    }
  };
  await Promise.all(Array.from({ length: SET_UP_AT_ONCE }, lane));
}

export async function connectMock(bellhop: RunningBellhop, id: string, origin: string): Promise<void> {
  const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  });
  const config = {
    teamId: 'TEAM123456',
    keyId: 'KEY1234567',
    privateKey,
    bundleId: 'com.example',
    baseUrl: origin,
  };
  const { status, body } = await bellhop.call('PUT', `/v1/connections/${id}`, { provider: 'apns', config });
  if (status >= 300) throw new Error(JSON.stringify(body));
}

/** One notification after the other, to each of the users in turn; `more` goes into the body. */
export function plan(bellhop: RunningBellhop, rate: number, seconds: number, more: object = {}): LoadPlan {
  return {
    host: '127.0.0.1',
    port: Number(new URL(bellhop.url).port),
    path: '/v1/notifications',
    headers: { authorization: `Bearer ${LIVE_KEY}` },
    body: JSON.stringify({
      userId: 'user-{m}',
      message: { title: 'New Message!', body: 'You have a new message from Alice.', data: { n: '{n}' } },
      channels: ['push'],
      ...more,
    }),
    modulus: USERS,
    connections: CONNECTIONS,
    rate,
    seconds,
  };
}

/** Until code is compiled and connections are open. All of it has arrived when it resolves, so that nothing is counted later. */
export async function warmUp(bellhop: RunningBellhop, count: Apple['count'], seconds: number): Promise<void> {
  const before = await count();
  const { requests } = await runLoad(plan(bellhop, WARM_UP_RATE, seconds));
  await drained(count, before + requests);
}

export type Load = (rate: number, seconds: number) => Promise<LoadResult>;

/**
 * Rises until the mock no longer keeps up with what is accepted; the pace is what came through in the second half of a
 * step, when the road is full.
 */
export async function measurePace(load: Load, count: Apple['count'], seconds: number): Promise<number> {
  let best = 0;
  for (const rate of OFFERS) {
    const before = await count();
    const loading = load(rate, seconds);
    await wait(seconds * 500);
    const [halfway, halfwayAt] = [await count(), performance.now()];
    const accepted = await loading;
    const pace = ((await count()) - halfway) / ((performance.now() - halfwayAt) / 1000);
    best = Math.max(best, pace);
    await drained(count, before + accepted.requests);
    if (pace < rate * KEEPS_UP) break;
  }
  return best;
}

/** Waits, but not for ever, until so many have arrived; returns how many have. */
export async function drained(count: Apple['count'], expected: number): Promise<number> {
  const end = performance.now() + DRAIN_SECONDS * 1000;
  let seen = await count();
  while (seen < expected && performance.now() < end) {
    await wait(50);
    seen = await count();
  }
  return seen;
}
