import { spawnSync } from 'node:child_process';

/** `npm run check`: everything that must hold before work is handed in. Runs all steps and names those that failed. */
const STEPS: [string, string[]][] = [
  ['format and lint', ['biome', 'check', '.']],
  ['types', ['tsc', '-p', '.']],
  ['generated files are fresh', ['node', 'scripts/generate.ts', '--check']],
  ['install scripts and lockfile', ['node', 'scripts/supply-chain.ts']],
  ['tests', ['npm', 'test']],
];

const failed: string[] = [];
for (const [name, [command, ...args]] of STEPS) {
  console.log(`\n▸ ${name}`);
  const { status } = spawnSync(command!, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) failed.push(name);
}
console.log(failed.length === 0 ? '\nEverything holds.' : `\nFailed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
