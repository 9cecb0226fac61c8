import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ApiClient } from './client.ts';
import { printProblem } from './problem.ts';
import { UsageError } from './usage.ts';

const CONNECTION_OPTIONS = { key: { type: 'string' }, url: { type: 'string' } } as const;
const WAIT_STEP_MS = 200;
const WAIT_STEPS = 100;

/** `bellhop send`: one notification through a running Bellhop. */
export async function send(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...CONNECTION_OPTIONS,
      title: { type: 'string' },
      body: { type: 'string' },
      template: { type: 'string' },
      variables: { type: 'string' },
      channels: { type: 'string' },
      wait: { type: 'boolean' },
    },
  });
  const [userId] = positionals;
  if (!userId) throw new UsageError('Whom? Give the id of a user');
  const client = new ApiClient(values);
  const content = values.template
    ? { template: { id: values.template, variables: parseVariables(values.variables) } }
    : { message: { title: values.title, body: values.body } };
  const answer = await client.call('POST', '/v1/notifications', {
    userId,
    channels: values.channels?.split(','),
    ...content,
  });
  if (answer.status !== 202) return printProblem(answer.body);
  console.log(`Accepted: ${answer.body.id}`);
  return values.wait ? printStatus(client, String(answer.body.id), WAIT_STEPS) : 0;
}

/** `bellhop status`: the timeline of one notification. */
export async function status(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: CONNECTION_OPTIONS });
  const [id] = positionals;
  if (!id) throw new UsageError('Which one? Give the id of a notification');
  return printStatus(new ApiClient(values), id, 0);
}

async function printStatus(client: ApiClient, id: string, steps: number): Promise<number> {
  for (let step = 0; ; step++) {
    const { status, body } = await client.call('GET', `/v1/notifications/${encodeURIComponent(id)}`);
    if (status !== 200) return printProblem(body);
    if (step < steps && ['accepted', 'processing'].includes(String(body.status))) {
      await wait(WAIT_STEP_MS);
      continue;
    }
    printNotification(body);
    return 0;
  }
}

interface DeliveryView {
  channel: string;
  state: string;
  reason?: string;
  provider?: string;
  next?: string;
  attempts: {
    n: number;
    outcome: string;
    reason?: string;
    code?: string;
    startedAt: string;
    latencyMs?: number;
  }[];
}

function printNotification(view: Record<string, unknown>): void {
  console.log(
    `${view.id}  ${view.status}${view.reason ? ` (${view.reason})` : ''}  to ${view.userId}, ${view.createdAt}`,
  );
  for (const delivery of view.deliveries as DeliveryView[]) {
    const { channel, state, reason, provider, next } = delivery;
    console.log(
      `  ${channel}${provider ? ` over ${provider}` : ''}: ${state}${reason ? ` (${reason})` : ''}`,
    );
    if (next) console.log(`    ${next}`);
    for (const attempt of delivery.attempts) {
      const why = [attempt.reason, attempt.code].filter(Boolean).join(', ');
      const took = attempt.latencyMs === undefined ? '' : ` in ${attempt.latencyMs} ms`;
      console.log(
        `    #${attempt.n} ${attempt.startedAt} ${attempt.outcome}${took}${why ? ` (${why})` : ''}`,
      );
    }
  }
}

function parseVariables(text: string | undefined): object {
  if (text === undefined) return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--variables must be JSON: ${(error as Error).message}`);
  }
}
