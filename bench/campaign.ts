import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { reconcile } from '../src/ledger/index.ts';
import type { CampaignResult } from './campaign-driver.ts';
import type { CampaignRig } from './campaign-rig.ts';
import { usageOf } from './children.ts';
import { measureLifecycle } from './lifecycle.ts';
import { postgresCpuMs } from './postgres-usage.ts';
import { describeLatencies, type Latencies } from './probes.ts';
import type { Row } from './row.ts';
import { compareThirds } from './thirds.ts';

export interface CampaignSizes {
  users: number;
  /** Campaigns to a small audience, for the cost of a recipient beside the large one. */
  smallRounds: number;
  /** The campaign ends here at the latest. */
  maxSeconds: number;
  /** And not before: a small audience is told again until then. */
  minSeconds: number;
  lifecycleSeconds: number;
  /** Messages of the other tenant, alone and beside the campaign. */
  otherMessages: number;
}

const SMALL = 10_000;
const HIGH_PER_SECOND = 20;
const OTHER_PER_SECOND = 4;
const SAMPLE_MS = 250;
/** Growth from the first third of the time to the last that is no growth. */
const FLAT_MB = 16;

/** The campaign, the high priority and the other tenant beside it. `perSecond` is its pace in the last third. */
export async function measureCampaign(
  rig: CampaignRig,
  sizes: CampaignSizes,
): Promise<{ rows: Row[]; perSecond: number }> {
  await rig.campaign({ users: SMALL, minSeconds: 0, maxSeconds: 30 });
  const limit = await measureLifecycle(rig.databaseUrl, sizes.lifecycleSeconds);
  const small = await measureCost(rig, async () => {
    let recipients = 0;
    for (let round = 0; round < sizes.smallRounds; round++) {
      recipients += (await rig.campaign({ users: SMALL, minSeconds: 0, maxSeconds: 30 })).recipients;
    }
    return recipients;
  });
  const idle = await probe(rig, sizes);
  const over = new AbortController();
  const beside = probe(rig, sizes, over.signal);
  let large: CampaignResult | undefined;
  const cost = await measureCost(rig, async () => {
    large = await rig.campaign(sizes);
    return large.recipients;
  });
  over.abort();
  const busy = await beside;
  const findings = await findWrongs(rig.databaseUrl);
  return {
    rows: [
      ...campaignRows(large!, { limit, cost, smallCost: small, findings, users: sizes.users }),
      highRow(busy.high, idle.high),
      otherRow(busy.other, idle.other),
    ],
    perSecond: paceOfLastThird(large!),
  };
}

/** Recipients per second over the last third of a campaign's time, its drain left out. */
export function paceOfLastThird({ sentBySecond }: CampaignResult): number {
  const end = sentBySecond.length - 1;
  const from = Math.floor((end * 2) / 3);
  return end <= from ? Number.NaN : (sentBySecond[end]! - sentBySecond[from]!) / (end - from);
}

async function probe(
  rig: CampaignRig,
  { otherMessages }: CampaignSizes,
  stop?: AbortSignal,
): Promise<{ high: Latencies; other: Latencies }> {
  const high = (otherMessages / OTHER_PER_SECOND) * HIGH_PER_SECOND;
  const [forHigh, forOther] = await Promise.all([
    rig.highProbes().run(HIGH_PER_SECOND, { count: stop ? Number.POSITIVE_INFINITY : high, stop }),
    rig.otherTenantProbes().run(OTHER_PER_SECOND, { count: otherMessages, stop }),
  ]);
  return { high: forHigh, other: forOther };
}

interface Cost {
  /** Processor time of the worker and the database (µs). */
  microseconds: number;
  worker: number;
  maxRssMb: number;
  /** Means of the first and the last third of the whole time (MB). */
  firstRssMb: number;
  lastRssMb: number;
}

