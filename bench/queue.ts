import pg from 'pg';
import { runTask } from './children.ts';
import { installPeers } from './install-peers.ts';
import { type QueuePace, type QueuePlan, WITH_NOTIFICATIONS } from './jobs.ts';
import { startRedis } from './redis.ts';
import type { Row } from './row.ts';

const GOAL = 2;
const WHAT = 'the queue alone';

interface Contestant {
  name: string;
  /** Jobs per second at its best; null with the reason in its place. */
  perSecond: number | null;
  how: string;
}

/**
 * P4: jobs enqueued, claimed and completed. Each queue works in a process of its own, on a database of its own in the
 * same cluster, in the ways its documentation recommends for speed; the best of them counts.
 */
export async function measureQueue({ jobs }: { jobs: number }, clusterUrl: string): Promise<Row[]> {
  const missing = installPeers();
  if (missing) return [notMeasured(missing)];
  const redis = await startRedis();
  try {
    const measure = async (file: string): Promise<QueuePace> => {
      const plan: QueuePlan = {
        databaseUrl: await createDatabase(clusterUrl, file),
        redisPort: redis?.port ?? 0,
        jobs,
      };
      return runTask<QueuePace>(file, plan);
    };
    const { [WITH_NOTIFICATIONS]: withNotifications, ...alone } = await measure('queue-own.ts');
    const ours = bestOf('Bellhop', alone);
    const peers: Contestant[] = [
      ...apart('graphile-worker', await attempt(measure('peers/graphile-worker.mjs'))),
      bestOf('pg-boss', await attempt(measure('peers/pg-boss.mjs'))),
      redis
        ? bestOf('BullMQ (Redis, AOF always)', await attempt(measure('peers/bullmq.mjs')))
        : { name: 'BullMQ', perSecond: null, how: 'there is no redis-server on this machine' },
    ];
    return rowsOf({ jobs, ours, withNotifications: withNotifications!, peers });
  } finally {
    await redis?.stop();
  }
}

/** A peer that breaks down is told in its row; the others are measured all the same. */
function attempt(measured: Promise<QueuePace>): Promise<QueuePace | string> {
  return measured.catch((error: Error) => error.message);
}

function bestOf(name: string, pace: QueuePace | string): Contestant {
  if (typeof pace === 'string') return { name, perSecond: null, how: pace };
  const [how, perSecond] = Object.entries(pace).toSorted((a, b) => b[1] - a[1])[0]!;
  return { name, perSecond, how };
}

function apart(name: string, pace: QueuePace | string): Contestant[] {
  if (typeof pace === 'string') return [bestOf(name, pace)];
  return Object.entries(pace).map(([how, perSecond]) => ({ name: `${name}, ${how}`, perSecond, how }));
}

function rowsOf({
  jobs,
  ours,
  withNotifications,
  peers,
}: {
  jobs: number;
  ours: Contestant;
  withNotifications: number;
  peers: Contestant[];
}): Row[] {
  const best = peers.toSorted((a, b) => (b.perSecond ?? 0) - (a.perSecond ?? 0))[0]!;
  const against = (peer: Contestant, mine: number) => {
    const ratio = peer.perSecond ? mine / peer.perSecond : null;
    const limit = ratio ? `${peer.name} ${perSecond(peer.perSecond!)}` : `${peer.name}: ${peer.how}`;
    return { id: 'P4', limit, ratio: ratio?.toFixed(2) ?? '–', met: ratio !== null && ratio >= GOAL };
  };
  const mine = `${perSecond(ours.perSecond!)} (${ours.how})`;
  return [
    {
      what: `${WHAT}, ${jobs} jobs, against the best`,
      value: mine,
      goal: `≥ ${GOAL}`,
      ...against(best, ours.perSecond!),
    },
    {
      what: `${WHAT}, ${WITH_NOTIFICATIONS}`,
      value: perSecond(withNotifications),
      ...against(best, withNotifications),
      goal: '–',
      met: true,
    },
    ...peers
      .filter((peer) => peer !== best)
      .map((peer) => ({ what: WHAT, value: mine, goal: `≥ ${GOAL}`, ...against(peer, ours.perSecond!) })),
  ];
}

const perSecond = (rate: number) => `${Math.round(rate)}/s`;

function notMeasured(why: string): Row {
  return { id: 'P4', what: WHAT, value: why, limit: '–', ratio: '–', goal: `≥ ${GOAL}`, met: false };
}

/** An empty database, with the dirty pages of the contestant before written out. */
async function createDatabase(clusterUrl: string, file: string): Promise<string> {
  const name = `bench_${file.replace(/\W+/g, '_')}`;
  const client = new pg.Client({ connectionString: clusterUrl });
  await client.connect();
  await client.query(`drop database if exists ${name}`);
  await client.query(`create database ${name}`);
  await client.query('checkpoint');
  await client.end();
  const url = new URL(clusterUrl);
  url.pathname = `/${name}`;
  return url.href;
}
