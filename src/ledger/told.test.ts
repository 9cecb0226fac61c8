import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';

const ROOT = new URL('../', import.meta.url).pathname;
const count = (source: string, name: string) => source.split(`\${${name}(`).length - 1;
/** Nobody is told that a delivery waits again. */
const quiet = (source: string) => source.replaceAll("countChanges('replayed')", '');

it('what counts a change of deliveries tells of it, too', () => {
  const statements = globSync('**/*.ts', { cwd: ROOT })
    .filter((file) => !file.endsWith('.test.ts'))
    .map((file) => [file, readFileSync(join(ROOT, file), 'utf8')] as const)
    .map(
      ([file, source]) => [file, count(quiet(source), 'countChanges'), count(source, 'tellChanges')] as const,
    );
  const counting = statements.filter(([, counts]) => counts > 0);
  assert.ok(counting.length >= 8, 'the statements are found');
  assert.deepEqual(
    counting.filter(([, counts, tells]) => counts !== tells),
    [],
  );
});