async function measureCost(rig: CampaignRig, work: () => Promise<number>): Promise<Cost> {
  const samples: number[] = [];
  const over = new AbortController();
  const sampling = (async () => {
    while (!over.signal.aborted) {
      samples.push(usageOf(rig.workerPid).rssMb);
      await wait(SAMPLE_MS, undefined, { signal: over.signal }).catch(() => {});
    }
  })();
  const [workerBefore, databaseBefore] = await usage(rig);
  const recipients = await work();
  const [workerAfter, databaseAfter] = await usage(rig);
  over.abort();
  await sampling;
  const worker = ((workerAfter - workerBefore) * 1000) / recipients;
  const { first, last, max } = compareThirds(samples);
  return {
    microseconds: worker + ((databaseAfter - databaseBefore) * 1000) / recipients,
    worker,
    maxRssMb: max,
    firstRssMb: first,
    lastRssMb: last,
  };
}

async function usage({ store, workerPid }: CampaignRig): Promise<[number, number]> {
  return [usageOf(workerPid).cpuMs, await postgresCpuMs(store.engine)];
}

/** Whole tables are read here, other than anywhere else. */
async function findWrongs(connectionString: string): Promise<string[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read');
    const { findings, unrouted } = await reconcile(client, new Date(0));
    await client.query('commit');
    const wrongs = findings.map(({ rule, count, example }) => `${rule}: not so for ${count} (${example})`);
    return unrouted > 0 ? [...wrongs, `${unrouted} were never routed`] : wrongs;
  } finally {
    await client.end();
  }
}

function campaignRows(
  campaign: CampaignResult,
  facts: { limit: number; cost: Cost; smallCost: Cost; findings: string[]; users: number },
): Row[] {
  const { limit, cost, smallCost, findings, users } = facts;
  const perSecond = campaign.recipients / campaign.seconds;
  const wrong = findings.length > 0 ? `; WRONG: ${findings.join('; ')}` : '; reconcile finds nothing wrong';
  const costRatio = cost.microseconds / smallCost.microseconds;
  return [
    {
      id: 'P3',
      what: 'campaign to a null provider (decided with devices and suppressions, no preferences and caps yet)',
      value: `${Math.round(perSecond)} recipients/s over ${campaign.recipients} of an audience of ${users} (${campaign.seconds.toFixed(1)} s)${wrong}`,
      limit: `bare SQL lifecycle ${Math.round(limit)}/s`,
      ratio: (perSecond / limit).toFixed(2),
      goal: '≥ 25,000/s',
      met: perSecond >= 25_000 && findings.length === 0,
    },
    {
      id: 'P3',
      what: 'memory of the worker meanwhile',
      value: `${Math.round(cost.maxRssMb)} MB at most; first third ${Math.round(cost.firstRssMb)} MB, last third ${Math.round(cost.lastRssMb)} MB`,
      limit: '–',
      ratio: '–',
      goal: '< 512 MB, flat',
      met: cost.maxRssMb < 512 && cost.lastRssMb - cost.firstRssMb < FLAT_MB,
    },
    {
      id: 'P3',
      what: 'processor time per recipient, worker and database',
      value: `${cost.microseconds.toFixed(0)} µs (worker ${cost.worker.toFixed(0)})`,
      limit: `campaigns of ${SMALL}: ${smallCost.microseconds.toFixed(0)} µs (worker ${smallCost.worker.toFixed(0)})`,
      ratio: costRatio.toFixed(2),
      goal: '≤ 1.1',
      met: costRatio <= 1.1,
    },
  ];
}

function highRow(busy: Latencies, idle: Latencies): Row {
  return {
    id: 'P5',
    what: `high priority during P3 (${HIGH_PER_SECOND}/s), request to provider`,
    value: describeLatencies(busy),
    limit: `idle ${describeLatencies(idle)}`,
    ratio: (busy.p99 / idle.p99).toFixed(2),
    goal: 'p99 < 100 ms, < 3 × idle',
    met: busy.lost === 0 && busy.p99 < 100 && busy.p99 < 3 * idle.p99,
  };
}

function otherRow(busy: Latencies, idle: Latencies): Row {
  return {
    id: 'P10',
    what: `another tenant during P3 (${OTHER_PER_SECOND}/s at the same priority), request to provider`,
    value: describeLatencies(busy),
    limit: `alone ${describeLatencies(idle)}`,
    ratio: (busy.p99 / idle.p99).toFixed(2),
    goal: 'p99 < 2 × alone',
    met: busy.lost === 0 && busy.p99 < 2 * idle.p99,
  };
}
