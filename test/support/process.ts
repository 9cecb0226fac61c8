import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = new URL('../../', import.meta.url).pathname;
/** An owner key of 32 characters or more that needs no look-up in a credentials file. */
export const LIVE_KEY = 'live-key-of-thirty-two-characters-or-more';
const READY_TIMEOUT_MS = 60_000;

export interface RunningBellhop {
  /** Empty when its roles do not serve the API. */
  url: string;
  pid: number;
  dataDir: string;
  /** Milliseconds from the start of the process to its ready line. */
  startMs: number;
  output(): string;
  /** The exit code, or null while it runs. */
  exited(): number | null;
  call(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<ApiAnswer>;
  /** Sends a signal and waits for the end; returns the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  /** Ends it and removes its folder. */
  dispose(): Promise<void>;
}

export interface ApiAnswer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  body: any;
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'bellhop-test-'));
}

/** Starts this checkout as a process of its own, as `npm start` does, on a free port. */
export async function startBellhop(
  env: Record<string, string> = {},
  options: { dataDir?: string; nodeArgs?: string[] } = {},
): Promise<RunningBellhop> {
  const dataDir = options.dataDir ?? temporaryFolder();
  const startedAt = performance.now();
  const nodeArgs = options.nodeArgs ?? process.env.BELLHOP_TEST_NODE_ARGS?.split(' ') ?? [];
  const child = spawn(process.execPath, [...nodeArgs, 'bin/bellhop.mjs', 'start'], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      BELLHOP_PORT: '0',
      BELLHOP_DATA_DIR: dataDir,
      BELLHOP_BOOTSTRAP_KEY: LIVE_KEY,
      BELLHOP_EGRESS_ALLOW: '127.0.0.1/32',
      BELLHOP_LOG_LEVEL: 'error',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collectOutput(child);
  const url = await readyUrl(child, output);
  const key = env.BELLHOP_BOOTSTRAP_KEY ?? LIVE_KEY;
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    return child.exitCode;
  };
  return {
    url,
    pid: child.pid!,
    dataDir,
    startMs: performance.now() - startedAt,
    output,
    exited: () => child.exitCode,
    call: (method, path, body, headers) => callApi(`${url}${path}`, key, { method, body, headers }),
    end,
    async dispose() {
      await end();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function collectOutput(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk;
    });
  }
  return () => text;
}

function readyUrl(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`Bellhop ${why}:\n${output()}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail('did not become ready');
    }, READY_TIMEOUT_MS);
    child.stdout!.on('data', () => {
      const match = /is ready(?: at (http:\/\/\S+))? \(/.exec(output());
      if (!match) return;
      clearTimeout(timer);
      resolve(match[1] ?? '');
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`ended with ${code}`);
    });
  });
}

async function callApi(
  url: string,
  key: string,
  { method, body, headers }: { method: string; body?: object; headers?: Record<string, string> },
): Promise<ApiAnswer> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

/** Asks again and again until the answer fits; tests wait for facts, not for time. */
export async function eventually<T>(
  ask: () => Promise<T>,
  fits: (answer: T) => boolean,
  timeoutMs = 20_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (performance.now() > end)
      throw new Error(
        `it did not come to pass within ${timeoutMs} ms; last: ${JSON.stringify(answer)?.slice(0, 2_000)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
