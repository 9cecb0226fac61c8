import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './postgres.ts';
import { eventually } from './process.ts';

/**
 * A reason to skip when a tool of Prometheus is not installed, false when it is. CI sets
 * BELLHOP_TEST_REQUIRE_PROMETHEUS, and then nothing is skipped.
 */
export function missingTool(tool: 'prometheus' | 'promtool'): string | false {
  if (process.env.BELLHOP_TEST_REQUIRE_PROMETHEUS) return false;
  return spawnSync(tool, ['--version']).status === 0
    ? false
    : `${tool} is not installed (apt-get install prometheus)`;
}

/** Runs promtool; throws what it says when it is not content. */
export function promtool(...args: string[]): string {
  return execFileSync('promtool', args, { encoding: 'utf8', stdio: 'pipe', timeout: 120_000 });
}

export interface RunningPrometheus {
  /** `GET /api/v1/…`; the `data` of the answer. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  get(path: string): Promise<any>;
  stop(): Promise<void>;
}

/** A real Prometheus on a free port of loopback, with the given configuration (JSON is YAML). */
export async function startPrometheus(config: object): Promise<RunningPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'bellhop-prometheus-'));
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const port = await freePort();
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const said = collect(child);
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
    return ((await response.json()) as any).data;
  };
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const ready = async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus ended:\n${said()}`);
      return fetch(`http://127.0.0.1:${port}/-/ready`).then(
        ({ status }) => status,
        () => 0,
      );
    };
    await eventually(ready, (status) => status === 200);
  } catch (error) {
    await stop();
    throw error;
  }
  return { get, stop };
}

function collect(child: ChildProcess): () => string {
  let text = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  return () => text;
}
