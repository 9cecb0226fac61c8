import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Writes a file that only its owner can read, complete or not at all. Its folder is made if it is missing. */
export function writePrivateFile(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const unfinished = `${file}.tmp`;
  rmSync(unfinished, { force: true });
  // `mode` counts only for a file that is made here, so it must not exist: neither the rest of a crash nor a trap.
  writeFileSync(unfinished, content, { mode: 0o600, flag: 'wx', flush: true });
  renameSync(unfinished, file);
}
