import { readFileSync } from 'node:fs';

const CHECK_MS = 500;

/**
 * npm starts us through a shell that may not pass signals on. When we were started by npm, calls back once npm or
 * that shell is gone, so that ending npm never leaves an orphan with the port and the data folder.
 */
export function onParentGone(callback: () => void): void {
  if (!process.env.npm_lifecycle_event) return;
  const ancestors = [process.ppid, parentOf(process.ppid)];
  const timer = setInterval(() => {
    const now = [process.ppid, parentOf(ancestors[0]!)];
    if (now[0] === ancestors[0] && now[1] === ancestors[1]) return;
    clearInterval(timer);
    callback();
  }, CHECK_MS);
  timer.unref();
}

/** The parent of a process (Linux: field 4 of /proc/<pid>/stat); null where the system does not tell. */
function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}
