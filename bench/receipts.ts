import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { uuidv7 } from '../src/lib/ids.ts';
import { LIVE_KEY, type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { runLoad, startPeer, usageOf } from './children.ts';
import type { LoadResult } from './load.ts';
import { postgresCpuMs } from './postgres-usage.ts';
import type { ReceiptLoadPlan } from './receipt-load.ts';
import type { Row } from './row.ts';
import { readMetrics, sumOf } from './scrape.ts';

const PUBLIC_URL = 'https://bellhop.example.com';
const TOKEN = 'the-auth-token-of-the-account';
const CONNECTIONS = ['texts-0', 'texts-1', 'texts-2', 'texts-3'];
const CHATS = 'chats';
const PHONE_NUMBER_ID = '106540352242922';
/** Receipts of a post that a vendor gathers them in. */
const GATHERED = 10;
/** Over which the most is asked of it, and over which others are measured beside it. */
const SOCKETS = { most: 512, beside: 128 };
const GOAL = 5_000;
/** More than are reported on in a phase: a receipt that came before would cost less. */
const MOST_PER_SECOND = 10_000;
const WARM_UP_SECONDS = 5;
/** For which a flood that others are measured in goes on longer: it is signed before it begins, which takes its time. */
const LEAD_SECONDS = 4;
/** What is sent meanwhile, a second. */
const SENDS = 500;
const INSERT_BATCH = 10_000;

interface Rig {
  bellhop: RunningBellhop;
  db: pg.Pool;
  tenantId: string;
}

/** With the processor time that each receipt took. */
interface Flood extends LoadResult {
  bellhopMicros: number;
  postgresMicros: number;
}

/**
 * Receipts as Twilio posts them, one in each post, each signed; and what accepting notices of a flood of them. Bellhop's
 * own count of receipts has to say that each answer stood for a stored one.
 */
export async function measureReceipts(
  { seconds }: { seconds: number },
  env: Record<string, string>,
): Promise<Row[]> {
  const limit = await measureBare(seconds);
  const db = new pg.Pool({ connectionString: env.DATABASE_URL!, max: 1 });
  const bellhop = await startBellhop({
    BELLHOP_PUBLIC_URL: PUBLIC_URL,
    BELLHOP_RECEIPT_RATE: '0',
    ...env,
  });
  try {
    const rig = { bellhop, db, tenantId: await declareConnections(bellhop) };
    const warmUp = await flood(rig, WARM_UP_SECONDS);
    const alone = await flood(rig, seconds);
    const gathered = await floodGathered(rig, seconds);
    const quiet = await send(rig, seconds);
    const deliveries = await prepare(rig, seconds + LEAD_SECONDS);
    const [beside, flooded] = await Promise.all([
      pour(rig, { deliveries, seconds: seconds + LEAD_SECONDS, connections: SOCKETS.beside }),
      sleep(LEAD_SECONDS * 1_000).then(() => send(rig, seconds)),
    ]);
    await demandStored(bellhop, [warmUp, alone, beside], gathered);
    return [speedRow(alone, limit), gatheredRow(gathered), sendingRow({ quiet, flooded, beside })];
  } finally {
    await bellhop.dispose();
    await db.end();
  }
}

async function measureBare(seconds: number): Promise<{ perSecond: number; micros: number }> {
  const { child, port } = await startPeer('bare-receipts.ts', [PUBLIC_URL, TOKEN]);
  const deliveries = newDeliveries(1_000);
  const before = usageOf(child.pid!).cpuMs;
  const load = await runReceipts({
    port,
    tenantId: uuidv7(Date.now()),
    deliveries,
    seconds,
    connections: SOCKETS.most,
  });
  const cpuMs = usageOf(child.pid!).cpuMs - before;
  child.disconnect();
  if (load.statuses['204'] !== load.requests) throw new Error(JSON.stringify(load.statuses));
  return { perSecond: load.perSecond, micros: Math.round((cpuMs * 1_000) / load.requests) };
}

async function declareConnections({ call }: RunningBellhop): Promise<string> {
  const config = { accountSid: `AC${'0'.repeat(32)}`, authToken: TOKEN, from: '+15005550006' };
  let path = '';
  for (const id of CONNECTIONS) {
    const { status, body } = await call('PUT', `/v1/connections/${id}`, { provider: 'twilio', config });
    if (status >= 300) throw new Error(JSON.stringify(body));
    path = body.receiptsPath;
  }
  const chats = { phoneNumberId: PHONE_NUMBER_ID, accessToken: TOKEN, appSecret: TOKEN };
  await call('PUT', `/v1/connections/${CHATS}`, { provider: 'whatsapp', config: chats });
  return path.split('/')[3]!;
}

async function flood(rig: Rig, seconds: number): Promise<Flood> {
  return pour(rig, { deliveries: await prepare(rig, seconds), seconds, connections: SOCKETS.most });
}

/** As many receipts again in a tenth of the posts. */
async function floodGathered(rig: Rig, seconds: number): Promise<Flood> {
  const deliveries = await prepare(rig, seconds * 2, [CHATS]);
  const gathered = { size: GATHERED, phoneNumberId: PHONE_NUMBER_ID };
  return pour(rig, { deliveries, seconds, connections: SOCKETS.beside, gathered });
}

async function prepare(
  { db, tenantId }: Rig,
  seconds: number,
  connections = CONNECTIONS,
): Promise<ReceiptLoadPlan['deliveries']> {
  const deliveries = newDeliveries(MOST_PER_SECOND * seconds, connections);
  for (let from = 0; from < deliveries.length; from += INSERT_BATCH)
    await insertSent(db, tenantId, deliveries.slice(from, from + INSERT_BATCH));
  await db.query('analyze deliveries');
  return deliveries;
}

async function pour(
  { bellhop, db, tenantId }: Rig,
  plan: Pick<ReceiptLoadPlan, 'deliveries' | 'seconds' | 'connections' | 'gathered'>,
): Promise<Flood> {
  const before = [usageOf(bellhop.pid).cpuMs, await postgresCpuMs(db)] as const;
  const load = await runReceipts({
    port: Number(new URL(bellhop.url).port),
    tenantId,
    ...plan,
  });
  const each = (after: number, start: number) => Math.round(((after - start) * 1_000) / load.requests);
  return {
    ...load,
    bellhopMicros: each(usageOf(bellhop.pid).cpuMs, before[0]),
    postgresMicros: each(await postgresCpuMs(db), before[1]),
  };
}

function newDeliveries(count: number, connections = CONNECTIONS): ReceiptLoadPlan['deliveries'] {
  const now = Date.now();
  return Array.from({ length: count }, (_, n) => ({
    id: uuidv7(now),
    connection: connections[n % connections.length]!,
  }));
}

async function insertSent(
  db: pg.Pool,
  tenantId: string,
  deliveries: ReceiptLoadPlan['deliveries'],
): Promise<void> {
  await db.query(
    `insert into deliveries (id, tenant_id, live, notification_id, channel, lane, provider, connection, state, attempt,
        created_at, expires_at, started_at, finished_at)
     select id, $1, true, id, 'sms', 'sms.normal', 'twilio', connection, 'sent', 1, $4, $5, $4, $4
       from unnest($2::uuid[], $3::text[]) as made (id, connection)`,
    [
      tenantId,
      deliveries.map(({ id }) => id),
      deliveries.map(({ connection }) => connection),
      new Date(),
      new Date(Date.now() + 3_600_000),
    ],
  );
}

function runReceipts(
  plan: Pick<ReceiptLoadPlan, 'port' | 'tenantId' | 'deliveries' | 'seconds' | 'connections' | 'gathered'>,
): Promise<LoadResult> {
  const whole: ReceiptLoadPlan = {
    host: '127.0.0.1',
    path: '',
    headers: {},
    body: '',
    rate: 0,
    publicUrl: PUBLIC_URL,
    token: TOKEN,
    ...plan,
  };
  return runLoad(whole, 'receipt-load.ts');
}

let runs = 0;

/** Due tomorrow: what is measured is accepting, and nothing else takes part. */
function send({ bellhop }: Rig, seconds: number): Promise<LoadResult> {
  const sendAt = new Date(Date.now() + 86_400_000).toISOString();
  const message = { title: 'New Message!', body: 'You have a new message from Alice.' };
  const key = `receipts-{n}-${++runs}`;
  return runLoad({
    host: '127.0.0.1',
    port: Number(new URL(bellhop.url).port),
    path: '/v1/notifications',
    headers: { authorization: `Bearer ${LIVE_KEY}` },
    body: JSON.stringify({ userId: 'user-1', message, channels: ['sms'], idempotencyKey: key, sendAt }),
    connections: 32,
    rate: SENDS,
    seconds,
  });
}

/** Throws when a post was answered with 204 and its receipt is not stored. */
async function demandStored(
  { url }: RunningBellhop,
  loads: LoadResult[],
  gathered: LoadResult,
): Promise<void> {
  const single = loads.reduce((sum, { statuses }) => sum + (statuses['204'] ?? 0), 0);
  const answered = single + (gathered.statuses['204'] ?? 0) * GATHERED;
  const stored = sumOf(await readMetrics(url), 'bellhop_receipts_total');
  if (stored !== answered) throw new Error(`${answered} receipts were answered, and ${stored} stored`);
}

function gatheredRow({ perSecond, p99, bellhopMicros, postgresMicros }: Flood): Row {
  const receipts = Math.round(perSecond * GATHERED);
  return {
    id: 'RECEIPTS',
    what: `receipts of ${GATHERED} in each signed post, answered after the commit`,
    value: `${receipts}/s, p99 ${p99.toFixed(0)} ms; processor ${Math.round(bellhopMicros / GATHERED)} µs each, PostgreSQL ${Math.round(postgresMicros / GATHERED)} µs`,
    limit: '–',
    ratio: '–',
    goal: `≥ ${GOAL}/s`,
    met: receipts >= GOAL,
  };
}

function speedRow(alone: Flood, limit: { perSecond: number; micros: number }): Row {
  const ratio = alone.perSecond / limit.perSecond;
  return {
    id: 'RECEIPTS',
    what: 'receipts of one in each signed post, answered after the commit',
    value: `${describe(alone)}, p99 ${alone.p99.toFixed(0)} ms; processor ${alone.bellhopMicros} µs each, PostgreSQL ${alone.postgresMicros} µs`,
    limit: `bare Fastify that verifies ${Math.round(limit.perSecond)}/s, ${limit.micros} µs each`,
    ratio: ratio.toFixed(2),
    goal: `≥ ${GOAL}/s`,
    met: alone.perSecond >= GOAL && alone.statuses['204'] === alone.requests,
  };
}

function sendingRow({ quiet, flooded, beside }: Record<'quiet' | 'flooded' | 'beside', LoadResult>): Row {
  return {
    id: 'RECEIPTS',
    what: `accepting ${SENDS}/s during a flood of receipts (${describe(beside)})`,
    value: `p50 ${flooded.p50.toFixed(1)} ms, p99 ${flooded.p99.toFixed(1)} ms`,
    limit: `without it p50 ${quiet.p50.toFixed(1)} ms, p99 ${quiet.p99.toFixed(1)} ms`,
    ratio: (flooded.p99 / quiet.p99).toFixed(1),
    goal: 'p99 < 50 ms, all accepted',
    met: flooded.p99 < 50 && flooded.statuses['202'] === flooded.requests,
  };
}

function describe({ perSecond, statuses }: LoadResult): string {
  const others = Object.entries(statuses).filter(([status]) => !status.startsWith('2'));
  return [`${Math.round(perSecond)}/s`, ...others.map(([status, count]) => `${count} × ${status}`)].join(
    ', ',
  );
}
