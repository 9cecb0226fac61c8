import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

const HEARTBEAT_MS = 2_000;
const STALE_MS = 15_000;

interface Owner {
  pid: number;
  host: string;
  /** When the process started, so that a reused pid is recognised; null where the system does not tell. */
  started: string | null;
}

export class FolderInUseError extends Error {
  override name = 'FolderInUseError';
}

/**
 * Claims a data folder for this process. PGlite itself would let two processes write the same files. The lock of
 * a process that died on this host is taken over at once; one of another host (a shared volume, a container)
 * when its heartbeat, the file's modification time, has stopped for 15 s.
 */
export function lockFolder(folder: string): { release(): void } {
  const path = join(folder, 'lock');
  const draft = `${path}.${process.pid}`;
  const owner: Owner = { pid: process.pid, host: hostname(), started: processStart(process.pid) };
  writeFileSync(draft, JSON.stringify(owner));
  try {
    if (!tryLink(draft, path)) {
      const holder = readOwner(path);
      if (holder && isAlive(holder, path)) throw inUse(folder, holder);
      // Moving the stale file away succeeds for one contender only; the other finds the new lock by linking.
      try {
        renameSync(path, `${draft}.stale`);
      } catch {}
      rmSync(`${draft}.stale`, { force: true });
      if (!tryLink(draft, path)) throw inUse(folder, readOwner(path));
    }
  } finally {
    rmSync(draft, { force: true });
  }
  const heartbeat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {}
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    release() {
      clearInterval(heartbeat);
      rmSync(path, { force: true });
    },
  };
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readOwner(path: string): Owner | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function isAlive(owner: Owner, path: string): boolean {
  if (owner.host !== hostname()) return Date.now() - statSync(path).mtimeMs < STALE_MS;
  if (owner.pid === process.pid) return owner.started === processStart(process.pid);
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return owner.started === null || owner.started === processStart(owner.pid);
}

/** Clock ticks since boot at which a process started (Linux: field 22 of /proc/<pid>/stat). */
function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function inUse(folder: string, owner: Owner | null): FolderInUseError {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : 'another process';
  return new FolderInUseError(
    `The data folder ${folder} is in use by ${who}. One process owns the embedded database: stop that one first, ` +
      'give this one another folder with BELLHOP_DATA_DIR, or set DATABASE_URL to share a PostgreSQL.',
  );
}
