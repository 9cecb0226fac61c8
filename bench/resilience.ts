import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../test/support/postgres.ts';
import { type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { runLoad } from './children.ts';
import type { MockCounts, MockFaults } from './mock-apns.ts';
import { connectMock, measurePace, plan, setUp, startApple, warmUp } from './push-road.ts';
import { measureRecovery } from './recovery.ts';
import type { Row } from './row.ts';

/** Of the pace of the healthy road: retries need room. */
const OFFERED_SHARE = 0.7;
/** Longer than the waits of two retries, or one that Apple asked for. */
const DRAIN_SECONDS = 60;
const WARM_UP_SECONDS = 3;

const TRANSIENT: MockFaults = { share: 0.1, status: 503, reason: 'ServiceUnavailable' };
const THROTTLED = { share: 1, status: 429, reason: 'TooManyRequests', headers: { 'retry-after': '2' } };
/** Of what is offered, the rest earns a 429. */
const ALLOWED_SHARE = 0.8;

/** What a run under trouble brought. */
interface Outcome {
  /** Deliveries per second that the mock took while the load went on. */
  perSecond: number;
  acceptP99: number;
  /** From the end of the load until everything accepted was delivered. */
  drainSeconds: number;
  missing: number;
}

/** R1 to R3: P2's road under trouble, beside the same load without any. R4: a worker is killed while another lives. */
export async function measureResilience(
  { seconds }: { seconds: number },
  env: Record<string, string>,
  { wants, report }: { wants: (id: string) => boolean; report: (row: Row) => void },
): Promise<void> {
  const apple = await startApple();
  const bellhop = await startBellhop({ BELLHOP_ACCEPT_QUEUE: '100000', ...env });
  const { counts } = apple;
  try {
    await setUp(bellhop, apple.origin);
    const load = (rate: number, forSeconds: number) => runLoad(plan(bellhop, rate, forSeconds));
    await warmUp(bellhop, apple.count, WARM_UP_SECONDS);
    const pace = await measurePace(load, apple.count, seconds / 2);
    const rate = Math.floor(pace * OFFERED_SHARE);
    const run = async (faults: MockFaults | null) => {
      // A changed connection begins anew: what an earlier run taught is forgotten.
      await connectMock(bellhop, 'apple', apple.origin);
      return runUnder(bellhop, counts, { faults, rate, seconds });
    };
    const healthy = { what: 'healthy', perSecond: (await run(null)).perSecond };
    if (wants('R1'))
      report(toRow('R1', '10 % of the pushes are answered with 503', await run(TRANSIENT), healthy));
    if (wants('R3')) {
      const allowedPerSecond = Math.floor(rate * ALLOWED_SHARE);
      const what = `beyond ${allowedPerSecond}/s the provider answers 429 with Retry-After`;
      const outcome = await run({ ...THROTTLED, allowedPerSecond });
      report(toRow('R3', what, outcome, { perSecond: allowedPerSecond, what: 'allowed' }));
    }
    if (wants('R2')) {
      await connectMock(bellhop, 'banana', `http://127.0.0.1:${await freePort()}`);
      report(toRow('R2', 'one of two providers is dead', await run(null), healthy));
      await bellhop.call('DELETE', '/v1/connections/banana');
    }
    await connectMock(bellhop, 'apple', apple.origin);
    if (wants('R4')) report(await measureRecovery(bellhop, env, { rate: Math.min(rate, 1_000), counts }));
  } finally {
    apple.stop();
    await bellhop.dispose();
  }
}

/** The faults end with the load, so that what is left comes with its next retry. */
async function runUnder(
  bellhop: RunningBellhop,
  counts: (faults?: MockFaults | null) => Promise<MockCounts>,
  { faults, rate, seconds }: { faults: MockFaults | null; rate: number; seconds: number },
): Promise<Outcome> {
  const before = (await counts(faults)).good;
  const startedAt = performance.now();
  const accepted = await runLoad(plan(bellhop, rate, seconds));
  const perSecond = ((await counts(null)).good - before) / ((performance.now() - startedAt) / 1000);
  const drainStart = performance.now();
  const drainSeconds = () => (performance.now() - drainStart) / 1000;
  const expected = before + (accepted.statuses['202'] ?? 0);
  let good = (await counts()).good;
  while (good < expected && drainSeconds() < DRAIN_SECONDS) {
    await wait(50);
    good = (await counts()).good;
  }
  return { perSecond, acceptP99: accepted.p99, drainSeconds: drainSeconds(), missing: expected - good };
}

function toRow(id: string, what: string, outcome: Outcome, limit: { what: string; perSecond: number }): Row {
  const ratio = outcome.perSecond / limit.perSecond;
  const { perSecond, acceptP99, drainSeconds, missing } = outcome;
  const rest =
    missing === 0 ? ', all delivered' : missing > 0 ? `, ${missing} MISSING` : `, ${-missing} TOO MANY`;
  return {
    id,
    what,
    value: `${Math.round(perSecond)}/s delivered meanwhile, the rest within ${drainSeconds.toFixed(1)} s${rest}, accept p99 ${acceptP99.toFixed(1)} ms`,
    limit: `${limit.what} ${Math.round(limit.perSecond)}/s`,
    ratio: ratio.toFixed(2),
    goal: '≥ 0.8, none missing',
    met: ratio >= 0.8 && missing === 0,
  };
}
