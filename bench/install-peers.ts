import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('peers/', import.meta.url));
const INSTALL_TIMEOUT_MS = 300_000;
/** npm leaves this list of what it installed; one that differs from the lock belongs to an older or broken install. */
const INSTALLED = 'node_modules/.package-lock.json';

/**
 * Installs what P4 and P7 compare with into `bench/peers/node_modules`, once. They are no dependency of Bellhop.
 * Returns why it could not, or null when they are there.
 */
export function installPeers(): string | null {
  if (isInstalled()) return null;
  console.log('Installing what Bellhop is compared with into bench/peers/node_modules (about 70 MB, once) …');
  // Nothing of it needs its install script.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error, stderr } = spawnSync('npm', args, {
    cwd: FOLDER,
    encoding: 'utf8',
    timeout: INSTALL_TIMEOUT_MS,
    shell: process.platform === 'win32',
  });
  if (status === 0) return null;
  const why = error?.message ?? /npm error code (\S+)/.exec(stderr)?.[1] ?? `npm ended with ${status}`;
  return `not measured: \`npm ci\` in bench/peers needs the package registry and failed (${why})`;
}

function isInstalled(): boolean {
  if (!existsSync(`${FOLDER}${INSTALLED}`)) return false;
  const versions = (file: string) => {
    const { packages } = JSON.parse(readFileSync(`${FOLDER}${file}`, 'utf8')) as Lock;
    return new Map(Object.entries(packages).map(([path, { version }]) => [path, version]));
  };
  const locked = versions('package-lock.json');
  // Optional packages of other platforms are locked and not installed.
  return [...versions(INSTALLED)].every(([path, version]) => locked.get(path) === version);
}

interface Lock {
  packages: Record<string, { version?: string }>;
}
