import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { temporaryFolder } from './support/process.ts';

it('a failing test fails the whole run, although the run starts and stops a PostgreSQL', () => {
  const folder = temporaryFolder();
  const file = join(folder, 'failing.test.ts');
  writeFileSync(
    file,
    "import { it } from 'node:test'; it('fails', () => { throw new Error('on purpose'); });",
  );
  const args = ['--test', '--test-global-setup=test/support/global-setup.ts', file];
  const env = { PATH: process.env.PATH };
  const run = spawnSync(process.execPath, args, {
    cwd: new URL('../', import.meta.url).pathname,
    env,
    timeout: 100_000,
  });
  rmSync(folder, { recursive: true, force: true });
  assert.equal(run.status, 1, String(run.stdout));
});
