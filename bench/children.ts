import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { LoadPlan, LoadResult } from './load.ts';

/** Starts a script of this folder as a child process; its first message says where it listens. */
export async function startPeer(
  file: string,
  options: ForkOptions = {},
): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(new URL(file, import.meta.url).pathname, options);
  const [message] = (await once(child, 'message')) as [{ port: number }];
  return { child, port: message.port };
}

export async function ask<T>(child: ChildProcess, message: unknown): Promise<T> {
  const answer = once(child, 'message');
  child.send(message as object);
  return ((await answer) as [T])[0];
}

/** Generates load from a process of its own. */
export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const child = fork(new URL('load.ts', import.meta.url).pathname);
  const result = await ask<LoadResult>(child, plan);
  await once(child, 'exit');
  return result;
}

/** Resident memory (MB) and CPU time used so far (ms) of a process (Linux). */
export function usageOf(pid: number): { rssMb: number; cpuMs: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const TICK_MS = 10;
  return {
    rssMb: Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024,
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
  };
}
