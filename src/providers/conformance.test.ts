import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { listProviders } from './index.ts';

for (const { id, channel } of listProviders()) {
  test(`the tests of ${id} run the conformance suite`, () => {
    const source = readFileSync(new URL(`./${channel}/${id}.test.ts`, import.meta.url), 'utf8');
    assert.match(source, /^conformance\(/m);
  });
}
