import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { LoadPlan, LoadResult } from './load.ts';

/** Starts a script of this folder as a child process; its first message says where it listens. */
export async function startPeer(
  file: string,
  args: string[] = [],
): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(new URL(file, import.meta.url).pathname, args);
  const [message] = (await once(child, 'message')) as [{ port: number }];
  return { child, port: message.port };
}

export async function ask<T>(child: ChildProcess, message: unknown): Promise<T> {
  const answer = once(child, 'message');
  child.send(message as object);
  return ((await answer) as [T])[0];
}

/** Generates load from a process of its own; `file` for requests of another kind. */
export async function runLoad(plan: LoadPlan, file = 'load.ts'): Promise<LoadResult> {
  const child = fork(new URL(file, import.meta.url).pathname);
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

const TASK_TIMEOUT_MS = 180_000;

/**
 * Runs a script of this folder in a process of its own: hands it its plan and returns its one answer. Rejects when it
 * ends without one or takes longer than three minutes. `BELLHOP_BENCH_NODE_ARGS` (such as `--cpu-prof`) is for profiles.
 */
export async function runTask<T>(file: string, plan: object, env: Record<string, string> = {}): Promise<T> {
  const execArgv = process.env.BELLHOP_BENCH_NODE_ARGS?.split(' ') ?? [];
  const child = fork(new URL(file, import.meta.url).pathname, { execArgv, env: { ...process.env, ...env } });
  const answered = new Promise<T>((resolve, reject) => {
    child.once('message', resolve as (message: unknown) => void);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), TASK_TIMEOUT_MS);
  try {
    child.send(plan);
    const answer = await answered;
    if (child.exitCode === null) await once(child, 'exit');
    return answer;
  } finally {
    clearTimeout(timer);
  }
}
