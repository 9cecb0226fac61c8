import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { temporaryFolder } from '../support/process.ts';

const COMMITS = 50;
const hasStrace = spawnSync('strace', ['-V']).status === 0;
// Where strace is not installed this cannot be seen; CI installs it and insists.
const skip = hasStrace || process.env.CI ? false : 'needs strace';

it('the embedded database asks the kernel to sync every commit', { skip }, () => {
  const folder = temporaryFolder();
  const program = `
    import { openStore } from './src/store/index.ts';
    const store = await openStore({ dataDir: ${JSON.stringify(join(folder, 'data'))} });
    process.stderr.write('READY');
    for (let n = 0; n < ${COMMITS}; n++) await store.engine.query("insert into instance values ($1, '1')", [String(n)]);
    process.exit(0);`;
  const trace = join(folder, 'trace');
  const args = ['-f', '-e', 'trace=fdatasync,write', '-e', 'signal=none', '-o', trace];
  const run = spawnSync('strace', [...args, process.execPath, '--input-type=module', '-e', program], {
    cwd: new URL('../../', import.meta.url).pathname,
    timeout: 110_000,
  });
  assert.equal(run.status, 0, String(run.stderr));
  const lines = readFileSync(trace, 'utf8').split('\n');
  const ready = lines.findIndex((line) => line.includes('"READY"'));
  const synced = lines.slice(ready).filter((line) => /fdatasync\(\d+\) += 0/.test(line)).length;
  rmSync(folder, { recursive: true, force: true });
  assert.ok(synced >= COMMITS, `${synced} syncs for ${COMMITS} commits`);
});
