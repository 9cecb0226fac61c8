import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { LIVE_KEY } from '../test/support/process.ts';
import { usageOf } from './children.ts';
import { task } from './task.ts';

export interface ReadersPlan {
  url: string;
  /** Empty for the key of tests. */
  key: string;
  /** Of the users `reader-0`, `reader-1` and so on: one stream each. */
  tokens: string[];
  /** Items a second, and how many of the users get them. */
  rate: number;
  addressed: number;
  seconds: number;
  warmUpSeconds: number;
  /** How long to wait before memory is looked at. */
  settledMs: number;
  pid: number;
}

export interface ReadersResult {
  open: number;
  openedMs: number;
  openMb: number;
  idleCpuPercent: number;
  cpuPercent: number;
  sent: number;
  lost: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

const AT_ONCE = 50;
const LATE_MS = 5_000;

task<ReadersPlan>(async (plan) => {
  const sentAt: number[] = [];
  const tookMs: number[] = [];
  const hear = (text: string) => {
    const at = performance.now();
    for (const [, n] of text.matchAll(/"title":"item-(\d+)"/g)) tookMs[Number(n)] ??= at - sentAt[Number(n)]!;
  };
  const startedAt = performance.now();
  const sockets = await openAll(plan, hear);
  const openedMs = performance.now() - startedAt;
  await wait(plan.settledMs);
  const [first, quietAt] = [usageOf(plan.pid), performance.now()];
  await wait(plan.settledMs);
  const idle = usageOf(plan.pid);
  const idleCpuPercent = (100 * (idle.cpuMs - first.cpuMs)) / (performance.now() - quietAt);
  await sendAll({ ...plan, seconds: plan.warmUpSeconds }, { name: 'warm', sentAt: [] });
  await wait(plan.settledMs);
  const warm = usageOf(plan.pid);
  const busyAt = performance.now();
  await sendAll(plan, { name: 'item', sentAt });
  const cpuPercent = (100 * (usageOf(plan.pid).cpuMs - warm.cpuMs)) / (performance.now() - busyAt);
  const heard = () => tookMs.reduce((count) => count + 1, 0);
  for (let waited = 0; heard() < sentAt.length && waited < LATE_MS; waited += 50) await wait(50);
  const sorted = tookMs.filter((ms) => ms !== undefined).toSorted((a, b) => a - b);
  const quantile = (q: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  const open = sockets.filter((socket) => !socket.destroyed).length;
  for (const socket of sockets) socket.destroy();
  const result: ReadersResult = {
    open,
    openedMs,
    openMb: idle.rssMb,
    idleCpuPercent,
    cpuPercent,
    sent: sentAt.length,
    lost: sentAt.length - sorted.length,
    p50: quantile(0.5),
    p99: quantile(0.99),
  };
  return result;
});

async function openAll({ url, tokens }: ReadersPlan, hear: (text: string) => void): Promise<Socket[]> {
  const { hostname, port } = new URL(url);
  const open = async (token: string) => {
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, 'connect');
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.write(`GET /v1/inbox/stream HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${token}\r\n\r\n`);
    // A status line and what follows; an item's title never stands across two chunks at this rate.
    const [head] = (await once(socket, 'data')) as [string];
    if (!head.startsWith('HTTP/1.1 200')) throw new Error(head);
    socket.on('data', hear);
    return socket;
  };
  const sockets: Socket[] = [];
  for (let n = 0; n < tokens.length; n += AT_ONCE)
    sockets.push(...(await Promise.all(tokens.slice(n, n + AT_ONCE).map(open))));
  return sockets;
}

/** Sends at a steady pace, whatever the answers take. */
async function sendAll(
  { url, key, tokens, rate, addressed, seconds }: ReadersPlan,
  { name, sentAt }: { name: string; sentAt: number[] },
): Promise<void> {
  const chosen = Array.from({ length: addressed }, () => Math.floor(Math.random() * tokens.length));
  const headers = { authorization: `Bearer ${key || LIVE_KEY}`, 'content-type': 'application/json' };
  const startedAt = performance.now();
  const answers: Promise<unknown>[] = [];
  for (let n = 0; n < rate * seconds; n++) {
    const due = startedAt + (n * 1_000) / rate;
    const early = due - performance.now();
    if (early > 0) await wait(early);
    const body = {
      userId: `reader-${chosen[n % addressed]}`,
      channels: ['inbox'],
      message: { title: `${name}-${n}`, body: 'You have a new message from Alice.' },
    };
    sentAt[n] = performance.now();
    const request = fetch(`${url}/v1/notifications`, { method: 'POST', headers, body: JSON.stringify(body) });
    answers.push(request.then((answer) => answer.arrayBuffer()));
  }
  await Promise.all(answers);
}
