import { parseArgs } from 'node:util';
import { ApiClient } from './client.ts';
import { printProblem } from './problem.ts';
import { UsageError } from './usage.ts';

const CONNECTION_OPTIONS = { key: { type: 'string' }, url: { type: 'string' } } as const;
const FILTER_OPTIONS = {
  reason: { type: 'string' },
  code: { type: 'string' },
  provider: { type: 'string' },
  connection: { type: 'string' },
  channel: { type: 'string' },
  notification: { type: 'string' },
  user: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
} as const;
const STATES = ['dead', 'failed', 'unknown'];
const PAGE = 100;
const DEFAULT_LIMIT = 50;

type FilterValues = { [K in keyof typeof FILTER_OPTIONS]?: string };

interface ProblemView {
  id: string;
  notificationId: string;
  channel: string;
  state: string;
  reason?: string;
  code?: string;
  connection?: string;
  createdAt: string;
  next?: string;
}

/** `bellhop problems`: what is dead, failed or unknown, newest first. */
export async function problems(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      ...CONNECTION_OPTIONS,
      ...FILTER_OPTIONS,
      state: { type: 'string' },
      limit: { type: 'string' },
    },
  });
  const limit = readCount(values.limit, '--limit') ?? DEFAULT_LIMIT;
  const client = new ApiClient(values);
  for (const state of values.state ? [values.state] : STATES) {
    const code = await printList(client, { state, ...readFilter(values) }, limit);
    if (code !== 0) return code;
  }
  return 0;
}

/** A page may be empty and still not be the last: the server looks at so many at a time. */
async function printList(client: ApiClient, filter: Record<string, string>, limit: number): Promise<number> {
  let cursor: string | null = null;
  let shown = 0;
  do {
    const query = new URLSearchParams({ ...filter, limit: String(Math.min(PAGE, limit - shown)) });
    if (cursor) query.set('cursor', cursor);
    const { status, body } = await client.call('GET', `/v1/deliveries?${query}`);
    if (status !== 200) return printProblem(body);
    for (const item of body.items as ProblemView[]) printLine(item);
    shown += (body.items as ProblemView[]).length;
    cursor = body.nextCursor as string | null;
  } while (cursor && shown < limit);
  console.log(`${filter.state}: ${shown} shown${cursor ? ', there are more (--limit)' : ''}`);
  return 0;
}

function printLine({ id, channel, connection, state, reason, code, createdAt, next }: ProblemView): void {
  const why = [reason, code].filter(Boolean).join(', ');
  console.log(
    `${id}  ${createdAt}  ${state}  ${channel}${connection ? ` over ${connection}` : ''}${why ? ` (${why})` : ''}`,
  );
  if (next) console.log(`  ${next}`);
}

/** `bellhop replay`: sends dead or failed deliveries again, by ids or by a filter. */
export async function replay(args: string[]): Promise<number> {
  const { values, positionals: ids } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...CONNECTION_OPTIONS,
      ...FILTER_OPTIONS,
      state: { type: 'string' },
      rate: { type: 'string' },
      limit: { type: 'string' },
      show: { type: 'string' },
      cancel: { type: 'string' },
    },
  });
  const client = new ApiClient(values);
  if (values.show) return printReplay(client, 'GET', `/v1/replays/${encodeURIComponent(values.show)}`);
  if (values.cancel)
    return printReplay(client, 'POST', `/v1/replays/${encodeURIComponent(values.cancel)}/cancel`);
  if (ids.length > 0) return printOutcome(client, '/v1/deliveries/replay', { ids });
  if (!values.state) throw new UsageError('Which? Give ids of deliveries, or --state dead (or failed)');
  return printReplay(client, 'POST', '/v1/deliveries/replay', {
    filter: { state: values.state, ...readFilter(values) },
    ratePerSecond: readCount(values.rate, '--rate'),
    limit: readCount(values.limit, '--limit'),
  });
}

/** `bellhop settle`: says what became of deliveries whose outcome is unknown. */
export async function settle(args: string[]): Promise<number> {
  const { values, positionals: ids } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...CONNECTION_OPTIONS,
      ...FILTER_OPTIONS,
      as: { type: 'string' },
      note: { type: 'string' },
      all: { type: 'boolean' },
    },
  });
  if (!values.as) throw new UsageError('As what? Give --as sent, failed or queued');
  const client = new ApiClient(values);
  const { as, note } = values;
  if (ids.length > 0) return printOutcome(client, '/v1/deliveries/settle', { ids, as, note });
  const filter = readFilter(values);
  if (Object.keys(filter).length === 0 && !values.all)
    throw new UsageError('Which? Give ids of deliveries, a filter, or --all');
  return printOutcome(client, '/v1/deliveries/settle', { filter, as, note });
}

/** Calls until nothing is left to do, and prints the sum; refusals are told one by one. */
async function printOutcome(client: ApiClient, path: string, request: object): Promise<number> {
  let done = 0;
  let refusals = 0;
  for (let more = true; more; ) {
    const { status, body } = await client.call('POST', path, request);
    if (status >= 300) return printProblem(body);
    const { replayed, settled, refused } = body as Record<string, unknown[]>;
    done += (replayed ?? settled)!.length;
    for (const { id, reason, state } of refused as { id: string; reason: string; state?: string }[])
      console.error(`${id}  refused: ${reason}${state ? ` (it is ${state})` : ''}`);
    refusals += refused!.length;
    more = body.more === true;
  }
  console.log(`${done} done, ${refusals} refused`);
  return refusals > 0 ? 1 : 0;
}

async function printReplay(client: ApiClient, method: string, path: string, body?: object): Promise<number> {
  const answer = await client.call(method, path, body);
  if (answer.status >= 300) return printProblem(answer.body);
  const { id, state, replayed, ratePerSecond } = answer.body;
  console.log(`Replay ${id}: ${state}, ${replayed} queued so far, ${ratePerSecond} a second`);
  if (state === 'running') console.log(`  bellhop replay --show ${id}, or --cancel ${id}`);
  return 0;
}

function readFilter({ notification, user, ...values }: FilterValues): Record<string, string> {
  const { reason, code, provider, connection, channel, from, to } = values;
  const filter = {
    reason,
    code,
    provider,
    connection,
    channel,
    notificationId: notification,
    userId: user,
    from,
    to,
  };
  return Object.fromEntries(
    Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function readCount(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new UsageError(`${option} must be a whole number above 0`);
  return count;
}
