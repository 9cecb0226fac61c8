import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../test/support/postgres.ts';

const READY_TIMEOUT_MS = 10_000;

export interface Redis {
  port: number;
  stop(): Promise<void>;
}

/** A Redis of our own that writes every command to disk before it answers; null where there is no redis-server. */
export async function startRedis(): Promise<Redis | null> {
  const folder = mkdtempSync(join(tmpdir(), 'bellhop-redis-'));
  const port = await freePort();
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const where = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--maxmemory-policy',
    'noeviction',
  ];
  const server = spawn('redis-server', [...where, ...durable], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(server, 'close').catch(() => {});
  const isReady = await new Promise<boolean>((resolve) => {
    setTimeout(() => resolve(false), READY_TIMEOUT_MS).unref();
    server.once('error', () => resolve(false));
    server.once('exit', () => resolve(false));
    let log = '';
    server.stdout.on('data', (chunk: Buffer) => {
      log += chunk;
      if (log.includes('Ready to accept connections')) resolve(true);
    });
  });
  const stop = async () => {
    server.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  if (isReady) return { port, stop };
  await stop();
  return null;
}
