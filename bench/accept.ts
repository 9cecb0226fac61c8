import { LIVE_KEY, type RunningBellhop, startBellhop } from '../test/support/process.ts';
import { runLoad, startPeer } from './children.ts';
import type { LoadResult } from './load.ts';
import type { Row } from './row.ts';
import { readMetrics, sumOf } from './scrape.ts';

const BODY = JSON.stringify({
  userId: 'user-12345',
  message: { title: 'New Message!', body: 'You have a new message from Alice.', data: { type: 'chat' } },
  channels: ['push', 'email'],
  idempotencyKey: 'bench-{n}-{run}',
  // Due tomorrow: what is measured is accepting, and nothing else takes part.
  sendAt: new Date(Date.now() + 86_400_000).toISOString(),
});
const SATURATING_CONNECTIONS = 128;
const OFFERED = 10_000;

export interface AcceptSizes {
  warmUpSeconds: number;
  /** Of each phase. */
  seconds: number;
}

/** The limit of P1: what a Fastify does that only validates the same body. */
export async function measureBareFastify({ seconds }: AcceptSizes): Promise<number> {
  const { child, port } = await startPeer('bare-fastify.ts');
  const load = await runLoad(plan(port, { rate: 0, seconds }));
  child.disconnect();
  return load.perSecond;
}

/**
 * P1: durable accept, authentication and idempotency on: every request has a key that no other has, so that none is
 * answered from what is stored already. Bellhop's own count of what it stored has to say so too.
 */
export async function measureAccept(
  { warmUpSeconds, seconds }: AcceptSizes,
  limit: number,
  env: Record<string, string>,
  onPostgres?: number,
): Promise<{ rows: Row[]; perSecond: number }> {
  const bellhop = await startBellhop({ BELLHOP_ACCEPT_QUEUE: '100000', ...env });
  const port = Number(new URL(bellhop.url).port);
  try {
    const warmUp = await runLoad(plan(port, { rate: 0, seconds: warmUpSeconds }));
    const saturated = await runLoad(plan(port, { rate: 0, seconds }));
    if (onPostgres !== undefined) {
      await demandStored(bellhop, [warmUp, saturated]);
      return { rows: [embeddedRow(saturated, onPostgres)], perSecond: saturated.perSecond };
    }
    const offered = await runLoad(plan(port, { rate: OFFERED, seconds }));
    await demandStored(bellhop, [warmUp, saturated, offered]);
    return { rows: postgresRows(saturated, offered, limit), perSecond: saturated.perSecond };
  } finally {
    await bellhop.dispose();
  }
}

/** Throws when a request was answered with 202 and stored nothing, as the repeat of a key is. */
async function demandStored({ url }: RunningBellhop, loads: LoadResult[]): Promise<void> {
  const answered = loads.reduce((sum, { statuses }) => sum + (statuses['202'] ?? 0), 0);
  const stored = sumOf(await readMetrics(url), 'bellhop_notifications_accepted_total');
  if (stored !== answered) throw new Error(`${answered} requests were accepted, and ${stored} stored`);
}

let runs = 0;

function plan(port: number, { rate, seconds }: { rate: number; seconds: number }) {
  return {
    host: '127.0.0.1',
    port,
    path: '/v1/notifications',
    headers: { authorization: `Bearer ${LIVE_KEY}` },
    body: BODY.replace('{run}', String(++runs)),
    connections: SATURATING_CONNECTIONS,
    rate,
    seconds,
  };
}

function postgresRows(saturated: LoadResult, offered: LoadResult, limit: number): Row[] {
  const ratio = saturated.perSecond / limit;
  return [
    {
      id: 'P1',
      what: 'durable accept at saturation, idempotency keys on, PostgreSQL',
      value: `${perSecond(saturated)}, p99 ${saturated.p99.toFixed(1)} ms${failures(saturated)}`,
      limit: `bare Fastify ${Math.round(limit)}/s`,
      ratio: ratio.toFixed(2),
      goal: '≥ 0.5',
      met: ratio >= 0.5 && failures(saturated) === '',
    },
    {
      id: 'P1',
      what: `durable accept at ${OFFERED}/s offered, idempotency keys on`,
      value: `${perSecond(offered)}, p50 ${offered.p50.toFixed(1)} ms, p99 ${offered.p99.toFixed(1)} ms${failures(offered)}`,
      limit: '–',
      ratio: '–',
      goal: 'p99 < 10 ms',
      met: offered.p99 < 10 && offered.perSecond > OFFERED * 0.95,
    },
  ];
}

function embeddedRow(saturated: LoadResult, onPostgres: number): Row {
  const ratio = saturated.perSecond / onPostgres;
  return {
    id: 'P6',
    what: 'durable accept at saturation, idempotency keys on, embedded',
    value: `${perSecond(saturated)}, p99 ${saturated.p99.toFixed(1)} ms${failures(saturated)}`,
    limit: `PostgreSQL ${Math.round(onPostgres)}/s`,
    ratio: ratio.toFixed(2),
    goal: '≥ 0.5',
    met: ratio >= 0.5,
  };
}

function perSecond(load: LoadResult): string {
  return `${Math.round(load.perSecond)}/s`;
}

function failures({ statuses }: LoadResult): string {
  const others = Object.entries(statuses).filter(([status]) => status !== '202');
  return others.length === 0 ? '' : `, ${others.map(([status, count]) => `${count} × ${status}`).join(', ')}`;
}
