import { type ChildProcess, type ForkOptions, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadPlan, LoadResult } from './load.ts';

const ROOT = new URL('../', import.meta.url).pathname;
export const BENCH_KEY = 'bench-key-of-thirty-two-characters-or-more';
const READY_TIMEOUT_MS = 60_000;

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

export interface RunningBellhop {
  port: number;
  pid: number;
  startMs: number;
  dataDir: string;
  stop(): Promise<void>;
}

/** A Bellhop of this checkout as a process of its own, in a folder of its own. */
export async function startBellhop(
  env: Record<string, string>,
  dataDir = mkdtempSync(join(tmpdir(), 'bellhop-bench-')),
): Promise<RunningBellhop> {
  const startedAt = performance.now();
  const profile = process.env.BELLHOP_TEST_PROFILE;
  const child = spawn(
    process.execPath,
    [...(profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []), 'bin/bellhop.mjs', 'start'],
    {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        BELLHOP_PORT: '0',
        BELLHOP_DATA_DIR: dataDir,
        BELLHOP_BOOTSTRAP_KEY: BENCH_KEY,
        BELLHOP_EGRESS_ALLOW: '127.0.0.1/32',
        BELLHOP_LOG_LEVEL: 'error',
        BELLHOP_ACCEPT_QUEUE: '100000',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const port = await readyPort(child);
  return {
    port,
    pid: child.pid!,
    startMs: performance.now() - startedAt,
    dataDir,
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      if (!env.KEEP) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function readyPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`Bellhop did not start:\n${output}`)), READY_TIMEOUT_MS);
    const read = (chunk: Buffer) => {
      output += chunk;
      const match = /is ready at http:\/\/[^:]+:(\d+)/.exec(output);
      if (!match) return;
      clearTimeout(timer);
      resolve(Number(match[1]));
    };
    child.stdout!.on('data', read);
    child.stderr!.on('data', (chunk: Buffer) => {
      output += chunk;
      process.stderr.write(chunk);
    });
    child.once('exit', (code) => reject(new Error(`Bellhop ended with ${code}:\n${output}`)));
  });
}

/** Calls the API of a running Bellhop with the bench's key. */
export async function call(
  port: number,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${BENCH_KEY}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? {} : JSON.parse(text);
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
